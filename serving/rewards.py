"""`POST /reward`: checked against what is declared, durable, each counted once."""

import asyncio
import hashlib
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import orjson

from serving.answers import JSON, NO_STORE, Answer, Problem
from serving.following import Following
from serving.log.journal import Journal
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.records import Refused, group_answer, microseconds, written_alone
from serving.requests import (
    ByArm,
    ByDecision,
    ByUnit,
    ManyRewards,
    OneByArm,
    OneByDecision,
    OneByUnit,
)
from serving.terms import Terms

Entry = ByDecision | ByUnit | ByArm
Outcome = Literal["recorded", "superseded"]


class Rewards:
    """Takes rewards; what becomes of each is judged where decisions and rewards meet.

    Parameters
    ----------
    lookup
        Tells whether an experiment exists.
    following
        Knows which values it may have.
    journal
        Where rewards become durable.
    metrics
        Where they are counted.
    """

    def __init__(
        self, lookup: Lookup, following: Following, journal: Journal, metrics: Metrics
    ) -> None:
        self._lookup = lookup
        self._following = following
        self._journal = journal
        self._metrics = metrics

    async def answer(self, body: OneByDecision | OneByUnit | OneByArm | ManyRewards) -> Answer:
        """Answer once every record is durable; of several, one that cannot be is refused alone.

        Raises
        ------
        Problem
            404, 422 or 503.
        """
        await self._lookup.find(body.experiment_id)
        terms = self._following.get(body.experiment_id)
        if not isinstance(body, ManyRewards):
            told = await self._taken(body.experiment_id, terms, body)
            if isinstance(told, Problem):
                raise told
            return Answer(200, told, JSON + NO_STORE)
        taken = (self._taken(body.experiment_id, terms, entry) for entry in body.entries())
        return group_answer("rewards", await asyncio.gather(*taken))

    async def _taken(
        self, experiment: str, terms: Terms, entry: Entry | Refused
    ) -> bytes | Problem:
        if isinstance(entry, Refused):
            return entry.problem
        rule = terms.reward
        if rule is not None and (fault := rule.fault(entry.reward)) is not None:
            return Problem(422, "impossible-reward", fault, field="reward")
        values = _values(entry)
        if values is not None and (found := terms.values_fault(values)) is not None:
            name, told = found
            return Problem(422, "impossible-metric", f"{name} {told}", field=f"metrics.{name}")
        record = _record(experiment, entry)
        standing = await written_alone(self._journal.write(orjson.dumps(record)))
        if isinstance(standing, Problem):
            return standing
        return self._told(record["reward_id"], "recorded" if standing is None else "superseded")

    def _told(self, reward_id: str, outcome: Outcome) -> bytes:
        self._metrics.rewards.labels(outcome).inc()
        return orjson.dumps({"reward_id": reward_id, "outcome": outcome})


def _record(experiment: str, entry: Entry) -> dict[str, Any]:
    occurred = entry.occurred_at or datetime.now(UTC)
    return {
        "experiment": experiment,
        "reward_id": entry.reward_id or _derived(entry, occurred),
        "decision_id": str(entry.decision_id) if isinstance(entry, ByDecision) else None,
        "unit": entry.unit_id if isinstance(entry, ByUnit) else None,
        "arm_id": entry.arm_id if isinstance(entry, ByArm) else None,
        "value": entry.reward,
        "metrics": _values(entry),
        "occurred_us": microseconds(occurred),
    }


def _values(entry: Entry) -> dict[str, float] | None:
    # What names only an arm belongs to no decision.
    return None if isinstance(entry, ByArm) else entry.metrics or None


def _derived(entry: Entry, occurred: datetime) -> str:
    if isinstance(entry, ByDecision):
        return f"decision/{entry.decision_id}"
    if isinstance(entry, ByUnit):
        digest = hashlib.sha256(entry.unit_id.encode()).hexdigest()[:32]
        return f"unit/{digest}/{microseconds(occurred)}"
    # Only an arm is known: every call is another reward, as the documentation says.
    return f"arm/{uuid4()}"
