-- Rows of %(experiments)s experiments with %(batches)s days each; made for their number alone.
-- Four arms, two cohorts, one version per batch, two judged policies by five estimators.
-- Whatever a day brings is written day by day, all experiments together: so it lies on disk, and
-- the rows of one experiment are far apart.
create temporary table e on commit preserve rows as
select
    i,
    'shop-' || i as experiment,
    encode(sha256(('e' || i)::bytea), 'hex') as hash
from generate_series(1, %(experiments)s) as i;

create temporary table b on commit preserve rows as
select
    e.i,
    e.experiment,
    k,
    to_char(date '2026-01-01' + k, 'YYYY-MM-DD') as batch_id,
    encode(sha256((e.i || '/' || k)::bytea), 'hex') as hash,
    timestamptz '2026-01-01' + make_interval(days => k + 1) as at
from generate_series(1, %(batches)s) as k cross join e order by k, e.i;

create temporary table v on commit preserve rows as
select
    e.i,
    e.experiment,
    n as version,
    'snapshot ' || e.i || '/' || n as content
from generate_series(0, %(batches)s) as n cross join e order by n, e.i;

create temporary table arms on commit preserve rows as
select a::smallint as arm, 'arm-' || a as arm_id, c as cell
from generate_series(0, 3) as a cross join (values ('*'), ('loyal')) as cells (c);

-- Without these, every join below is planned as if the tables were empty.
analyze e;
analyze b;
analyze v;
analyze arms;

insert into allot.experiment (slug, created_by) select experiment, 'bench' from e;

insert into allot.experiment_revision
(experiment, revision, revision_hash, canonical, origin, submitted_by, reason)
select experiment, 1, encode(sha256(convert_to(told, 'UTF8')), 'hex'), told, 'api', 'bench', 'bench'
from (
    select
        e.experiment,
        jsonb_build_object(
            'slug', e.experiment, 'title', 'Shop ' || e.i, 'owner', 'bench',
            'arms', jsonb_build_array('arm-0', 'arm-1', 'arm-2', 'arm-3'), 'control', 'arm-0',
            'positions', 1, 'batch', 'P1D', 'policy', jsonb_build_object('name', 'thompson'),
            'reward', jsonb_build_object('kind', 'bernoulli', 'window', 'P1D'),
            'source', case when e.i % 2 = 0 then jsonb_build_object('kind', 'decision_log')
                else jsonb_build_object('kind', 'open_bandit', 'campaign', 'men') end
        )::text as told
    from e
) as declared;

insert into allot.experiment_state (experiment, number, state, changed_by, reason)
select experiment, n, 'running', 'bench', 'bench' from e cross join generate_series(1, 3) as n;

insert into allot.batch_statistics
(experiment, batch_id, statistics_hash, lake_version, first_observed_at, observed_at)
select experiment, batch_id, hash, k, at, at from b
order by b.k, b.i;

insert into allot.arm_statistics (
    experiment, batch_id, statistics_hash, version, arm, position, cohort, n, sum_r, sum_r2,
    sum_ip, sum_ip2, sum_r_ip, sum_r_ip2, sum_r2_ip2, decisions
)
select
    b.experiment, b.batch_id, b.hash, 'v' || b.k - 1, arms.arm, 0, arms.cell,
    1000, 50, 50, 4000, 16000, 200, 800, 800, 1000
from b cross join arms
order by b.k, b.i;

insert into allot.weights_snapshot (
    experiment, version, parent, content_hash, content, revision, batch_id, statistics_hash,
    provenance, published_at
)
select
    v.experiment, v.version,
    encode(sha256(convert_to('snapshot ' || v.i || '/' || v.version - 1, 'UTF8')), 'hex'),
    encode(sha256(convert_to(v.content, 'UTF8')), 'hex'), v.content, 1, b.batch_id, b.hash,
    '{"dag_run": "bench", "code_revision": "bench"}',
    timestamptz '2026-01-01' + make_interval(days => v.version)
from v left join b on v.i = b.i and v.version = b.k
order by v.version, v.i;

insert into allot.weights_batch (experiment, version, batch_id, statistics_hash)
select v.experiment, v.version, b.batch_id, b.hash
from v inner join b on v.i = b.i and b.k <= v.version
order by v.version, v.i;

