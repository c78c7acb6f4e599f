"""Self-grading: estimates of a policy that has a log of its own (Saito et al. 2008.07146).

The value of ``bts`` estimated from the ``random`` log is compared with the mean reward of
the ``bts`` log, and the reverse. Where the evaluation policy approximates the one that
logged, the grade holds that error too.
"""

from dataclasses import dataclass

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.estimate import Estimate, Interval
from include.bandit.ope.intervals import normal
from include.bandit.ope.weighted_log import mean_variance
from include.bandit.statistics import ArmStatistics
from include.errors import EvaluationError


@dataclass(frozen=True, slots=True)
class OnPolicy:
    """The mean reward of a policy's own log."""

    value: float
    variance: float
    interval: Interval
    n: int


@dataclass(frozen=True, slots=True)
class Grade:
    """How far an estimate is from the on-policy mean.

    Attributes
    ----------
    estimate
        What was graded.
    relative_error
        |V̂ − mean| / mean; None where the mean is 0.
    z
        (V̂ − mean) in standard errors of the difference (the logs are independent).
    covered
        Whether the estimate's interval holds the on-policy mean.
    overlapping
        Whether the two intervals meet.
    """

    estimate: Estimate
    relative_error: float | None
    z: float
    covered: bool
    overlapping: bool


def on_policy(data: Feedback | ArmStatistics, level: float = 0.95) -> OnPolicy:
    """Return the mean reward of a log, with its interval."""
    if isinstance(data, Feedback):
        mean, n = float(data.reward.mean()), data.n
        variance = mean_variance(data.reward - mean, data.cluster)
    else:
        n = int(data.n.sum())
        if n < 2:
            raise EvaluationError(f"{n} rows make no mean with an error")
        mean = float(data.sum_r.sum()) / n
        variance = max(float(data.sum_r2.sum()) / n - mean**2, 0.0) / (n - 1)
    return OnPolicy(mean, variance, normal(mean, variance, level), n)


def grade(estimate: Estimate, truth: OnPolicy) -> Grade:
    """Compare an estimate from one log with the mean of the policy's own log."""
    interval, error = estimate.interval(), estimate.value - truth.value
    joint = np.sqrt(estimate.variance + truth.variance)
    return Grade(
        estimate=estimate,
        relative_error=abs(error / truth.value) if truth.value else None,
        z=float(error / joint) if joint > 0 else 0.0,
        covered=truth.value in interval,
        overlapping=interval.lower <= truth.interval.upper
        and truth.interval.lower <= interval.upper,
    )
