"""What an evaluation answers: a value with its variance, intervals, diagnostics and verdict."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from include.bandit.ope.diagnostics import Diagnostics
from include.errors import EvaluationError

IntervalMethod = Literal[
    "normal", "score", "bootstrap", "empirical-bernstein", "betting", "asymptotic"
]
Verdict = Literal["usable", "unknown"]


@dataclass(frozen=True, slots=True)
class Interval:
    """An interval for the policy value.

    Attributes
    ----------
    method
        ``normal``, ``score`` and ``bootstrap`` hold for large n at one look;
        ``empirical-bernstein`` holds for every n at one look; ``betting`` holds for every n
        at all looks at once; ``asymptotic`` at all looks for large n.
    level
        Confidence, as 0.95.
    """

    method: IntervalMethod
    level: float
    lower: float
    upper: float

    def __contains__(self, value: float) -> bool:
        return self.lower <= value <= self.upper

    @property
    def width(self) -> float:
        """Return upper − lower."""
        return self.upper - self.lower


@dataclass(frozen=True, slots=True)
class Estimate:
    """The value of one evaluation policy by one estimator.

    Attributes
    ----------
    estimator
        Name, as ``ips``.
    value, variance
        Estimated value and the variance of that estimate.
    n
        Rows of the log.
    intervals
        Intervals that were asked for.
    diagnostics
        What the number rests on.
    parameters
        Hyper-parameters used, and the rule that chose them.
    verdict
        ``unknown`` where a diagnostic is below its limit: then the number is no finding.
    reasons
        Why the verdict is ``unknown``.
    """

    estimator: str
    value: float
    variance: float
    n: int
    intervals: tuple[Interval, ...]
    diagnostics: Diagnostics
    parameters: Mapping[str, float | str] = field(default_factory=dict)
    verdict: Verdict = "usable"
    reasons: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not np.isfinite([self.value, self.variance]).all():
            raise EvaluationError(
                f"{self.estimator} has no finite answer here: value {self.value}, "
                f"variance {self.variance}"
            )

    @property
    def standard_error(self) -> float:
        """Return the square root of the variance."""
        return float(np.sqrt(self.variance))

    def interval(self, method: IntervalMethod = "normal") -> Interval:
        """Return the interval made by a method.

        Raises
        ------
        KeyError
            If it was not asked for.
        """
        for interval in self.intervals:
            if interval.method == method:
                return interval
        raise KeyError(f"{self.estimator} has no {method} interval")
