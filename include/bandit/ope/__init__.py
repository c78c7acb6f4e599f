"""Off-policy evaluation: "what would this policy have earned, had it been fixed?".

One estimator per module, under its paper's name. `evaluate` runs them on rows or sums.
"""

from include.bandit.ope.catalogue import NAMES
from include.bandit.ope.diagnostics import Diagnostics, EvaluationLimits
from include.bandit.ope.estimate import Estimate, Interval
from include.bandit.ope.evaluate import applicable, evaluate
from include.bandit.ope.options import Options

__all__ = [
    "NAMES",
    "Diagnostics",
    "Estimate",
    "EvaluationLimits",
    "Interval",
    "Options",
    "applicable",
    "evaluate",
]
