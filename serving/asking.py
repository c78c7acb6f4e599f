"""`POST /decision`: one unit or many, repeatable by the request's id, forced for checks."""

import asyncio
from collections.abc import Iterator

from serving.answers import Answer, Held, Problem, unprocessable
from serving.decide import Asked, Decision, cell_of, decide
from serving.decisions import Decisions
from serving.following import Following
from serving.lookup import Lookup
from serving.records import Refused, group_answer, written_alone
from serving.requests import DecisionRequest
from serving.snapshot import Snapshot
from serving.terms import Terms


class Asking:
    """Decides what a body asks for.

    Parameters
    ----------
    lookup
        Finds the weights.
    following
        Knows the terms of experiments.
    decisions
        Where decisions become durable.
    stale_seconds
        Unconfirmed for longer than this is said to be stale.
    """

    def __init__(
        self, lookup: Lookup, following: Following, decisions: Decisions, stale_seconds: float
    ) -> None:
        self._lookup = lookup
        self._following = following
        self._decisions = decisions
        self._stale_seconds = stale_seconds

    async def answer(self, body: DecisionRequest) -> Answer:
        """Answer once every record is durable; a unit that is none is refused alone.

        Raises
        ------
        Problem
            404, 410, 422 or 503. A batch that is refused may be logged in part; its repeat under
            the same `request_id` finds what was logged.
        """
        live = await self._lookup.find(body.experiment_id)
        stale = live.unconfirmed_seconds() > self._stale_seconds
        terms = self._following.get(body.experiment_id)
        decided = list(_decide_all(live.snapshot, terms, body))
        if body.unit_ids is None:
            return await _settled(self._hold(decided[0], stale=stale))
        held = [self._hold(each, stale=stale) for each in decided]
        return group_answer("decisions", await asyncio.gather(*map(_settled_alone, held)))

    def _hold(self, decided: Decision | Problem, *, stale: bool) -> Held | Problem:
        if isinstance(decided, Problem):
            return decided
        return self._decisions.hold(decided, stale=stale)


async def _settled(held: Held | Problem) -> Answer:
    if isinstance(held, Problem):
        raise held
    return held.finish(await asyncio.shield(held.written))


async def _settled_alone(held: Held | Problem) -> bytes | Problem:
    if isinstance(held, Problem):
        return held
    standing = await written_alone(held.written)
    return standing if isinstance(standing, Problem) else held.finish(standing).body


def _decide_all(
    snapshot: Snapshot, terms: Terms, body: DecisionRequest
) -> Iterator[Decision | Problem]:
    forced = None
    if body.forced_arm_ids is not None:
        forced = _forced(snapshot, cell_of(snapshot, body.cell), body.forced_arm_ids)
    asked = Asked(body.unit_id, body.cell, body.context, body.request_id, forced)
    if body.unit_ids is None:
        yield decide(snapshot, terms, asked)
        return
    for place, unit in enumerate(body.unit_ids):
        if isinstance(unit, Refused):
            yield unit.problem
            continue
        name = None if body.request_id is None else f"{body.request_id}/{place}"
        yield decide(snapshot, terms, asked._replace(unit=unit, request_id=name))


def _forced(snapshot: Snapshot, cell: str, names: list[str]) -> list[int]:
    unknown = sorted(set(names) - set(snapshot.arms))
    if unknown:
        raise unprocessable("forced_arm_ids", f"names unknown arms: {', '.join(unknown[:20])}")
    positions = len(snapshot.cells[cell])
    if len(names) != positions:
        raise unprocessable("forced_arm_ids", f"is to name {positions} arms, one per position")
    return [snapshot.arms.index(name) for name in names]
