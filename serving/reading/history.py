"""Every published version of an experiment with its reasons, newest first."""

from typing import Any, Final

from serving.reading.cursor import read_cursor, write_cursor
from serving.stores.reports import Reader, Reports, Row

# However many arms there are, a page stays an answer that fits in memory.
MOST_SHARES: Final = 20_000

_WIDTH: Final = """
select count(*) as shares from allot.allocation
where
    experiment = %(experiment)s
    and version = (
        select max(version) from allot.weights_snapshot where experiment = %(experiment)s
    )
"""
_VERSIONS: Final = """
select
    w.version,
    w.batch_id::text as batch,
    w.published_at,
    w.content_hash::text as content_hash,
    w.parent::text as parent,
    w.statistics_hash::text as statistics,
    w.revision,
    w.provenance,
    e.reason,
    e.held,
    e.explanation,
    e.restated::text [] as restated
from allot.weights_snapshot as w
inner join allot.allocation_event as e on w.experiment = e.experiment and w.version = e.version
where w.experiment = %(experiment)s and (%(before)s::integer is null or w.version < %(before)s)
order by w.version desc
limit %(limit)s
"""
_SHARES: Final = """
select
    h.version, h.cell, h.position, h.arm_id, h.share, h.buckets, h.shift, h.best_probability,
    h.proposed_share, h.limits, r.why
from allot.allocation_history as h
inner join allot.allocation_reasons as r
    on
        h.experiment = r.experiment
        and h.version = r.version
        and h.cell = r.cell
        and h.position = r.slot
        and h.arm_id = r.arm_id
where
    h.experiment = %(experiment)s
    and h.version = any(%(versions)s)
    and (%(position)s::integer is null or h.position = %(position)s)
order by h.version desc, h.position, h.cell, h.arm
"""


async def history(
    reports: Reports, experiment: str, cursor: str | None, limit: int, position: int | None
) -> dict[str, Any]:
    """Return a page of versions.

    Raises
    ------
    Problem
        404, 422 or 503.
    """

    async def work(reader: Reader) -> dict[str, Any]:
        await reader.known(experiment)
        [before] = read_cursor(cursor, (int,)) or [None]
        asked = {"experiment": experiment, "before": before, "position": position}
        [width] = await reader.rows(_WIDTH, asked)
        fitting = min(limit, max(1, MOST_SHARES // max(width["shares"], 1)))
        versions = await reader.rows(_VERSIONS, {**asked, "limit": fitting + 1})
        page, more = versions[:fitting], len(versions) > fitting
        numbers = [row["version"] for row in page]
        shares = await reader.rows(_SHARES, {**asked, "versions": numbers})
        return {
            "experiment_id": experiment,
            "versions": _nested(page, shares),
            "next_cursor": write_cursor([numbers[-1]]) if more else None,
        }

    return await reports.read(work)


def _nested(versions: list[Row], shares: list[Row]) -> list[dict[str, Any]]:
    nested = {row["version"]: {**row, "positions": []} for row in versions}
    for share in shares:
        positions = nested[share.pop("version")]["positions"]
        position = share.pop("position")
        if not positions or positions[-1]["position"] != position:
            positions.append({"position": position, "arms": []})
        positions[-1]["arms"].append(share)
    return list(nested.values())
