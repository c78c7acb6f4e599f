-- Whether an arm is as good for every cohort as for all of them together.
create view allot.cohort_fairness as
select
    c.experiment,
    c.position,
    c.arm,
    c.arm_id,
    c.against,
    count(*) filter (where c.cohort is not null) as cohorts,
    stddev_samp(c.corrected_mean) filter (where c.cohort is not null)
    / nullif(abs(avg(c.corrected_mean) filter (where c.cohort is not null)), 0)
        as reward_variation,
    stddev_samp(c.observed_share) filter (where c.cohort is not null)
    / avg(c.observed_share) filter (where c.cohort is not null) as share_variation,
    max(c.effect) filter (where c.cohort is null) as effect,
    max(c.effect_lo) filter (where c.cohort is null) as effect_lo,
    max(c.effect_hi) filter (where c.cohort is null) as effect_hi,
    string_agg(c.cohort, ', ' order by c.cohort) filter (where c.effect_lo > 0) as gaining,
    string_agg(c.cohort, ', ' order by c.cohort) filter (where c.effect_hi < 0) as losing,
    case
        when
            max(c.effect) filter (where c.cohort is null) > 0
            and bool_or(c.effect_hi < 0) filter (where c.cohort is not null)
            then
                concat(
                    c.arm_id,
                    ' gains over all cohorts together and loses in ',
                    string_agg(c.cohort, ', ' order by c.cohort) filter (where c.effect_hi < 0)
                )
        else ''
    end as warning
from allot.cohorts as c
group by c.experiment, c.position, c.arm, c.arm_id, c.against;

comment on view allot.cohort_fairness is
'How an arm differs between cohorts; a warning where its gain is a cohort''s loss.';
comment on column allot.cohort_fairness.experiment is 'Slug of the experiment.';
comment on column allot.cohort_fairness.position is 'Slot in the slate, from 0; never pooled.';
comment on column allot.cohort_fairness.arm is 'Index of the arm, from 0.';
comment on column allot.cohort_fairness.arm_id is 'Name of the arm.';
comment on column allot.cohort_fairness.against is
'What effects are held against: the control, or uniform where none is declared.';
comment on column allot.cohort_fairness.cohorts is 'Cohorts in which the arm was observed.';
comment on column allot.cohort_fairness.reward_variation is
'Coefficient of variation of its corrected mean across cohorts, with its noise; null for one.';
comment on column allot.cohort_fairness.share_variation is
'Coefficient of variation of its observed share across cohorts.';
comment on column allot.cohort_fairness.effect is
'Its effect over all cohorts together; null for the control.';
comment on column allot.cohort_fairness.effect_lo is
'Lower end of its normal 95 % interval, one look.';
comment on column allot.cohort_fairness.effect_hi is
'Upper end of its normal 95 % interval, one look.';
comment on column allot.cohort_fairness.gaining is
'Cohorts whose interval lies above 0; null: none.';
comment on column allot.cohort_fairness.losing is
'Cohorts whose interval lies below 0; null: none.';
comment on column allot.cohort_fairness.warning is
'Says that the arm gains overall and which cohorts lose by it; empty where none does.';
