-- Gates: a challenger's shares frozen beside each version, and what was decided of it.

create table allot.shadow_allocation (
    experiment allot.name not null,
    version integer not null,
    since integer not null check (since >= 1),
    share double precision not null check (share between 0 and 1),
    weights_hash allot.hash not null,
    content_hash allot.hash not null,
    content text not null,
    primary key (experiment, version),
    foreign key (experiment, version, weights_hash)
    references allot.weights_snapshot (experiment, version, content_hash),
    foreign key (experiment, since) references allot.experiment_revision (experiment, revision),
    constraint hash_names_content
    check (content_hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
    constraint content_says_the_same check (
        content::jsonb ->> 'experiment' = experiment
        and content::jsonb ->> 'weights' = weights_hash
        and (content::jsonb ->> 'since')::integer = since
        and (content::jsonb ->> 'share')::double precision = share
    )
);

create function allot.only_with_its_version() returns trigger language plpgsql as $$
begin
    if not exists (
        select 1 from allot.weights_snapshot as w
        where w.experiment = new.experiment and w.version = new.version
            -- The time of the transaction: the same only for what the same one wrote.
            and w.published_at = transaction_timestamp()
    ) then
        raise exception 'shadow of % v% is refused: it was not frozen with its version',
            new.experiment, new.version
            using errcode = 'restrict_violation';
    end if;
    return new;
end;
$$;

create trigger frozen before insert on allot.shadow_allocation
for each row execute function allot.only_with_its_version();

create trigger immutable before update or delete on allot.shadow_allocation
for each row execute function allot.refuse_change();

comment on table allot.shadow_allocation is
'What incumbent and challenger would each have published with a version, written in its '
'transaction: frozen before the first decision of that version.';
comment on column allot.shadow_allocation.since is
'Revision with which this challenger stood against this incumbent first.';
comment on column allot.shadow_allocation.share is
'Part of the version that follows the challenger; 0 in the shadow.';
comment on column allot.shadow_allocation.weights_hash is 'Content hash of the version.';
comment on column allot.shadow_allocation.content_hash is 'SHA-256 of the content; its name.';
comment on column allot.shadow_allocation.content is
'Canonical JSON, byte for byte as hashed: policy, methods, buckets per cell, slot and arm of both.';

create table allot.gate_decision (
    experiment allot.name not null,
    number integer not null check (number >= 1),
    since integer not null,
    challenger jsonb not null,
    state text not null check (state in ('shadow', 'ramp', 'promoted', 'rejected')),
    step smallint check (step >= 0),
    share double precision not null check (share between 0 and 1),
    verdict text check (verdict in ('pass', 'wait', 'fail', 'unknown')),
    explanation text not null,
    margin double precision not null check (margin >= 0),
    batch_id allot.batch_id,
    evidence_hash allot.hash,
    weights_version integer not null,
    decided_by text not null,
    code_revision text,
    decided_at timestamptz not null default clock_timestamp(),
    primary key (experiment, number),
    foreign key (experiment, since) references allot.experiment_revision (experiment, revision),
    foreign key (experiment, weights_version)
    references allot.weights_snapshot (experiment, version),
    constraint only_a_ramp_has_steps check ((state = 'ramp') = (step is not null)),
    constraint traffic_only_on_the_ramp check (
        case state when 'ramp' then share > 0 when 'promoted' then share = 1 else share = 0 end
    ),
    constraint evidence_is_named check (
        (verdict is null) = (evidence_hash is null)
        and (verdict is null) = (code_revision is null)
    )
);

create index gate_decision_since on allot.gate_decision (experiment, since, number);

create trigger immutable before update or delete on allot.gate_decision
for each row execute function allot.refuse_change();

comment on table allot.gate_decision is
'What was decided of every challenger, append-only; of an experiment the highest number counts.';
comment on column allot.gate_decision.number is 'Counts from 1 per experiment.';
comment on column allot.gate_decision.since is
'Revision with which this challenger stood against this incumbent first.';
comment on column allot.gate_decision.challenger is 'Its policy as declared: name and params.';
comment on column allot.gate_decision.state is
'shadow (no traffic), ramp (a share of it), promoted (its policy is in force) or rejected.';
comment on column allot.gate_decision.step is 'Step of the ramp, from 0.';
comment on column allot.gate_decision.share is 'Its share of traffic from the next version on.';
comment on column allot.gate_decision.verdict is
'What the rows said; null where a roll-back decided.';
comment on column allot.gate_decision.explanation is 'Why, in words and numbers.';
comment on column allot.gate_decision.margin is
'Largest loss of value that was declared, absolute.';
comment on column allot.gate_decision.batch_id is 'Newest closed batch; null before the first.';
comment on column allot.gate_decision.evidence_hash is
'Names the sums and the shadows that were read; null where a roll-back decided.';
comment on column allot.gate_decision.weights_version is 'What was live when it was decided.';
comment on column allot.gate_decision.decided_by is 'The DAG run, or whoever rolled back.';
comment on column allot.gate_decision.code_revision is
'Code that judged; null where a roll-back decided.';

create table allot.gate_difference (
    experiment allot.name not null,
    number integer not null,
    position smallint not null check (position >= 0),
    verdict text not null check (verdict in ('pass', 'wait', 'fail', 'unknown')),
    reason text not null,
    batches integer not null check (batches >= 0),
    observations bigint not null check (observations >= 0),
    lower double precision,
    estimate double precision,
    upper double precision,
    effective_sample_size double precision check (effective_sample_size >= 0),
    mean_weight double precision check (mean_weight >= 0),
    support double precision check (support between 0 and 1),
    changed double precision check (changed >= 0),
    primary key (experiment, number, position),
    foreign key (experiment, number) references allot.gate_decision (experiment, number),
    constraint ordered check (lower <= estimate and estimate <= upper)
);

create trigger immutable before update or delete on allot.gate_difference
for each row execute function allot.refuse_change();

comment on table allot.gate_difference is
'Value of the challenger minus that of the incumbent per position, as a decision read it.';
comment on column allot.gate_difference.batches is
'Batches under frozen shares of this challenger.';
comment on column allot.gate_difference.observations is 'Observations in them.';
comment on column allot.gate_difference.lower is
'Lower end of the sequence at the newest look; null before it has one.';
comment on column allot.gate_difference.effective_sample_size is
'(Σw)² / Σw² of the challenger''s weights.';
comment on column allot.gate_difference.mean_weight is 'Σw / n, which should be 1.';
comment on column allot.gate_difference.support is
'Part of the challenger''s shares on arms that were drawn.';
comment on column allot.gate_difference.changed is
'Observations that the challenger would have decided otherwise, in expectation.';

alter table allot.allocation_event drop constraint allocation_event_reason_check;
alter table allot.allocation_event add constraint allocation_event_reason_check
check (reason in ('created', 'batch', 'restatement', 'revision', 'rollback', 'ramp'));

comment on column allot.allocation_event.reason is
'created (version 0), batch (one more closed), restatement (an old one changed), revision, '
'rollback or ramp (a challenger''s share of the traffic changed).';
