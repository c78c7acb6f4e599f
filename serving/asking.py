"""`POST /decision`: one unit or many, repeatable by the request's id, forced for checks."""

import asyncio
from collections.abc import Iterator

from serving.answers import JSON, NO_STORE, Answer, Held, unprocessable
from serving.decide import Decision, cell_of, decide, settle
from serving.decisions import Decisions
from serving.lookup import Lookup
from serving.requests import DecisionRequest
from serving.snapshot import Snapshot


class Asking:
    """Decides what a body asks for.

    Parameters
    ----------
    lookup
        Finds the weights.
    decisions
        Where decisions become durable.
    stale_seconds
        Unconfirmed for longer than this is said to be stale.
    """

    def __init__(self, lookup: Lookup, decisions: Decisions, stale_seconds: float) -> None:
        self._lookup = lookup
        self._decisions = decisions
        self._stale_seconds = stale_seconds

    async def answer(self, body: DecisionRequest) -> Answer:
        """Answer once every record is durable; a batch is answered as a whole.

        Raises
        ------
        Problem
            404, 422 or 503. A batch that is refused may be logged in part; its repeat under the
            same `request_id` finds what was logged.
        """
        live = await self._lookup.find(body.experiment_id)
        stale = live.unconfirmed_seconds() > self._stale_seconds
        decided = list(_decide_all(live.snapshot, body))
        held = [self._decisions.hold(each, stale=stale) for each in decided]
        answers = await asyncio.gather(*(_settled(each) for each in held))
        if body.unit_ids is None:
            return answers[0]
        joined = b",".join(answer.body for answer in answers)
        return Answer(200, b'{"decisions":[%b]}' % joined, JSON + NO_STORE)


async def _settled(held: Held) -> Answer:
    return held.finish(await asyncio.shield(held.written))


def _decide_all(snapshot: Snapshot, body: DecisionRequest) -> Iterator[Decision]:
    name = body.request_id
    if body.unit_ids is None:
        yield _decide(snapshot, body, body.unit_id, name)
        return
    for place, unit in enumerate(body.unit_ids):
        yield _decide(snapshot, body, unit, None if name is None else f"{name}/{place}")


def _decide(
    snapshot: Snapshot, body: DecisionRequest, unit: str | None, request_id: str | None
) -> Decision:
    if body.forced_arm_ids is None:
        return decide(snapshot, unit, body.cell, request_id)
    arms = _forced(snapshot, cell_of(snapshot, body.cell), body.forced_arm_ids)
    return settle(snapshot, unit, body.cell, request_id, arms=arms, flag="forced")


def _forced(snapshot: Snapshot, cell: str, names: list[str]) -> list[int]:
    unknown = sorted(set(names) - set(snapshot.arms))
    if unknown:
        raise unprocessable("forced_arm_ids", f"names unknown arms: {', '.join(unknown[:20])}")
    positions = len(snapshot.cells[cell])
    if len(names) != positions:
        raise unprocessable("forced_arm_ids", f"is to name {positions} arms, one per position")
    return [snapshot.arms.index(name) for name in names]
