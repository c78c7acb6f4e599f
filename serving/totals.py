"""`POST /events`: totals per arm and day, of clients that count for themselves."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import orjson

from serving.answers import JSON, NO_STORE, Answer, Problem, not_found
from serving.event_requests import DayTotal, EventsRequest
from serving.keys.key import Caller
from serving.stores.totals import Total, Totals
from serving.terms import RewardRule


class Events:
    """Takes totals; a repeat changes nothing, another value for a day replaces the one before.

    Parameters
    ----------
    totals
        Where they stand.
    """

    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    async def answer(self, body: EventsRequest, caller: Caller) -> Answer:
        """Answer once all totals of the body are in force; one that cannot be refuses all.

        Raises
        ------
        Problem
            403, 404, 422 or 503.
        """
        caller.admit(("reward",), body.experiment_id)
        revision = await self._totals.newest(body.experiment_id)
        if revision is None:
            raise not_found(body.experiment_id)
        for place, event in enumerate(body.events):
            _check(revision.document, event, f"events.{place}")
        _refuse_repeats(body.events)
        totals = [
            Total(event.date, event.arm_id, event.impressions, event.clicks)
            for event in body.events
        ]
        changed = await self._totals.upsert(body.experiment_id, totals, caller.name)
        told = [
            {"date": day, "arm_id": arm, "outcome": _outcome((day, arm) in changed)}
            for day, arm, *_ in totals
        ]
        document = {"experiment_id": body.experiment_id, "events": told}
        return Answer(200, orjson.dumps(document), JSON + NO_STORE)


def _outcome(changed: bool) -> str:  # noqa: FBT001
    return "recorded" if changed else "unchanged"


def _check(document: dict[str, Any], event: DayTotal, field: str) -> None:
    """Refuse a total that no such experiment can have."""
    reward = document["reward"]
    rule = RewardRule(reward["kind"], reward["lower"], reward["upper"])
    if event.arm_id not in document["arms"]:
        raise _impossible(f"{field}.arm_id", f"{event.arm_id!r} is no arm of this experiment")
    if event.date > _tomorrow():
        raise _impossible(f"{field}.date", f"{event.date} is in the future")
    if (fault := rule.total_fault(event.impressions, event.clicks)) is not None:
        raise _impossible(f"{field}.clicks", fault)


def _refuse_repeats(events: list[DayTotal]) -> None:
    seen: set[tuple[date, str]] = set()
    for place, event in enumerate(events):
        if (event.date, event.arm_id) in seen:
            raise _impossible(f"events.{place}", "names a date and an arm a second time")
        seen.add((event.date, event.arm_id))


def _tomorrow() -> date:
    # Days are UTC; a client ahead of it may have begun the next one.
    return datetime.now(UTC).date() + timedelta(days=1)


def _impossible(field: str, detail: str) -> Problem:
    return Problem(422, "impossible-total", detail, field=field)
