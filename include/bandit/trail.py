"""The trail of an allocation: everything that led to its buckets, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from include.bandit.limiting import Step
from include.contract.canonical import Json
from include.contract.weights import Slot


@dataclass(frozen=True, slots=True)
class Allocation:
    """How the arms of one cell and slot came to their buckets; tuples are in arm order.

    Attributes
    ----------
    cell, slot
        Context cell, and position in the slate from 0.
    n, sum_r
        Folded observations and rewards (fractional under a discount).
    family, parameters, mean, sd
        Posterior: family, parameters by name, mean and standard deviation.
    best_probability
        P(arm is best) under the posterior: a description, not a test.
    proposed
        Shares that the policy asked for; the default shares during burn-in.
    steps
        Shares after every declared limit and after rounding, each with what it did.
    live
        Buckets that were live; ``None`` for an arm, or a slot, that was not there.
    buckets, ranges
        Buckets that sum to 10,000, and where they lie.
    reason
        Why these shares, in a sentence.
    held
        Whether burn-in or the hold rule kept the policy from being heard.
    """

    cell: str
    slot: int
    n: tuple[float, ...]
    sum_r: tuple[float, ...]
    family: str
    parameters: Mapping[str, tuple[float, ...]]
    mean: tuple[float, ...]
    sd: tuple[float, ...]
    best_probability: tuple[float, ...]
    proposed: tuple[float, ...]
    steps: tuple[Step, ...]
    live: tuple[int | None, ...]
    buckets: tuple[int, ...]
    ranges: Slot
    reason: str
    held: bool

    def as_json(self) -> dict[str, Json]:
        """Return the whole trail as a JSON object."""
        return {
            "cell": self.cell,
            "slot": self.slot,
            "n": list(self.n),
            "sum_r": list(self.sum_r),
            "posterior": {
                "family": self.family,
                **{name: list(values) for name, values in self.parameters.items()},
                "mean": list(self.mean),
                "sd": list(self.sd),
            },
            "best_probability": list(self.best_probability),
            "proposed": list(self.proposed),
            "steps": [
                {"limit": s.limit, "shares": list(s.shares), "explanation": s.explanation}
                for s in self.steps
            ],
            "live": list(self.live),
            "buckets": list(self.buckets),
            "reason": self.reason,
            "held": self.held,
        }


@dataclass(frozen=True, slots=True)
class AllocationResult:
    """The allocations of every cell and slot, cells in declared order, the pooled one first."""

    method: str
    arms: tuple[str, ...]
    allocations: tuple[Allocation, ...]

    @property
    def cells(self) -> dict[str, tuple[Slot, ...]]:
        """The bucket ranges per cell and slot, as `WeightsContent` takes them."""
        names = dict.fromkeys(part.cell for part in self.allocations)
        return {
            name: tuple(part.ranges for part in self.allocations if part.cell == name)
            for name in names
        }

    @property
    def held(self) -> bool:
        """Whether no slot of any cell let the policy move its shares."""
        return all(part.held for part in self.allocations)

    @property
    def explanation(self) -> str:
        """The decision in a sentence, or one per differing slot."""
        reasons: dict[str, list[str]] = {}
        for part in self.allocations:
            reasons.setdefault(part.reason, []).append(f"{part.cell}/{part.slot}")
        if len(reasons) == 1:
            return next(iter(reasons))
        return "; ".join(f"{', '.join(where)}: {why}" for why, where in reasons.items())

    def as_json(self) -> dict[str, Json]:
        """Return all trails as a JSON object."""
        return {
            "method": self.method,
            "arms": list(self.arms),
            "allocations": [part.as_json() for part in self.allocations],
        }