insert into allot.allocation_event (experiment, version, reason, explanation, policy)
select experiment, version, case version when 0 then 'created' else 'batch' end, 'bench', '{}'
from v
order by v.version, v.i;

insert into allot.posterior_snapshot
select
    v.experiment, v.version, arms.cell, 0, arms.arm, arms.arm_id, 1000.0 * v.version,
    50.0 * v.version, 'beta', '{"alpha": 51, "beta": 951}', 0.05, 0.01
from v cross join arms
order by v.version, v.i;

insert into allot.allocation (
    experiment, version, cell, slot, arm, arm_id, best_probability, proposed, limits,
    live_buckets, buckets
)
select
    v.experiment, v.version, arms.cell, 0, arms.arm, arms.arm_id, 0.25, 0.25,
    '[{"limit": "probability_floor", "share": 0.25}]', 2500, 2500
from v cross join arms
order by v.version, v.i;

insert into allot.judgement
select experiment, batch_id, hash, 'bench', 0.05, k, 'bench', 'bench', at from b
order by b.k, b.i;

insert into allot.verdict
select
    experiment, batch_id, hash, 0, k, 4000 * k, null, false, 0.5, 4, 'bench', 'arm-1', 0.001
from b
order by b.k, b.i;

-- A judgement keeps all looks while it is the newest, else its newest look alone.
insert into allot.confidence_sequence
select
    b.experiment, b.batch_id, b.hash, 0, f.family, 'arm-' || a, looks.k, looks.batch_id,
    case f.family when 'control' then 'arm-0' end, 'undecided', true, '', 0.001, -0.01, 0.01,
    0.001, -0.01, 0.01, false, 0.5
from b
cross join (values ('control'), ('best')) as f (family)
cross join generate_series(1, 3) as a
inner join b as looks
    on b.i = looks.i and (b.k = looks.k or (b.k = %(batches)s and looks.k <= b.k))
order by b.k, b.i;

insert into allot.exact_sequence
select
    c.experiment, c.batch_id, c.statistics_hash, c.position, c.family, 'betting', c.arm, c.look,
    c.look_batch, c.against, -0.01, 0.01
from allot.confidence_sequence as c;

insert into allot.arm_belief
select b.experiment, b.batch_id, b.hash, 0, arms.cell, arms.arm_id, 0.05, 0.01, 0.25, 0.001
from b cross join arms
order by b.k, b.i;

insert into allot.fixed_time_interval
select
    b.experiment, b.batch_id, b.hash, 0, m.method, 'arm-' || a, 'arm-0', 'control', 0.001, -0.01,
    0.01
from b
cross join (values ('naive'), ('bols'), ('aw_aipw')) as m (method)
cross join generate_series(1, 3) as a
order by b.k, b.i;

insert into allot.readout
select b.experiment, b.batch_id, b.hash, 0, 'sequence', 'arm-1', 'arm-0', 'leader', 0, -1, 1, 0
from b
order by b.k, b.i;

insert into allot.sample_ratio
select
    b.experiment, b.batch_id, b.hash, 0, looks.k, looks.batch_id, 'v' || looks.k - 1, '*', 4000,
    0.5, false, null, null
from b
inner join b as looks
    on b.i = looks.i and (b.k = looks.k or (b.k = %(batches)s and looks.k <= b.k))
order by b.k, b.i;

insert into allot.portfolio_entry
select e.experiment, e.i, b.batch_id, b.hash, 0.5, 0.001, false, 0.05, now()
from e inner join b on e.i = b.i and b.k = %(batches)s;

insert into allot.recommendation (
    experiment, batch_id, judgement_hash, kind, summary, checks, arms, rules, days, maximum_days,
    code_revision, dag_run, recommended_at
)
select
    experiment, batch_id, hash, 'keep_running', 'bench',
    '[{"rule": "ship", "name": "bench", "value": 1, "threshold": 2, "state": "not met",
    "words": "bench"}]', '[]', '{}', k, 120, 'bench', 'bench', at
from b
order by b.k, b.i;

