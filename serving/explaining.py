"""Explain to a person why a version has its shares, and why a unit got its arm."""

import json
from typing import Any, Final
from uuid import UUID

import orjson

from include.contract.published import Published
from include.contract.recompute import Recomputer
from include.contract.rules import Rules
from include.contract.weights import BUCKETS, WeightsContent
from serving.answers import JSON, NO_STORE, Answer, Problem
from serving.keys.key import Caller, Scope
from serving.stores.experiments import Experiments
from serving.stores.explain import Row, decision_rows, logged, read_rules, version_rows
from serving.stores.revisions import Connection

HEADERS = JSON + NO_STORE
SCOPES: Final[tuple[Scope, ...]] = ("read", "manage")


class Explaining:
    """Tells the whole chain from declaration and sums to bucket and arm.

    Parameters
    ----------
    experiments
        Where everything is read.
    """

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    async def version(self, experiment: str, version: int) -> Answer:
        """Explain a version.

        Raises
        ------
        Problem
            404 or 503.
        """
        found = await self._experiments.call(lambda link: version_rows(link, experiment, version))
        if found is None:
            detail = f"experiment {experiment!r} has no version {version}"
            raise Problem(404, "unknown-version", detail, field="version")
        return Answer(200, orjson.dumps(explain_version(found)), HEADERS)

    async def decision(self, decision_id: UUID, experiment: str | None, caller: Caller) -> Answer:
        """Explain a decision, from whichever experiment it is.

        Raises
        ------
        Problem
            403, 404 or 503.
        """

        async def work(link: Connection) -> tuple[Row, Row | None, Rules] | None:
            found = await decision_rows(link, str(decision_id), experiment)
            if found is None or not caller.sees(found["experiment"]):
                return None
            made = await version_rows(link, found["experiment"], found["version"])
            return found, made, await read_rules(link, found["experiment"])

        caller.admit(SCOPES, experiment)
        rows = await self._experiments.call(work)
        if rows is None:
            detail = f"the log has no decision {decision_id}; it may have passed its retention"
            raise Problem(404, "unknown-decision", detail, field="decision_id")
        return Answer(200, orjson.dumps(explain_decision(*rows)), HEADERS)


def explain_version(rows: Row) -> dict[str, Any]:
    """Return the chain of a version: declaration, sums, belief, limits, buckets."""
    content = WeightsContent.from_json(json.loads(rows["content"]))
    return {
        "experiment_id": rows["experiment"],
        "version": rows["version"],
        "content_hash": rows["content_hash"],
        "content_hash_holds": content.hash() == rows["content_hash"],
        "parent": rows["parent"],
        "published_at": rows["published_at"],
        "reason": rows["reason"],
        "held": rows["held"],
        "explanation": rows["explanation"],
        "publishing_hold": rows["hold"][0] if rows["hold"] else None,
        "restated": rows["restated"],
        "revision": {
            "revision": rows["revision"],
            "revision_hash": rows["revision_hash"],
            "origin": rows["origin"],
            "submitted_by": rows["submitted_by"],
            "reason": rows["revision_reason"],
            "submitted_at": rows["submitted_at"],
            "declaration": rows["document"],
        },
        "batch": rows["batch_id"],
        "statistics_hash": rows["statistics_hash"],
        "newest_batches": rows["batches"],
        "statistics_of_batch": rows["statistics"],
        "statistics_of_all_batches": rows["totals"],
        "method": content.method,
        "policy": rows["policy"],
        "limits_in_words": rows["slots"],
        "arms": rows["arms"],
        "salt": content.salt,
        "buckets": {
            cell: [_ranges(content, slot) for slot in slots]
            for cell, slots in content.cells.items()
        },
        "provenance": rows["provenance"],
        "audit_findings": rows["findings"],
    }


def explain_decision(row: Row, made: Row | None, rules: Rules) -> dict[str, Any]:
    """Return the chain of a decision: its draw position by position, recomputed, and its version.

    Parameters
    ----------
    row
        The logged decision.
    made
        The version that it names, as stored; ``None`` if there is none.
    rules
        What the experiment has declared over time.
    """
    content, chain = None, []
    if made is not None:
        content = WeightsContent.from_json(json.loads(made["content"]))
        chain = [Published(content, made["content_hash"], {"version": made["version"]})]
    record = logged(row)
    faults = [fault._asdict() for fault in Recomputer(chain, rules).faults(record)]
    kept = {name: row[name] for name in row.keys() - {"experiment", "findings", "erasure"}}
    return {
        "experiment_id": row["experiment"],
        **kept,
        "erased": record.erased,
        "propensities": [share / BUCKETS for share in row["shares"]],
        "recomputed": {"holds": not faults, "faults": faults},
        "in_words": [_in_words(row, content, place) for place in range(len(row["arms"]))],
        "audit_findings": row["findings"],
        "weights": None if made is None else explain_version(made),
    }


def _in_words(row: Row, content: WeightsContent | None, place: int) -> str:
    name, share, bucket = row["arm_ids"][place], row["shares"][place], row["buckets"][place]
    where = f"position {place}: "
    if row["flag"] is not None:
        return f"{where}{name} without a draw, as it was {row['flag']}; never learned from"
    if content is None or row["cell"] not in content.cells:
        return f"{where}{name}, from a version or cell that was never published"
    ranges = next(iter(content.cells[row["cell"]][place : place + 1]), ())
    first, last = next(
        ((start, stop - 1) for start, stop, _ in ranges if start <= bucket < stop), (bucket, bucket)
    )
    who = "the decision's id" if row["unit"] is None else "the unit"
    if row["erasure"] is not None:
        who = "the unit, which was erased since,"
    return (
        f"{where}SHA-256 over salt, experiment, {who} and position fell into bucket {bucket:,} of "
        f"{BUCKETS:,}; buckets {first:,} to {last:,} are {name}'s, which holds {share:,} in all: "
        f"propensity {share / BUCKETS:g}"
    )


def _ranges(content: WeightsContent, slot: tuple[tuple[int, int, int], ...]) -> list[Row]:
    return [
        {"first": start, "last": stop - 1, "arm_id": content.arms[arm]} for start, stop, arm in slot
    ]
