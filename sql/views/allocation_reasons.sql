-- Why an arm has its share, as a person would say it: one sentence per arm and version.
create view allot.allocation_reasons as
select
    a.experiment::text as experiment,
    a.version,
    w.batch_id::text as batch_id,
    a.cell,
    a.slot,
    a.arm_id::text as arm_id,
    a.buckets,
    concat(
        a.arm_id,
        ' has ',
        round(a.buckets / 100.0, 2),
        ' % of slot ',
        a.slot,
        case when a.cell = '*' then '' else ' in cell ' || a.cell end,
        ' in v',
        a.version,
        case
            when a.live_buckets is null then ''
            else concat(' (', round(a.live_buckets / 100.0, 2), ' % before)')
        end,
        ': ',
        case
            when p.n is null then ''
            else concat(
                round(p.n::numeric, 1),
                ' observations with a reward sum of ',
                round(p.sum_r::numeric, 3),
                ', so ',
                p.family,
                ' with mean ',
                round(p.mean::numeric, 5),
                ' ± ',
                round(p.sd::numeric, 5),
                '; '
            )
        end,
        case
            when a.best_probability is null then ''
            else concat('P(best) ', round(a.best_probability::numeric, 4), '; ')
        end,
        'proposed ',
        round(100 * a.proposed::numeric, 2),
        ' %',
        (
            select
                string_agg(
                    concat(
                        ', ',
                        step.value ->> 'limit',
                        ' → ',
                        round(100 * (step.value ->> 'share')::numeric, 2),
                        ' %'
                    ),
                    '' order by step.place
                )
            from jsonb_array_elements(a.limits) with ordinality as step (value, place)
        ),
        '. ',
        e.explanation
    ) as why
from allot.allocation as a
inner join allot.weights_snapshot as w on a.experiment = w.experiment and a.version = w.version
inner join allot.allocation_event as e on a.experiment = e.experiment and a.version = e.version
left join allot.posterior_snapshot as p
    on
        a.experiment = p.experiment
        and a.version = p.version
        and a.cell = p.cell
        and a.slot = p.slot
        and a.arm = p.arm;

comment on view allot.allocation_reasons is
'Why an arm has its share in a version: sums, posterior, P(best), limits, buckets, in words.';
comment on column allot.allocation_reasons.experiment is 'Slug of the experiment.';
comment on column allot.allocation_reasons.version is 'Weights version.';
comment on column allot.allocation_reasons.batch_id is 'Newest batch folded in.';
comment on column allot.allocation_reasons.cell is 'Context cell; * where all share one.';
comment on column allot.allocation_reasons.slot is 'Position in the slate, from 0.';
comment on column allot.allocation_reasons.arm_id is 'Name of the arm.';
comment on column allot.allocation_reasons.buckets is 'Buckets of 10,000.';
comment on column allot.allocation_reasons.why is 'The reasons, in order.';
