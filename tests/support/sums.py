"""Small experiments and arm statistics from counts, for tests of the core."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from include.bandit.statistics import ArmStatistics
from include.experiments.schema import Experiment


def arm_statistics(
    n: ArrayLike, sum_r: ArrayLike, share: ArrayLike | None = None, sum_r2: ArrayLike | None = None
) -> ArmStatistics:
    """Return the sums of n observations per arm under known shares.

    Without shares, those that were realised; without Σr², rewards of 0 and 1.
    """
    counts = np.asarray(n, np.int64)
    rewards = np.asarray(sum_r, np.float64)
    squares = rewards if sum_r2 is None else np.asarray(sum_r2, np.float64)
    total = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    p = np.maximum(counts, 1) / total if share is None else np.broadcast_to(share, counts.shape)
    ip, ip2 = counts / p, counts / p**2
    return ArmStatistics(
        counts, rewards, squares, ip, ip2, rewards / p, rewards / p**2, squares / p**2
    )


def declare(count: int = 2, **changes: Any) -> Experiment:
    """Return an experiment of arms item-0, item-1, … without limits, unless changed."""
    document: dict[str, Any] = {
        "slug": "shop",
        "title": "a shop",
        "owner": "tests",
        "arms": [f"item-{arm}" for arm in range(count)],
        "source": {"kind": "decision_log"},
    }
    return Experiment.model_validate(document | changes)
