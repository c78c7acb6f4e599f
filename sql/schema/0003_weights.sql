-- Weights: the chain of published snapshots. These rows are the only arbiter of what is live.

create table allot.weights_snapshot (
    experiment allot.name not null,
    version integer not null check (version >= 0),
    parent allot.hash not null,
    content_hash allot.hash not null,
    content text not null,
    revision integer not null,
    batch_id allot.batch_id,
    statistics_hash allot.hash,
    provenance jsonb not null,
    published_at timestamptz not null default now(),
    parent_version integer generated always as (nullif(version, 0) - 1) stored,
    primary key (experiment, version),
    constraint one_child_per_parent unique (experiment, parent),
    constraint version_has_hash unique (experiment, version, content_hash),
    constraint known_revision foreign key (experiment, revision)
    references allot.experiment_revision (experiment, revision),
    constraint follows_parent foreign key (experiment, parent_version, parent)
    references allot.weights_snapshot (experiment, version, content_hash),
    constraint hash_names_content
    check (content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex'))
);

create trigger immutable before update or delete on allot.weights_snapshot
for each row execute function allot.refuse_change();

comment on table allot.weights_snapshot is
'Published weights, immutable. Each version names the one before it by hash: one chain.';
comment on column allot.weights_snapshot.version is
'Counts from 0, the declared default shares.';
comment on column allot.weights_snapshot.parent is
'Content hash of the version before; the revision hash for version 0.';
comment on column allot.weights_snapshot.content_hash is
'SHA-256 of the content; the snapshot''s name.';
comment on column allot.weights_snapshot.content is
'Canonical JSON, byte for byte as hashed: lineage, salt, bucket ranges per cell and slot.';
comment on column allot.weights_snapshot.revision is
'Revision of the experiment that was in force.';
comment on column allot.weights_snapshot.batch_id is
'Newest batch folded in; null before the first.';
comment on column allot.weights_snapshot.statistics_hash is
'Hash over the statistics of all batches folded in; null before the first.';
comment on column allot.weights_snapshot.provenance is
'Beside the hash: DAG run, code revision, lake version, effective from.';
comment on column allot.weights_snapshot.parent_version is
'The version before; null for version 0.';

create table allot.weights_batch (
    experiment allot.name not null,
    version integer not null,
    batch_id allot.batch_id not null,
    statistics_hash allot.hash not null,
    primary key (experiment, version, batch_id),
    foreign key (experiment, version) references allot.weights_snapshot (experiment, version),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.batch_statistics (experiment, batch_id, statistics_hash)
);

create trigger immutable before update or delete on allot.weights_batch
for each row execute function allot.refuse_change();

comment on table allot.weights_batch is
'Which sums of which batches a version folded: the inputs to recompute it from.';

create table allot.allocation_event (
    experiment allot.name not null,
    version integer not null,
    reason text not null check (reason in ('created', 'batch', 'restatement', 'revision')),
    held boolean not null default false,
    explanation text not null,
    restated allot.batch_id[] not null default '{}',
    policy jsonb not null,
    primary key (experiment, version),
    foreign key (experiment, version) references allot.weights_snapshot (experiment, version)
);

create trigger immutable before update or delete on allot.allocation_event
for each row execute function allot.refuse_change();

comment on table allot.allocation_event is
'Why a version came to be, and whether the shares were held.';
comment on column allot.allocation_event.reason is
'created (version 0), batch (one more closed), restatement (an old one changed) or revision.';
comment on column allot.allocation_event.held is
'Whether the hold rule or burn-in kept the shares that were live.';
comment on column allot.allocation_event.explanation is
'The decision in a sentence, for a person.';
comment on column allot.allocation_event.restated is
'Batches that an earlier version folded with other sums.';
comment on column allot.allocation_event.policy is
'Policy, prior, memory and limits that were applied, as declared.';

create table allot.posterior_snapshot (
    experiment allot.name not null,
    version integer not null,
    cell text not null,
    slot smallint not null check (slot >= 0),
    arm smallint not null check (arm >= 0),
    arm_id allot.name not null,
    n double precision not null check (n >= 0),
    sum_r double precision not null,
    family text not null,
    parameters jsonb not null,
    mean double precision not null,
    sd double precision not null check (sd >= 0),
    primary key (experiment, version, cell, slot, arm),
    foreign key (experiment, version) references allot.weights_snapshot (experiment, version)
);

create trigger immutable before update or delete on allot.posterior_snapshot
for each row execute function allot.refuse_change();

comment on table allot.posterior_snapshot is
'Belief about every arm from which a version was allocated: prior plus the folded sums.';
comment on column allot.posterior_snapshot.cell is
'Context cell; * where all contexts share one.';
comment on column allot.posterior_snapshot.slot is 'Position in the slate, from 0.';
comment on column allot.posterior_snapshot.arm is 'Index of the arm, from 0.';
comment on column allot.posterior_snapshot.n is
'Observations folded in; fractional under a discount.';
comment on column allot.posterior_snapshot.sum_r is 'Σ r folded in.';
comment on column allot.posterior_snapshot.family is
'Distribution of the posterior: beta, normal, …';
comment on column allot.posterior_snapshot.parameters is
'Its parameters by name, as {"alpha": 7, "beta": 412}.';
comment on column allot.posterior_snapshot.mean is 'Posterior mean of the reward.';
comment on column allot.posterior_snapshot.sd is
'Posterior standard deviation of the mean reward.';

create table allot.allocation (
    experiment allot.name not null,
    version integer not null,
    cell text not null,
    slot smallint not null check (slot >= 0),
    arm smallint not null check (arm >= 0),
    arm_id allot.name not null,
    best_probability double precision check (best_probability between 0 and 1),
    proposed double precision not null check (proposed between 0 and 1),
    limits jsonb not null check (jsonb_typeof(limits) = 'array'),
    live_buckets integer check (live_buckets between 0 and 10000),
    buckets integer not null check (buckets between 0 and 10000),
    share double precision not null
    generated always as (buckets / 10000.0::double precision) stored,
    primary key (experiment, version, cell, slot, arm),
    foreign key (experiment, version) references allot.weights_snapshot (experiment, version)
);

create trigger immutable before update or delete on allot.allocation
for each row execute function allot.refuse_change();

comment on table allot.allocation is
'How an arm came to its share of a version: proposal of the policy, each limit in turn, buckets.';
comment on column allot.allocation.best_probability is
'P(arm is best) under the posterior: a description, not a test; null where the policy has none.';
comment on column allot.allocation.proposed is 'Share that the policy asked for.';
comment on column allot.allocation.limits is
'What each limit did, in order: [{"limit": "probability_floor", "share": 0.12, …}, …].';
comment on column allot.allocation.live_buckets is
'Buckets in the version before, which was live; null for a new arm.';
comment on column allot.allocation.buckets is 'Buckets of 10,000 in this version.';
comment on column allot.allocation.share is
'Buckets / 10,000: the propensity of a decision for this arm.';
