"""Playing users against the API: they are shown an arm, and act a while later, or never."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from allot_client import AsyncAllot, UnavailableError
from traffic.truth import ARMS, MOBILE, User, best_rate, true_rate, uniform_rate, user

DECLARED: Final[dict[str, Any]] = {
    "title": "simulated users with known true rates",
    "owner": "traffic",
    "batch": "PT20S",
    "control": "blue",
    "reward": {"kind": "bernoulli", "window": "PT15S"},
    "memory": {"discount": 0.8},
    "limits": {"probability_floor": 0.05},
    "cells": {MOBILE: {"when": {"device": MOBILE}}},
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One decision with what only a simulation knows of it."""

    at: datetime
    arm: str
    version: int | None
    regret: float
    uniform_regret: float


@dataclass
class Played:
    """What happened so far.

    Attributes
    ----------
    away
        Decisions or rewards that the API did not take.
    """

    shown: list[Shown] = field(default_factory=list)
    rewards: int = 0
    away: int = 0


async def declare(url: str, experiment: str) -> bool:
    """Create the experiment through the API; return whether it is new."""
    async with AsyncAllot(url) as allot:
        return await allot.create_experiment(experiment, list(ARMS), **DECLARED)


async def play(
    url: str,
    experiment: str,
    *,
    per_second: float,
    seconds: float,
    seed: int,
    progress: Callable[[Played], None] = lambda _: None,
) -> Played:
    """Play users at a rate, and wait for the last to act.

    Parameters
    ----------
    url
        The API.
    experiment
        That `declare` made.
    per_second, seconds
        How many users for how long; a slow API is asked less often, never in a burst.
    seed
        Equal seeds give equal users.
    progress
        Told the state after every user.
    """
    played, begun, number = Played(), time.monotonic(), 0
    async with (
        AsyncAllot(url, defaults={experiment: ARMS[0]}) as allot,
        asyncio.TaskGroup() as acts,
    ):
        while (gone := time.monotonic() - begun) < seconds:
            acts.create_task(_visit(allot, experiment, user(seed, number), gone / seconds, played))
            number += 1
            progress(played)
            await asyncio.sleep(1 / per_second)
    progress(played)
    return played


async def _visit(
    allot: AsyncAllot, experiment: str, who: User, progress: float, played: Played
) -> None:
    context = {"device": who.cohort}
    decision = await allot.decide(experiment, unit=who.unit, context=context)
    if decision.fallback:
        played.away += 1
        return
    rate = true_rate(decision.arm_id, who.cohort, progress)
    best = best_rate(who.cohort, progress)
    uniform = best - uniform_rate(who.cohort, progress)
    now = datetime.now(UTC)
    version = decision.weights_version
    played.shown.append(Shown(now, decision.arm_id, version, best - rate, uniform))
    if who.luck >= rate:
        return
    await asyncio.sleep(who.delay)
    try:
        await allot.reward(1.0, decision, occurred_at=datetime.now(UTC))
    except UnavailableError:
        played.away += 1
        return
    played.rewards += 1
