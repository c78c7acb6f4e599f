-- What became of every reward. Judged when asked, so that it does not matter whether decision or
-- reward arrived first: whatever is neither joined nor a total is the inbox.
create view allot.reward_outcome as
with declared as (
    select distinct on (experiment)
        experiment,
        document -> 'reward' ->> 'kind' as kind,
        (document -> 'reward' ->> 'lower')::double precision as lowest,
        (document -> 'reward' ->> 'upper')::double precision as highest,
        (document -> 'reward' ->> 'window')::interval as patience
    from allot.experiment_revision
    order by experiment asc, revision desc
),

addressed as (
    select
        r.*,
        d.decision_id as rewarded,
        d.decided_at,
        d.flag
    from allot.reward as r
    left join lateral (
        select
            named.decision_id,
            named.decided_at,
            named.flag
        from allot.decision as named
        where
            named.experiment = r.experiment
            and named.decision_id = r.decision_id
        union all
        (
            select
                newest.decision_id,
                newest.decided_at,
                newest.flag
            from allot.decision as newest
            where
                newest.experiment = r.experiment
                and newest.unit = r.unit
                and newest.decided_at <= r.occurred_at
            order by newest.decided_at desc, newest.decision_id desc
            limit 1
        )
    ) as d on true
),

judged as (
    select
        a.*,
        w.kind,
        case
            when a.arm_id is not null then 'total'
            when a.rewarded is null then 'unknown'
            when w.kind is null then 'undeclared'
            when a.occurred_at > a.decided_at + w.patience then 'late'
            -- A client's clock may lie behind; by an hour it is another matter.
            when a.occurred_at <= a.decided_at - interval '1 hour' then 'early'
            when w.kind = 'bernoulli' and a.value not in (0, 1) then 'impossible'
            when w.kind = 'bounded' and a.value not between w.lowest and w.highest
                then 'impossible'
            when a.flag is not null then 'flagged'
            else 'joined'
        end as outcome
    from addressed as a
    left join declared as w on a.experiment = w.experiment
)

select
    j.experiment::text as experiment,
    j.reward_id,
    j.rewarded as decision_id,
    j.unit,
    j.arm_id::text as arm_id,
    j.value,
    j.occurred_at,
    j.received_at,
    case
        when
            j.outcome = 'joined'
            and j.kind <> 'real'
            and row_number() over (
                -- By the very column that is asked for: else all experiments are judged for one.
                partition by j.experiment::text, j.rewarded, j.outcome
                order by j.occurred_at asc, j.received_at asc, j.value desc, j.reward_id asc
            ) > 1
            then 'conflicting'
        else j.outcome
    end as outcome
from judged as j;

comment on view allot.reward_outcome is
'What became of every acknowledged reward: joined to its decision, or in the inbox with a reason.';
comment on column allot.reward_outcome.experiment is 'Slug of the experiment.';
comment on column allot.reward_outcome.reward_id is 'Name of the reward.';
comment on column allot.reward_outcome.decision_id is
'Decision that it rewards; of a unit, the last before it occurred; null where there is none.';
comment on column allot.reward_outcome.unit is 'Unit by which it was addressed, if so.';
comment on column allot.reward_outcome.arm_id is 'Arm by which it was addressed, if so.';
comment on column allot.reward_outcome.value is 'The reward.';
comment on column allot.reward_outcome.occurred_at is 'When it occurred (UTC).';
comment on column allot.reward_outcome.received_at is 'When it was written (UTC).';
comment on column allot.reward_outcome.outcome is
'joined, total, or why not: unknown, undeclared, late, early, impossible, flagged, conflicting.';
