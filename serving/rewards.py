"""`POST /reward`: checked against what is declared, durable, each counted once."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import uuid4

import orjson

from serving.answers import JSON, NO_STORE, Answer, Problem
from serving.declared import Declared, RewardRule
from serving.log.journal import Journal
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.requests import (
    ByArm,
    ByDecision,
    ByUnit,
    ManyRewards,
    OneByArm,
    OneByDecision,
    OneByUnit,
)

Entry = ByDecision | ByUnit | ByArm
Outcome = Literal["recorded", "superseded"]
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Rewards:
    """Takes rewards; what becomes of each is judged where decisions and rewards meet.

    Parameters
    ----------
    lookup
        Tells whether an experiment exists.
    declared
        Tells which values it may have.
    journal
        Where rewards become durable.
    metrics
        Where they are counted.
    """

    def __init__(
        self, lookup: Lookup, declared: Declared, journal: Journal, metrics: Metrics
    ) -> None:
        self._lookup = lookup
        self._declared = declared
        self._journal = journal
        self._metrics = metrics

    async def answer(self, body: OneByDecision | OneByUnit | OneByArm | ManyRewards) -> Answer:
        """Answer once every record is durable.

        Raises
        ------
        Problem
            404, 422 or 503. Nothing of a body with an impossible value is recorded.
        """
        await self._lookup.find(body.experiment_id)
        entries: list[Entry] = [*body.rewards] if isinstance(body, ManyRewards) else [body]
        rule = await self._declared.reward_of(body.experiment_id)
        for place, entry in enumerate(entries):
            _check(rule, entry, f"rewards.{place}.reward" if body is not entry else "reward")
        records = [_record(body.experiment_id, entry) for entry in entries]
        written = [self._journal.write(orjson.dumps(each)) for each in records]
        standing = await asyncio.gather(*(asyncio.shield(each) for each in written))
        answers = [
            self._told(record["reward_id"], "recorded" if other is None else "superseded")
            for record, other in zip(records, standing, strict=True)
        ]
        told = {"rewards": answers} if isinstance(body, ManyRewards) else answers[0]
        return Answer(200, orjson.dumps(told), JSON + NO_STORE)

    def _told(self, reward_id: str, outcome: Outcome) -> dict[str, str]:
        self._metrics.rewards.labels(outcome).inc()
        return {"reward_id": reward_id, "outcome": outcome}


def _check(rule: RewardRule | None, entry: Entry, field: str) -> None:
    if rule is not None and (fault := rule.fault(entry.reward)) is not None:
        raise Problem(422, "impossible-reward", fault, field=field)


def _record(experiment: str, entry: Entry) -> dict[str, Any]:
    occurred = entry.occurred_at or datetime.now(UTC)
    return {
        "experiment": experiment,
        "reward_id": entry.reward_id or _derived(entry, occurred),
        "decision_id": str(entry.decision_id) if isinstance(entry, ByDecision) else None,
        "unit": entry.unit_id if isinstance(entry, ByUnit) else None,
        "arm_id": entry.arm_id if isinstance(entry, ByArm) else None,
        "value": entry.reward,
        "occurred_us": (occurred - _EPOCH) // _MICROSECOND,
    }


def _derived(entry: Entry, occurred: datetime) -> str:
    if isinstance(entry, ByDecision):
        return f"decision/{entry.decision_id}"
    if isinstance(entry, ByUnit):
        digest = hashlib.sha256(entry.unit_id.encode()).hexdigest()[:32]
        return f"unit/{digest}/{(occurred - _EPOCH) // _MICROSECOND}"
    # Only an arm is known: every call is another reward, as the documentation says.
    return f"arm/{uuid4()}"
