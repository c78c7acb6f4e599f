"""What the API answered, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Decision:
    """Which arm, and how sure it is that Allot knows of it.

    Attributes
    ----------
    arm_id
        The arm of the first position.
    slate
        The arms of all positions.
    decision_id
        Its name in Allot's log; ``None`` where it was answered locally.
    propensity
        The exact probability of the draw; ``None`` where it was answered locally.
    weights_version
        The weights that it came from; ``None`` where it is the declared default arm.
    request_id
        Under which it was asked for; a repeat under it gets the same answer.
    flag
        Why nothing was drawn, as ``paused``; ``None`` where an arm was drawn.
    stale
        Whether the API's weights were not confirmed lately.
    fallback
        Whether the API was away, so that this was answered locally and is in no log.
    reason
        Why it was answered locally.
    """

    experiment_id: str
    arm_id: str
    slate: tuple[str, ...]
    request_id: str
    unit_id: str | None = None
    decision_id: str | None = None
    propensity: float | None = None
    weights_version: int | None = None
    flag: str | None = None
    stale: bool = False
    fallback: bool = False
    reason: str | None = None

    @property
    def logged(self) -> bool:
        """Whether the API acknowledged that the decision is in its log."""
        return not self.fallback

    @classmethod
    def from_json(cls, answer: Mapping[str, Any], request_id: str) -> Self:
        """Read the answer of `POST /decision`."""
        slate = answer.get("slate") or [answer]
        return cls(
            experiment_id=answer["experiment_id"],
            arm_id=answer["arm_id"],
            slate=tuple(entry["arm_id"] for entry in slate),
            request_id=request_id,
            unit_id=answer["unit_id"],
            decision_id=answer["decision_id"],
            propensity=answer["propensity"],
            weights_version=answer["weights_version"],
            flag=answer.get("flag"),
            stale=answer["stale"],
        )


@dataclass(frozen=True, slots=True)
class Allocation:
    """The live weights of an experiment.

    Attributes
    ----------
    weights
        Share of every arm at the first position.
    positions
        Buckets of 10,000 by arm, per position.
    cells
        The same by context cell, where the experiment declares any.
    """

    experiment_id: str
    version: int
    batch: str | None
    strategy: str
    weights: Mapping[str, float]
    positions: tuple[Mapping[str, int], ...]
    cells: Mapping[str, tuple[Mapping[str, int], ...]]
    stale: bool

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> Self:
        """Read the answer of `GET /allocation`."""
        slots = answer.get("positions") or [answer]
        cells = answer.get("cells") or {}
        return cls(
            experiment_id=answer["experiment_id"],
            version=answer["version"],
            batch=answer["batch"],
            strategy=answer["strategy"],
            weights=answer["weights"],
            positions=tuple(slot["buckets"] for slot in slots),
            cells={cell: tuple(slot["buckets"] for slot in of) for cell, of in cells.items()},
            stale=answer["stale"],
        )


@dataclass(frozen=True, slots=True)
class Exposure:
    """What became of an exposure.

    Attributes
    ----------
    outcome
        ``recorded``, or ``not_logged``: it was of a decision that was answered locally, of which
        Allot knows nothing, so that nothing was sent.
    """

    outcome: str

    @property
    def recorded(self) -> bool:
        """Whether it stands in Allot's log."""
        return self.outcome == "recorded"


@dataclass(frozen=True, slots=True)
class Reward:
    """What became of a reward.

    Attributes
    ----------
    outcome
        ``recorded``, ``superseded``, or ``not_logged``: it was for a decision that was answered
        locally, of which Allot knows nothing, so that nothing was sent.
    reward_id
        Its name in Allot's log; ``None`` where nothing was sent.
    """

    outcome: str
    reward_id: str | None

    @property
    def recorded(self) -> bool:
        """Whether this reward is the one that stands in Allot's log."""
        return self.outcome == "recorded"
