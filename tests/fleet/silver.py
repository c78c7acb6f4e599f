"""Stored sums and versions of a fleet's experiment, against what silver's rows give."""

from collections.abc import Iterator, Mapping
from math import isclose
from typing import Any

from psycopg.rows import dict_row

from faults.own_sums import Cell, Key, sums_of
from include.settings import Settings
from include.stores.lake.log_silver import scan_log
from include.stores.reports.connection import connect
from include.stores.reports.experiments import revisions
from include.stores.reports.weights import history
from include.tasks.audit.versions import version_findings
from tests.fleet.member import Member

_CURRENT = (
    "select s.* from allot.arm_statistics as s inner join allot.batch_statistics as b"
    " using (experiment, batch_id, statistics_hash)"
    " where b.superseded_at is null and s.experiment = %s"
)


def own_sums(settings: Settings, member: Member) -> list[Mapping[Key, Cell]]:
    """Sum silver's rows one by one, per position."""
    experiment = member.experiment()
    rows = scan_log(settings, member.slug).collect()
    return [
        sums_of(rows.filter(rows["position"] == position).iter_rows(named=True), experiment.batch)
        for position in range(experiment.positions)
    ]


def sum_faults(settings: Settings, member: Member, own: list[Mapping[Key, Cell]]) -> Iterator[str]:
    """Name stored sums that are not those of silver; batches that were never summed aside."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        stored = cursor.execute(_CURRENT, (member.slug,)).fetchall()
    told = {(r["position"], r["batch_id"], r["version"], r["arm"]): r for r in stored}
    batches = {row["batch_id"] for row in stored}
    wanted = {
        (position, *key): cell
        for position, cells in enumerate(own)
        for key, cell in cells.items()
        if key[0] in batches
    }
    if not wanted:
        yield "silver holds nothing, so nothing was compared"
    for key in sorted(told.keys() | wanted.keys()):
        if key not in told or key not in wanted or not _same(wanted[key], told[key]):
            yield f"{key} is {told.get(key)}, in silver {wanted.get(key)}"


def _same(own: Cell, stored: Mapping[str, Any]) -> bool:
    counts = (own.n, own.decisions) == (stored["n"], stored["decisions"])
    return counts and all(
        isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)
        for a, b in ((own.sum_r, stored["sum_r"]), (own.sum_ip, stored["sum_ip"]))
    )


def version_faults(settings: Settings, member: Member) -> list[str]:
    """Name versions that do not come out of their sums again, byte for byte."""
    with connect(settings) as connection:
        declared = {one.revision_hash: one for one in revisions(connection, member.slug)}
        chain = history(connection, member.slug)
        return [str(found) for found in version_findings(connection, chain, declared)]
