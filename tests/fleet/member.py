"""One experiment of the fleet: what is true of it, how its log breaks, and how it must end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from include.experiments.schema import Experiment

Kind = Literal["null", "lift", "harm", "broken", "srm", "drift", "delay"]
# runs: no arm ships, nothing is held or rolled back; stops: no batch from the broken one on moves
# a weight; rolls back: earlier shares are live and held.
Ends = Literal["runs", "ships", "stops", "rolls back"]
Breakage = Literal[
    "another arm's name",
    "stale share",
    "unknown version",
    "unknown cell",
    "another reward kind",
    "exported twice",
    "not a number",
    "arm lost",
    "arm thinned",
    "arm doubled",
    "stale weights",
    "arm refused",
]

START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = timedelta(hours=1)
BATCHES = 28
# A harm is rolled back by the end of this batch, counted from 1.
HARM_BY = 14


@dataclass(frozen=True, eq=False)
class Member:
    """An experiment with its truth and its fixed outcome.

    Attributes
    ----------
    slug, kind
        Name, and what it stands for.
    rates
        True mean rewards per arm; the first arm is the control.
    ends
        How it must end.
    turns
        From a batch on, other rates.
    policy, floor, units
        Declared; decisions per batch.
    visits
        Decisions of a unit within a batch.
    delay
        Rewards arrive up to so many batches after they occurred.
    late
        Part of the rewards that occur after the window.
    breaks, breaks_at
        What is wrong with the log of one batch, counted from 0.
    declared
        Whatever else it declares.
    """

    slug: str
    kind: Kind
    rates: tuple[float, ...]
    ends: Ends
    turns: Mapping[int, tuple[float, ...]] = field(default_factory=dict)
    policy: str = "thompson"
    floor: float = 0.1
    units: int = 1_500
    visits: int = 1
    delay: int = 0
    late: float = 0.0
    breaks: Breakage | None = None
    breaks_at: int = 4
    declared: Mapping[str, Any] = field(default_factory=dict)

    @property
    def arms(self) -> tuple[str, ...]:
        """Names of the arms."""
        return ("old", *(f"new-{number}" for number in range(1, len(self.rates))))

    @property
    def best(self) -> str:
        """The arm with the largest mean reward at the start."""
        return self.arms[max(range(len(self.rates)), key=lambda arm: self.rates[arm])]

    def truth(self, batch: int) -> tuple[float, ...]:
        """Mean rewards in a batch."""
        turned = [since for since in self.turns if since <= batch]
        return self.turns[max(turned)] if turned else self.rates

    def experiment(self) -> Experiment:
        """Its declaration."""
        document: dict[str, Any] = {
            "slug": self.slug,
            "title": f"{self.kind}, as simulated",
            "owner": "fleet",
            "arms": self.arms,
            "control": "old",
            "source": {"kind": "decision_log"},
            "batch": "P1D",
            "reward": {"kind": "bernoulli", "window": WINDOW},
            "policy": {"name": self.policy},
            "limits": {"probability_floor": self.floor},
            # Whether a harm ends would be asked; guardrails do not wait for the answer.
            "verdict": {
                "ship": "ask" if self.ends == "rolls back" else "automatic",
                "maximum_days": BATCHES,
            },
        }
        return Experiment.model_validate(document | dict(self.declared))


def day(batch: int) -> str:
    """Name of a batch, counted from 0."""
    return f"{START + timedelta(days=batch):%Y-%m-%d}"
