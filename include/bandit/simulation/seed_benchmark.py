"""The seed benchmark: 20 environments of four Bernoulli arms, one arm clearly best."""

from typing import Final

import numpy as np

from include.bandit.statistics import FloatArray

ENVIRONMENTS: Final = 20
ARMS: Final = 4
ROUNDS: Final = 2000


def environments(rng: np.random.Generator) -> FloatArray:
    """Draw rates ``(20, 4)``: uniform(0.03, 0.40), one raised to max + uniform(0.15, 0.30)."""
    rates = rng.uniform(0.03, 0.40, (ENVIRONMENTS, ARMS))
    raised = rng.integers(ARMS, size=ENVIRONMENTS)
    rows = np.arange(ENVIRONMENTS)
    rates[rows, raised] = rates.max(axis=1) + rng.uniform(0.15, 0.30, ENVIRONMENTS)
    return rates
