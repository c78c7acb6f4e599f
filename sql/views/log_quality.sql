-- The decision log batch by batch: rows, refusals, rewards, and whether it is summed.
create view allot.log_quality as
with by_name as (
    select
        experiment,
        batch_id,
        expectation,
        sum(rows)::bigint as refused,
        max(rows) as largest
    from allot.log_refusal
    group by experiment, batch_id, expectation
),

refused as (
    select
        experiment,
        batch_id,
        jsonb_object_agg(expectation, refused) as refusals,
        max(largest) / nullif(sum(refused), 0)::double precision as largest_arm_share
    from by_name
    group by experiment, batch_id
),

by_flag as (
    select
        experiment,
        batch_id,
        policy,
        sum(decisions)::bigint as rows
    from allot.log_arm
    where policy !~ '^v[0-9]+$'
    group by experiment, batch_id, policy
),

flagged as (
    select
        experiment,
        batch_id,
        jsonb_object_agg(policy, rows) as flags
    from by_flag
    group by experiment, batch_id
),

shown as (
    select
        experiment,
        batch_id,
        (sum(exposed) / sum(decisions))::double precision as exposed_share
    from allot.log_arm
    where policy ~ '^v[0-9]+$' and position = 0
    group by experiment, batch_id
)

select
    b.experiment::text as experiment,
    b.batch_id::text as batch_id,
    b.decisions,
    b.rows_in,
    b.rows_silver,
    b.rows_flagged,
    case when b.rows_flagged = 0 then '{}'::jsonb else f.flags end as flags,
    s.exposed_share,
    b.rows_quarantined,
    b.rows_quarantined / nullif(b.rows_in, 0)::double precision as refused_share,
    coalesce(r.refusals, '{}'::jsonb) as refusals,
    r.largest_arm_share as refused_share_of_one_arm,
    b.rewards_joined,
    b.rewards_joined / nullif(b.decisions, 0)::double precision as rewards_per_decision,
    b.versions,
    b.aggregated is not null as summed,
    b.number as newest_export,
    b.lake_version,
    b.checked_at,
    b.docs_key
from allot.log_batch as b
left join refused as r on b.experiment = r.experiment and b.batch_id = r.batch_id
left join flagged as f on b.experiment = f.experiment and b.batch_id = f.batch_id
left join shown as s on b.experiment = s.experiment and b.batch_id = s.batch_id;

comment on view allot.log_quality is
'The decision log batch by batch: what silver holds, what was refused and why, what was joined.';
comment on column allot.log_quality.experiment is 'Slug of the experiment.';
comment on column allot.log_quality.batch_id is 'Start of the batch (UTC).';
comment on column allot.log_quality.decisions is 'Decisions of the batch in bronze.';
comment on column allot.log_quality.rows_in is 'Their rows: one per decision and position.';
comment on column allot.log_quality.rows_silver is 'Rows in silver.';
comment on column allot.log_quality.rows_flagged is
'Of these, rows where nothing was drawn (forced, paused, excluded, …): never learned from.';
comment on column allot.log_quality.flags is
'Why nothing was drawn to the number of those rows; `excluded` is declared bot and staff traffic. '
'Null for a batch made before this was kept.';
comment on column allot.log_quality.exposed_share is
'Of its drawn decisions, the part that was shown; null where exposure is not declared.';
comment on column allot.log_quality.rows_quarantined is 'Rows that an expectation refused.';
comment on column allot.log_quality.refused_share is 'Those / rows in.';
comment on column allot.log_quality.refusals is
'Expectation to the number of rows that it was the first to refuse.';
comment on column allot.log_quality.refused_share_of_one_arm is
'Share of the refused rows that one expectation took from one arm: near 1, a loss that depends on '
'the arm, which is a bias. Null where nothing was refused.';
comment on column allot.log_quality.rewards_joined is 'Rewards that found their decision here.';
comment on column allot.log_quality.rewards_per_decision is 'Those / decisions.';
comment on column allot.log_quality.versions is 'Weights versions that decided in it.';
comment on column allot.log_quality.summed is
'Whether it was summed at least once, so that weights may learn from it.';
comment on column allot.log_quality.newest_export is 'Newest export that had been read for it.';
comment on column allot.log_quality.lake_version is 'A version of silver that holds its rows.';
comment on column allot.log_quality.checked_at is 'When it was validated last (UTC).';
comment on column allot.log_quality.docs_key is
'Key of the validation report in the docs bucket.';
