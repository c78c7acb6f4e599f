"""Self-grading: a policy with a log of its own, estimated from another log."""

from collections.abc import Iterator, Sequence

from include.bandit.ope.estimate import Interval
from include.contract.canonical import Json
from include.tasks.evaluation.policies import PRODUCTION, UNIFORM
from include.tasks.evaluation.values import ALL, PolicyEstimate

# From which log, whom, and in which log the policy's own mean stands.
PAIRS = (("random", PRODUCTION, "bts"), ("bts", UNIFORM, "random"))


def grades(
    estimates: Sequence[PolicyEstimate], own: Sequence[PolicyEstimate]
) -> Iterator[dict[str, Json]]:
    """Set every estimate of a policy beside the mean of its own log.

    Parameters
    ----------
    estimates
        Off-policy estimates on all logs.
    own
        On-policy means, one per log.
    """
    truth = {one.log: one.estimate for one in own}
    for log, policy, own_log in PAIRS:
        if own_log not in truth:
            continue
        mean = truth[own_log].interval("normal")
        for one in estimates:
            if (one.log, one.policy, one.position) != (log, policy, ALL):
                continue
            for interval in one.estimate.intervals:
                yield _grade(one, interval, truth[own_log].value, mean)


def _grade(
    one: PolicyEstimate, interval: Interval, value: float, mean: Interval
) -> dict[str, Json]:
    return {
        "log": one.log,
        "evaluation_policy": one.policy,
        "estimator": one.estimate.estimator,
        "interval_method": interval.method,
        "estimate": one.estimate.value,
        "lo": interval.lower,
        "hi": interval.upper,
        "on_policy_mean": value,
        "on_policy_lo": mean.lower,
        "on_policy_hi": mean.upper,
        "level": interval.level,
    }
