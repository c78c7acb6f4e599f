"""An experiment on one page: what is live, what was seen, which arm leads, what may be said."""

from typing import Any, Final

from serving.reading.counts import counts
from serving.stores.holds import IN_FORCE
from serving.stores.reports import Reader, Reports, Row

_OVERVIEW: Final = """
select
    o.experiment as experiment_id, o.title, o.owner, s.state, s.state_since, s.strategy,
    o.revision, r.document -> 'arms' as arm_ids, o.positions,
    o.weights_version, o.weights_batch, o.published_at, o.batches, o.first_batch, o.last_batch,
    b.observations,
    b.reward_sum
from allot.experiment_overview as o
inner join allot.experiment_status as s on o.experiment = s.experiment
inner join allot.experiment_revision as r
    on o.experiment = r.experiment and o.revision = r.revision
cross join lateral (
    select
        coalesce(sum(a.n), 0)::bigint as observations,
        coalesce(sum(a.sum_r), 0) as reward_sum
    from allot.arm_statistics as a
    inner join allot.batch_statistics as c
        on
            a.experiment = c.experiment
            and a.batch_id = c.batch_id
            and a.statistics_hash = c.statistics_hash
            and c.superseded_at is null
    where a.experiment = %(experiment)s
) as b
where o.experiment = %(experiment)s
"""
_SHARES: Final = """
select a.cell, a.slot as position, a.arm_id::text as arm_id, a.share, a.best_probability
from allot.allocation as a
where a.experiment = %(experiment)s and a.version = %(version)s
order by (a.cell = '*') desc, a.cell, a.slot, a.best_probability desc nulls last, a.buckets desc,
    a.arm
"""
_LOSSES: Final = """
select b.batch_id::text as batch, b.position, b.cell, b.arm::text as arm_id, b.expected_loss
from allot.arm_belief as b
where
    b.experiment = %(experiment)s
    and (b.batch_id, b.statistics_hash) = (
        select j.batch_id, j.statistics_hash from allot.judgement as j
        where j.experiment = %(experiment)s
        order by j.batch_id desc, j.judged_at desc
        limit 1
    )
"""
_VERDICTS: Final = """
select
    position, verdict, winner, verdict_p_value as p_value, verdict_reason as reason, leader,
    potential_value_remaining, looks, units, batch_id as batch, level, tracking_url,
    family, arm_id, against, answer, reason as sequence_reason, estimate, lo, hi
from allot.verdict_evidence
where experiment = %(experiment)s
order by position, family desc, arm_id
"""
_RECOMMENDED: Final = """
select
    recommendation, arm_id, summary, status, answer, answered_by, answer_reason, answered_at,
    days, maximum_days, planned_power, planner_warning, batch_id as batch, recommended_at
from allot.recommendations
where experiment = %(experiment)s
"""
_SEQUENCE: Final = ("family", "arm_id", "against", "answer", "estimate", "lo", "hi")
# Of the sequences that an experiment may declare, this one gives the verdict.
_METHOD: Final = "asymptotic"


async def summary(reports: Reports, experiment: str) -> dict[str, Any]:
    """Return the summary.

    Raises
    ------
    Problem
        404 or 503.
    """

    async def work(reader: Reader) -> dict[str, Any]:
        await reader.known(experiment)
        [overview] = await reader.rows(_OVERVIEW, {"experiment": experiment})
        asked = {"experiment": experiment, "version": overview["weights_version"]}
        shares = await reader.rows(_SHARES, asked)
        losses = await reader.rows(_LOSSES, asked)
        recommended = await reader.rows(_RECOMMENDED, asked)
        verdicts = await reader.rows(_VERDICTS, asked)
        hold = await reader.rows(IN_FORCE, asked)
        live = {
            "version": overview.pop("weights_version"),
            "batch": overview.pop("weights_batch"),
            "published_at": overview.pop("published_at"),
        }
        return {
            **overview,
            **await counts(reader, experiment),
            "publishing_hold": hold[0] if hold else None,
            "live": live | {"slots": _slots(shares)},
            "leading": _leading(shares, losses) if live["batch"] is not None else [],
            "verdicts": _verdicts(verdicts),
            "recommendation": recommended[0] if recommended else None,
        }

    return await reports.read(work)


def _slots(shares: list[Row]) -> list[dict[str, Any]]:
    slots: dict[tuple[str, int], dict[str, Any]] = {}
    for row in shares:
        key = (row["cell"], row["position"])
        slot = slots.setdefault(key, {"cell": key[0], "position": key[1], "shares": {}})
        slot["shares"][row["arm_id"]] = row["share"]
    return list(slots.values())


def _leading(shares: list[Row], losses: list[Row]) -> list[dict[str, Any]]:
    """Return the first arm of every slot, in the order of P(best), then of shares."""
    expected = {(row["cell"], row["position"], row["arm_id"]): row for row in losses}
    leaders: dict[tuple[str, int], dict[str, Any]] = {}
    for row in shares:
        loss = expected.get((row["cell"], row["position"], row["arm_id"]))
        told = {
            **row,
            "expected_loss": loss and loss["expected_loss"],
            "judged_batch": loss and loss["batch"],
        }
        leaders.setdefault((row["cell"], row["position"]), told)
    return list(leaders.values())


def _verdicts(rows: list[Row]) -> list[dict[str, Any]]:
    verdicts: dict[int, dict[str, Any]] = {}
    for row in rows:
        sequence = {name: row.pop(name) for name in _SEQUENCE} | {"method": _METHOD}
        sequence["reason"] = row.pop("sequence_reason")
        verdict = verdicts.setdefault(row["position"], {**row, "sequences": []})
        verdict["sequences"].append(sequence)
    return list(verdicts.values())