insert into allot.experiment_plan (experiment, revision, maximum_days, power, warning)
select experiment, 1, 120, 0.8, '' from e;

insert into allot.evaluation
select experiment, batch_id, hash, 'bench', k, k, 'bench', 'bench', at from b
order by b.k, b.i;

create temporary table judged on commit preserve rows as
select * from (values ('decisions', 'on-policy')) as own (policy, estimator)
union all
select policies.policy, estimators.estimator
from (values ('uniform'), ('weights-sequence')) as policies (policy)
cross join (values ('ips'), ('snips'), ('dm'), ('dr'), ('sndr')) as estimators (estimator);

insert into allot.policy_value
select
    b.experiment, b.batch_id, b.hash, 'decisions', j.policy, 'all', j.estimator, 'normal', 'given',
    '2026-01-02', b.batch_id, 4000 * b.k, 0.05, 0.0001, 0.95, 0.04, 0.06, '{}'
from b cross join judged as j
order by b.k, b.i;

insert into allot.policy_diagnostics
select
    b.experiment, b.batch_id, b.hash, 'decisions', j.policy, 'all', j.estimator, 4000 * b.k, 1000,
    50, 4, 1, 0.01, 0, 0, 'usable', ''
from b cross join judged as j
order by b.k, b.i;

insert into allot.self_grade (
    experiment, batch_id, statistics_hash, log, evaluation_policy, estimator, interval_method,
    estimate, lo, hi, on_policy_mean, on_policy_lo, on_policy_hi, level
)
select
    b.experiment, b.batch_id, b.hash, 'decisions', 'bts', j.estimator, 'normal', 0.05, 0.04, 0.06,
    0.05, 0.04, 0.06, 0.95
from b inner join judged as j on j.policy = 'uniform'
order by b.k, b.i;

insert into allot.regret
select
    b.experiment, b.batch_id, b.hash, 'decisions', 'decisions', looks.batch_id, 4000 * looks.k,
    0.001, looks.k, 0, 2 * looks.k, 0.95, 1, 2
from b inner join b as looks on b.i = looks.i and looks.k <= b.k
order by b.k, b.i;

insert into allot.learning_point
select
    b.experiment, b.batch_id, b.hash, 'random', 'thompson', looks.batch_id, 4000 * looks.k,
    1000 * looks.k, 50, 0.05, 0.04, 0.06, 0.95
from b inner join b as looks on b.i = looks.i and looks.k <= b.k
where b.i % 2 = 1
order by b.k, b.i;

insert into allot.tracking_run (experiment, batch_id, statistics_hash, kind, run_id, url)
select b.experiment, b.batch_id, b.hash, kinds.kind, b.hash, 'http://127.0.0.1/'
from b cross join (values ('evaluation'), ('judgement')) as kinds (kind)
order by b.k, b.i;

insert into allot.guardrail_check
select experiment, batch_id, 1, hash, k, 'proceed', true, '', 'bench', 'bench', at from b
order by b.k, b.i;

insert into allot.guardrail_result
select b.experiment, b.batch_id, 1, 'guard-' || g, 'pass', 0.1, 1, false, false, ''
from b cross join generate_series(1, 9) as g
order by b.k, b.i;

insert into allot.publishing_hold
select experiment, n, n % 2 = 1, 'bench', 'bench', null, now()
from e cross join generate_series(1, 4) as n;

insert into allot.audit
select experiment, n, '1', '2', 0, 1, 0, 0, 0, 0, 'bench', 'bench', now()
from e cross join generate_series(1, 13) as n;

-- The API's own log: an export a day, its validation, what it refused.
insert into allot.log_batch
select
    experiment, batch_id, hash, k, k, 4000, 4000, 3990, 0, 10, 200, array[k - 1], 'bench', at, hash
from b where i % 2 = 0
order by b.k, b.i;

-- Each day's object holds what came late of the day before.
insert into allot.log_batch_object
select b.experiment, b.batch_id, b.k, kinds.kind, exports.n
from b
cross join (values ('decision'), ('reward')) as kinds (kind)
cross join lateral generate_series(b.k, least(b.k + 1, %(batches)s)) as exports (n)
where b.i % 2 = 0
order by b.k, b.i;

