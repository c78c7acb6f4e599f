"""The rows from which a version or a decision is explained, as plain values."""

from typing import Any, Final

from psycopg.rows import dict_row

from include.contract.recompute import LoggedDecision
from include.contract.rules import Rules, rules_of
from serving.stores.holds import IN_FORCE
from serving.stores.revisions import Connection

Row = dict[str, Any]
# The newest batches by name; the sums over all of them stand beside.
NAMED_BATCHES: Final = 100

_VERSION: Final = """
select
    w.experiment, w.version, w.parent, w.content_hash, w.content, w.revision, w.batch_id,
    w.statistics_hash, w.provenance, w.published_at, e.reason, e.held, e.explanation, e.restated,
    e.policy, e.slots, d.revision_hash, d.origin, d.submitted_by, d.reason as revision_reason,
    d.submitted_at, d.document
from allot.weights_snapshot as w
inner join allot.experiment_revision as d
    on w.experiment = d.experiment and w.revision = d.revision
left join allot.allocation_event as e on w.experiment = e.experiment and w.version = e.version
where w.experiment = %(experiment)s and w.version = %(version)s
"""
_BATCHES: Final = """
select f.batch_id, f.statistics_hash, s.lake_version, s.first_observed_at, s.observed_at
from allot.weights_batch as f
inner join allot.batch_statistics as s
    using (experiment, batch_id, statistics_hash)
where f.experiment = %(experiment)s and f.version = %(version)s
order by f.batch_id desc limit %(most)s
"""
_STATISTICS: Final = """
select
    t.version, t.position, t.arm, t.cohort, t.n, t.sum_r, t.sum_r2, t.sum_ip, t.sum_ip2,
    t.sum_r_ip, t.sum_r_ip2, t.sum_r2_ip2
from allot.weights_batch as f
inner join allot.arm_statistics as t using (experiment, batch_id, statistics_hash)
where f.experiment = %(experiment)s and f.version = %(version)s and f.batch_id = %(batch)s
order by t.version, t.position, t.arm, t.cohort
"""
_TOTALS: Final = """
select
    t.version, t.position, t.arm, t.cohort, count(*) as batches, sum(t.n)::bigint as n,
    sum(t.sum_r) as sum_r
from allot.weights_batch as f
inner join allot.arm_statistics as t using (experiment, batch_id, statistics_hash)
where f.experiment = %(experiment)s and f.version = %(version)s
group by t.version, t.position, t.arm, t.cohort
order by t.version, t.position, t.arm, t.cohort
"""
_ARMS: Final = """
select
    a.cell, a.slot, a.arm, a.arm_id, p.n, p.sum_r, p.family, p.parameters, p.mean, p.sd,
    a.best_probability, a.proposed, a.limits, a.live_buckets, a.buckets, a.share
from allot.allocation as a
left join allot.posterior_snapshot as p using (experiment, version, cell, slot, arm)
where a.experiment = %(experiment)s and a.version = %(version)s
order by a.cell, a.slot, a.arm
"""
_FINDINGS: Final = """
select f.number as audit, f.verdict, f.what, f.explanation
from allot.audit_finding as f
where f.experiment = %(experiment)s and f.subject = %(subject)s and f.name = %(name)s
order by f.number desc, f.entry asc limit 20
"""
_DECISION: Final = """
select
    experiment, decision_id::text as decision_id, request_id, unit, cell, version, content_hash,
    strategy, arms, arm_ids, shares, buckets, flag, decided_at, received_at, erasure
from allot.decision
where decision_id = %(decision)s
and (experiment = %(experiment)s or %(experiment)s::text is null)
limit 1
"""
_REWARDS: Final = """
select reward_id, value, occurred_at, received_at
from allot.reward
where experiment = %(experiment)s and decision_id = %(decision)s
order by occurred_at, reward_id limit 100
"""
_EXPOSURES: Final = """
select occurred_at, received_at
from allot.exposure
where experiment = %(experiment)s and decision_id = %(decision)s
order by occurred_at limit 100
"""


async def version_rows(connection: Connection, experiment: str, version: int) -> Row | None:
    """Return everything that is stored of why a version is as it is; ``None`` if there is none."""
    place: Row = {"experiment": experiment, "version": version, "most": NAMED_BATCHES}
    found = await _rows(connection, _VERSION, place)
    if not found:
        return None
    place["batch"] = found[0]["batch_id"]
    named = {**place, "subject": "version", "name": f"v{version}"}
    return {
        **found[0],
        "batches": await _rows(connection, _BATCHES, place),
        "statistics": await _rows(connection, _STATISTICS, place),
        "totals": await _rows(connection, _TOTALS, place),
        "arms": await _rows(connection, _ARMS, place),
        "hold": await _rows(connection, IN_FORCE, place),
        "findings": await _rows(connection, _FINDINGS, named),
    }


async def decision_rows(
    connection: Connection, decision_id: str, experiment: str | None
) -> Row | None:
    """Return a logged decision with its rewards; ``None`` if the log has none of this id."""
    found = await _rows(connection, _DECISION, {"decision": decision_id, "experiment": experiment})
    if not found:
        return None
    place = {"experiment": found[0]["experiment"], "decision": decision_id}
    named = {**place, "subject": "decision", "name": decision_id}
    return {
        **found[0],
        "rewards": await _rows(connection, _REWARDS, place),
        "exposures": await _rows(connection, _EXPOSURES, place),
        "findings": await _rows(connection, _FINDINGS, named),
    }


async def read_rules(connection: Connection, experiment: str) -> Rules:
    """Return what revisions and states have said over time."""
    place = {"experiment": experiment}
    documents = await _rows(
        connection,
        "select document from allot.experiment_revision where experiment = %(experiment)s",
        place,
    )
    states = await _rows(
        connection,
        "select state, round(date_part('epoch', changed_at) * 1e6)::bigint as since"
        " from allot.experiment_state where experiment = %(experiment)s",
        place,
    )
    return rules_of(
        [row["document"] for row in documents], [(row["state"], row["since"]) for row in states]
    )


def logged(row: Row) -> LoggedDecision:
    """Return a decision's row as what is recomputed."""
    return LoggedDecision(
        decision_id=row["decision_id"],
        request_id=row["request_id"],
        unit=row["unit"],
        cell=row["cell"],
        version=row["version"],
        content_hash=row["content_hash"],
        arms=row["arms"],
        arm_ids=row["arm_ids"],
        shares=row["shares"],
        buckets=row["buckets"],
        flag=row["flag"],
        erased=row["erasure"] is not None,
        decided_us=round(row["decided_at"].timestamp() * 1e6),
    )


async def _rows(connection: Connection, query: str, values: Row) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query.encode(), values)
        return await cursor.fetchall()
