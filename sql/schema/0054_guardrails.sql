-- Guardrails: what was judged of a batch before it could move a weight, and what followed.

create table allot.guardrail_check (
    experiment allot.name not null references allot.experiment (slug),
    batch_id allot.batch_id not null,
    number integer not null check (number >= 1),
    statistics_hash allot.hash not null,
    weights_version integer not null,
    action text not null check (action in ('proceed', 'hold', 'roll_back')),
    promotable boolean not null,
    explanation text not null,
    dag_run text not null,
    code_revision text not null,
    checked_at timestamptz not null default clock_timestamp(),
    primary key (experiment, batch_id, number),
    foreign key (experiment, batch_id, statistics_hash)
    references allot.batch_statistics (experiment, batch_id, statistics_hash),
    foreign key (experiment, weights_version)
    references allot.weights_snapshot (experiment, version),
    constraint only_a_good_batch_promotes check (action = 'proceed' or not promotable)
);

create trigger immutable before update or delete on allot.guardrail_check
for each row execute function allot.refuse_change();

comment on table allot.guardrail_check is
'Every judgement of a batch by all guardrails; of one batch and its sums the newest counts.';
comment on column allot.guardrail_check.number is 'Counts from 1 per batch.';
comment on column allot.guardrail_check.statistics_hash is
'The sums of the batch that were judged.';
comment on column allot.guardrail_check.weights_version is 'What was live when it was judged.';
comment on column allot.guardrail_check.action is
'proceed: the batch may move weights; hold: its log cannot be trusted; roll_back: shares went '
'back.';
comment on column allot.guardrail_check.promotable is
'Whether a challenger may be promoted: nothing failed and nothing is unknown.';
comment on column allot.guardrail_check.explanation is 'Why, in a sentence.';

create table allot.guardrail_result (
    experiment allot.name not null,
    batch_id allot.batch_id not null,
    number integer not null,
    guardrail allot.name not null,
    state text not null check (state in ('pass', 'warn', 'fail', 'unknown')),
    value double precision,
    fails_beyond double precision,
    critical boolean not null,
    api_wide boolean not null,
    explanation text not null,
    primary key (experiment, batch_id, number, guardrail),
    foreign key (experiment, batch_id, number)
    references allot.guardrail_check (experiment, batch_id, number),
    constraint numbers check (
        coalesce(abs(value), 0) < 'infinity'::double precision
        and coalesce(abs(fails_beyond), 0) < 'infinity'::double precision
    )
);

create trigger immutable before update or delete on allot.guardrail_result
for each row execute function allot.refuse_change();

comment on table allot.guardrail_result is 'What every guardrail said in a judgement.';
comment on column allot.guardrail_result.value is 'What was found; null where nothing could be.';
comment on column allot.guardrail_result.fails_beyond is 'The declared limit.';
comment on column allot.guardrail_result.critical is 'Whether it rolls back alone.';
comment on column allot.guardrail_result.api_wide is
'Whether it judges the API as a whole, and so never rolls back an experiment.';
