"""How to evaluate: level, intervals, hyper-parameters, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from include.bandit.ope.diagnostics import EvaluationLimits
from include.bandit.ope.estimate import IntervalMethod
from include.bandit.ope.tuning import Rule
from include.bandit.statistics import IntArray
from include.errors import EvaluationError


@dataclass(frozen=True, slots=True, eq=False)
class Options:
    """How to evaluate.

    Attributes
    ----------
    level
        Confidence of the intervals.
    intervals
        ``normal`` always comes; ``bootstrap`` (rows and ``rng`` needed) and
        ``empirical-bernstein`` (``smallest_pscore`` and ``reward_range`` needed) on demand.
    parameters
        Hyper-parameter by estimator; those not named are chosen by ``rule``.
    rule
        ``mse``, a bound on the squared error, or ``slope``; see `include.bandit.ope.tuning`.
    limits
        Beyond them the verdict is ``unknown``.
    groups
        Feature group of every arm, shape (K,), for MIPS.
    uniform_log
        Whether sums are those of a log that is uniform at every row: sums cannot tell.
    smallest_pscore
        Lowest propensity that the behavior policy could have had, known beforehand.
    reward_range
        What a reward cannot leave.
    rng, samples
        Randomness and number of bootstrap samples.
    """

    level: float = 0.95
    intervals: tuple[IntervalMethod, ...] = ("normal",)
    parameters: Mapping[str, float] = field(default_factory=dict)
    rule: Rule = "mse"
    limits: EvaluationLimits = field(default_factory=EvaluationLimits)
    groups: IntArray | None = None
    uniform_log: bool = False
    smallest_pscore: float | None = None
    reward_range: tuple[float, float] = (0.0, 1.0)
    rng: np.random.Generator | None = None
    samples: int = 1000

    def __post_init__(self) -> None:
        if not 0.0 < self.level < 1.0:
            raise EvaluationError(f"level {self.level} is not between 0 and 1")
        if "bootstrap" in self.intervals and self.rng is None:
            raise EvaluationError("a bootstrap needs a random generator: Options(rng=…)")
        if "empirical-bernstein" in self.intervals and self.smallest_pscore is None:
            raise EvaluationError(
                "an empirical Bernstein interval needs the lowest propensity that was possible: "
                "Options(smallest_pscore=…)"
            )
