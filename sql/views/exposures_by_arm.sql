-- How often decisions of each arm were shown, where exposure is declared: a rate that depends on
-- the arm makes what was shown another population for every arm. Rates differ between batches and
-- versions for many reasons, so that arms are compared within them.
create view allot.exposures_by_arm as
with drawn as (
    select
        a.experiment,
        a.batch_id,
        a.policy,
        a.position,
        a.arm,
        a.decisions,
        a.exposed,
        a.unexposed_rewards,
        sum(a.exposed) over together / sum(a.decisions) over together as rate
    from allot.log_arm as a
    where a.exposed is not null and a.policy ~ '^v[0-9]+$'
    window together as (partition by a.experiment, a.batch_id, a.policy, a.position)
),

arms as (
    select
        d.experiment,
        d.position,
        d.arm,
        sum(d.decisions)::bigint as decisions,
        sum(d.exposed)::bigint as exposed,
        sum(d.unexposed_rewards)::bigint as unexposed_rewards,
        sum(d.decisions * d.rate) as expected
    from drawn as d
    group by d.experiment, d.position, d.arm
)

select
    a.experiment::text as experiment,
    a.position,
    a.arm,
    r.document -> 'arms' ->> a.arm as arm_id,
    a.decisions,
    a.exposed,
    a.decisions - a.exposed as not_exposed,
    (a.exposed / a.decisions::numeric)::double precision as exposure_rate,
    (a.expected / a.decisions)::double precision as expected_rate,
    ((a.exposed - a.expected) / a.decisions)::double precision as difference,
    a.unexposed_rewards
from arms as a
inner join lateral (
    select newest.document
    from allot.experiment_revision as newest
    where newest.experiment = a.experiment
    order by newest.revision desc
    limit 1
) as r on true;

comment on view allot.exposures_by_arm is
'How often decisions of each arm were shown, where exposure is declared: a rate that depends on '
'the arm is a bias.';
comment on column allot.exposures_by_arm.experiment is 'Slug of the experiment.';
comment on column allot.exposures_by_arm.position is 'Slot in the slate, from 0.';
comment on column allot.exposures_by_arm.arm is 'Index of the arm, from 0.';
comment on column allot.exposures_by_arm.arm_id is 'Name of the arm.';
comment on column allot.exposures_by_arm.decisions is 'Drawn decisions in silver.';
comment on column allot.exposures_by_arm.exposed is
'Of these, shown within the declared window: the denominator.';
comment on column allot.exposures_by_arm.not_exposed is 'The others: they count nowhere.';
comment on column allot.exposures_by_arm.exposure_rate is 'Exposed / decisions.';
comment on column allot.exposures_by_arm.expected_rate is
'The same, had all arms been shown alike within every batch and version.';
comment on column allot.exposures_by_arm.difference is
'Exposure rate minus that. Whether it is more than chance is tested, unit by unit and at every '
'look, in `srm`, whose units are then those that were shown.';
comment on column allot.exposures_by_arm.unexposed_rewards is
'Decisions that were rewarded without having been shown: many of them, and exposures get lost.';
