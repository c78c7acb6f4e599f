"""Sums of metrics from explicit units, for tests of the core."""

from collections.abc import Sequence

import numpy as np

from include.bandit.metrics.statistics import MetricStatistics

# y, x, arm, propensity
Unit = tuple[float, float, int, float]


def metric_sums(
    batches: Sequence[Sequence[Unit]], arms: int = 2, cap: float = np.inf
) -> MetricStatistics:
    """Return the sums of each batch's units, shape ``(batches, arms)``."""
    found = np.zeros((17, len(batches), arms))
    for batch, units in enumerate(batches):
        for whole, x, arm, p in units:
            y, w = min(whole, cap), 1 / p
            first = [1.0, float(whole > cap), abs(y), y, y * y, x, x * x, x * y]
            second = [w, y * w, x * w]
            third = [t * w * w for t in (1.0, y, y * y, x, x * x, x * y)]
            found[:, batch, arm] += first + second + third
    return MetricStatistics(found[0].astype(np.int64), *found[1:])
