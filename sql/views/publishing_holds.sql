-- Holds and releases of publishing, with who and why; the newest row of an experiment is in force.
create view allot.publishing_holds as
select
    h.experiment::text as experiment,
    h.number,
    h.number = max(h.number) over (partition by h.experiment::text) as in_force,
    h.held,
    h.by,
    h.why,
    h.through::text as through,
    h.at
from allot.publishing_hold as h;

comment on view allot.publishing_holds is
'Who held an experiment''s publishing and why, and who let it go on.';
comment on column allot.publishing_holds.experiment is 'Slug of the experiment.';
comment on column allot.publishing_holds.number is 'Counts from 1 per experiment.';
comment on column allot.publishing_holds.in_force is 'Whether it is the newest.';
comment on column allot.publishing_holds.held is 'Whether publishing stops, or goes on.';
comment on column allot.publishing_holds.by is 'Who: a person, or the run whose guardrails failed.';
comment on column allot.publishing_holds.why is 'Why.';
comment on column allot.publishing_holds.through is
'Of a release: newest batch that is accepted as it is.';
comment on column allot.publishing_holds.at is 'When (UTC).';