insert into allot.log_refusal
select experiment, batch_id, 'bench', a, 5 from b cross join generate_series(0, 1) as a
where i % 2 = 0
order by b.k, b.i;

insert into allot.log_export
select experiment, k, (2 * k)::text::xid8, (2 * k + 2)::text::xid8, at, at from b where i % 2 = 0
order by b.k, b.i;

insert into allot.log_object
select experiment, k, kind, hash, 4000, at - interval '25 hours', at
from b cross join (values ('decision'), ('reward')) as kinds (kind) where i % 2 = 0
order by b.k, b.i;

insert into allot.bronze_object
select experiment, kind, hash, 'key/' || hash, 1000, 4000, 'export', 'etag', at
from b cross join (values ('decision'), ('reward')) as kinds (kind) where i % 2 = 0
order by b.k, b.i;

-- A foreign log: ninety files, the newest in silver.
insert into allot.bronze_object
select 'open_bandit-men', policy, hash, 'key/' || hash, 1000, 4000, 'men.csv', 'etag', at
from b cross join (values ('random'), ('bts')) as policies (policy) where i = 1
order by b.k, b.i;

insert into allot.validation
select
    'open_bandit-men', policy, hash, 'accepted', '', 4000, 3990, 10, k, hash, 'bench', at
from b cross join (values ('random'), ('bts')) as policies (policy) where i = 1
order by b.k, b.i;

insert into allot.validation_result
select 'open_bandit-men', policy, hash, 's', 'rule-' || g, 'critical', 'bench', 4000, 5, ''
from b
cross join (values ('random'), ('bts')) as policies (policy)
cross join generate_series(1, 20) as g
where i = 1
order by b.k, b.i;

insert into allot.quarantine_count
select 'open_bandit-men', policy, hash, 'rule-' || g, a, 1
from b
cross join (values ('random'), ('bts')) as policies (policy)
cross join generate_series(1, 2) as g
cross join generate_series(0, 3) as a
where i = 1
order by b.k, b.i;

-- Decisions and rewards are rows of the log itself: twenty a day, rewards of half of them; the
-- last experiment has a thousand, and rewards of a tenth.
insert into allot.decision (
    experiment, decision_id, unit, cell, version, content_hash, strategy, arms, arm_ids, shares,
    buckets, decided_at
)
select
    b.experiment, md5(b.i || '/' || b.k || '/' || n)::uuid, 'unit-' || n, '*', b.k - 1, b.hash,
    'thompson', array[n % 4]::smallint[], array['arm-' || n % 4], array[2500]::smallint[],
    array[n]::smallint[], b.at - interval '1 day' + make_interval(mins => n)
from b
cross join generate_series(1, case when b.i = %(experiments)s then 1000 else 20 end) as n
where b.i % 2 = 0
order by b.k, b.i;

insert into allot.reward (experiment, reward_id, decision_id, value, occurred_at, received_at)
select
    b.experiment, b.k || '/' || n, md5(b.i || '/' || b.k || '/' || n)::uuid, 1,
    b.at - interval '1 day' + make_interval(mins => 2 * n), b.at + make_interval(mins => n)
from b
cross join generate_series(1, case when b.i = %(experiments)s then 100 else 10 end) as n
where b.i % 2 = 0
order by b.k, b.i;

insert into allot.daily_total (experiment, day, arm_id, decisions, rewards, updated_by)
select experiment, batch_id::date, 'arm-' || a, 100, 5, 'bench'
from b cross join generate_series(0, 3) as a where i % 10 = 0
order by b.k, b.i;

-- Two days of ten routes by two processes, busy in every minute; classes as the API's.
insert into allot.serving_minute
select
    date_trunc('minute', now()) - make_interval(mins => m), '/route-' || r, left(md5(p::text), 12),
    200, 0, 0, 1,
    '{0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.12, 0.15, 0.25, 0.5, 1, 5}',
    array[0, m % 7, 20, m % 41, r, p, m % 3, m % 11, 1, 0, 0, 0, 0, 0, 0, 0]
from generate_series(1, 2880) as m
cross join generate_series(1, 10) as r
cross join generate_series(1, 2) as p;
