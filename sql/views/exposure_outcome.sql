-- What became of every exposure. Judged when asked, so that it does not matter whether decision or
-- exposure arrived first: whatever is neither joined nor repeated is the inbox.
create view allot.exposure_outcome as
with declared as (
    select distinct on (experiment)
        experiment,
        (document -> 'exposure' ->> 'window')::interval as patience
    from allot.experiment_revision
    order by experiment asc, revision desc
),

judged as (
    select
        e.experiment,
        e.decision_id,
        e.occurred_at,
        e.received_at,
        case
            when w.patience is null then 'undeclared'
            when d.decision_id is null then 'unknown'
            when e.occurred_at > d.decided_at + w.patience then 'late'
            -- As of rewards: a client's clock may lie behind, but not by an hour.
            when e.occurred_at <= d.decided_at - interval '1 hour' then 'early'
            when d.flag is not null then 'flagged'
            else 'joined'
        end as outcome
    from allot.exposure as e
    left join declared as w on e.experiment = w.experiment
    left join allot.decision as d
        on e.experiment = d.experiment and e.decision_id = d.decision_id
)

select
    j.experiment::text as experiment,
    j.decision_id,
    j.occurred_at,
    j.received_at,
    case
        when
            j.outcome = 'joined'
            and row_number() over (
                -- The column as it is shown, so that one experiment's is read alone.
                partition by j.experiment::text, j.decision_id, j.outcome
                order by j.occurred_at asc
            ) > 1
            then 'repeated'
        else j.outcome
    end as outcome
from judged as j;

comment on view allot.exposure_outcome is
'What became of every acknowledged exposure: joined to its decision, or in the inbox with a '
'reason.';
comment on column allot.exposure_outcome.experiment is 'Slug of the experiment.';
comment on column allot.exposure_outcome.decision_id is 'The decision that was shown.';
comment on column allot.exposure_outcome.occurred_at is 'When it was shown (UTC).';
comment on column allot.exposure_outcome.received_at is 'When it was written (UTC).';
comment on column allot.exposure_outcome.outcome is
'joined; repeated (shown again, counted once); or why not: unknown, undeclared, late, early, '
'flagged.';
