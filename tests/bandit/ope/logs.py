"""Small logs with known truth, for the tests of this folder."""

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.statistics import FloatArray

ARMS, POSITIONS = 5, 2
RATES = np.array([[0.10, 0.20, 0.30, 0.15, 0.05], [0.08, 0.12, 0.25, 0.10, 0.03]])
TARGET = np.array([[0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.5, 0.2, 0.1, 0.1]])
# Positions are equally frequent.
TRUTH = float((TARGET * RATES).sum(axis=1).mean())


def draw(rng: np.random.Generator, n: int, behavior: FloatArray | None = None) -> Feedback:
    """Draw a log of a behavior policy, shape (P, K); uniform when left out."""
    table = np.full((POSITIONS, ARMS), 1.0 / ARMS) if behavior is None else behavior
    position = rng.integers(0, POSITIONS, n)
    arm = (rng.random(n)[:, None] > np.cumsum(table, axis=1)[position, :-1]).sum(axis=1)
    reward = (rng.random(n) < RATES[position, arm]).astype(float)
    return Feedback.of(
        arm, reward, table[position, arm], arms=ARMS, position=position, positions=POSITIONS
    )
