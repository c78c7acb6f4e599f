"""What happened to an experiment as one stream, newest first: who, when and why."""

from typing import Any, Final

from serving.reading.cursor import read_cursor, read_moment, write_cursor
from serving.stores.reports import Reader, Reports

_EVENTS: Final = """
with events as (
    select
        submitted_at as at,
        'revision' as kind,
        revision as number,
        submitted_by as by,
        reason as why,
        jsonb_build_object('origin', origin, 'revision_hash', revision_hash) as details
    from allot.experiment_revision where experiment = %(experiment)s
    union all
    select
        changed_at as at,
        'state' as kind,
        number,
        changed_by as by,
        reason as why,
        jsonb_build_object('state', state) as details
    from allot.experiment_state where experiment = %(experiment)s
    union all
    select
        h.at,
        'hold' as kind,
        h.number,
        h.by,
        h.why,
        jsonb_build_object('held', h.held, 'through', h.through) as details
    from allot.publishing_hold as h where h.experiment = %(experiment)s
    union all
    select
        w.published_at as at,
        'version' as kind,
        w.version as number,
        coalesce(w.provenance ->> 'dag_run', x.created_by) as by,
        e.explanation as why,
        jsonb_build_object(
            'reason', e.reason, 'held', e.held, 'batch', w.batch_id, 'content_hash', w.content_hash
        ) as details
    from allot.weights_snapshot as w
    inner join allot.allocation_event as e on w.experiment = e.experiment and w.version = e.version
    inner join allot.experiment as x on w.experiment = x.slug
    where w.experiment = %(experiment)s
)

select * from events
where
    %(at)s::timestamptz is null
    or (at, kind, number) < (%(at)s::timestamptz, %(kind)s::text, %(number)s::integer)
order by at desc, kind desc, number desc
limit %(limit)s
"""


async def events(
    reports: Reports, experiment: str, cursor: str | None, limit: int
) -> dict[str, Any]:
    """Return a page of revisions, states, holds and versions.

    Raises
    ------
    Problem
        404, 422 or 503.
    """

    async def work(reader: Reader) -> dict[str, Any]:
        await reader.known(experiment)
        at, kind, number = read_cursor(cursor, (str, str, int)) or (None, None, None)
        before = {"at": at and read_moment(at), "kind": kind, "number": number}
        asked = {"experiment": experiment, "limit": limit + 1, **before}
        found = await reader.rows(_EVENTS, asked)
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        following = last and write_cursor([last["at"].isoformat(), last["kind"], last["number"]])
        return {"experiment_id": experiment, "events": page, "next_cursor": following}

    return await reports.read(work)
