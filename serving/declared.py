"""What experiments declare about their rewards, as PostgreSQL has it, kept for a few seconds."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import structlog

from include.errors import ReportsUnavailableError
from serving.stores.database import Database

KEPT_SECONDS = 5.0
KEPT_LIMIT = 10_000
log = structlog.get_logger("allot.serving")

_SELECT: Final = """
select document -> 'reward' from allot.experiment_revision
where experiment = %s order by revision desc limit 1
"""


@dataclass(frozen=True, slots=True)
class RewardRule:
    """Which values a reward may have."""

    kind: str
    lower: float
    upper: float

    def fault(self, value: float) -> str | None:
        """Tell why a value cannot be a reward of this kind; ``None`` when it can."""
        if self.kind == "bernoulli" and value not in (0.0, 1.0):
            return f"reward {value} is neither 0 nor 1, as kind bernoulli declares"
        if self.kind == "bounded" and not self.lower <= value <= self.upper:
            return f"reward {value} is not within [{self.lower}, {self.upper}] as declared"
        return None


class Declared:
    """Asks PostgreSQL, within a deadline; while it is away, the last word known is kept.

    Parameters
    ----------
    database
        A connection of its own.
    seconds
        Deadline of one question.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        self._database = database
        self._seconds = seconds
        self._kept: dict[str, tuple[float, RewardRule | None]] = {}
        self._asking: asyncio.Task[Any] | None = None

    async def reward_of(self, experiment: str) -> RewardRule | None:
        """Return the reward's rule; ``None`` where it is not known now.

        A value that slips through is judged again, and named impossible, where rewards join.
        """
        until, rule = self._kept.get(experiment, (0.0, None))
        if time.monotonic() < until or self._asking is not None:
            return rule
        self._asking = asyncio.create_task(self._ask(experiment))
        self._asking.add_done_callback(self._asked)
        # Left to its end at the deadline: the driver must not be cancelled.
        await asyncio.wait({self._asking}, timeout=self._seconds)
        return self._kept.get(experiment, (0.0, None))[1]

    async def close(self) -> None:
        """Close the connection."""
        self._database.abort()
        if self._asking is not None:
            await asyncio.wait({self._asking}, timeout=1.0)
        await self._database.close()

    async def _ask(self, experiment: str) -> None:
        try:
            row = await (await self._database.execute(_SELECT, (experiment,))).fetchone()
        except ReportsUnavailableError as error:
            log.warning("what is declared cannot be read", error=str(error))
            return
        rule = None
        if row is not None:
            rule = RewardRule(row[0]["kind"], row[0]["lower"], row[0]["upper"])
        if len(self._kept) >= KEPT_LIMIT:
            self._kept.pop(next(iter(self._kept)))
        self._kept[experiment] = (time.monotonic() + KEPT_SECONDS, rule)

    def _asked(self, _: object) -> None:
        self._asking = None
