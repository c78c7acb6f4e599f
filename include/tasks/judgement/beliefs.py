"""Beliefs beside a verdict: P(best), expected loss and what a switch might still gain."""

from collections.abc import Iterator, Mapping

import numpy as np

from include.bandit.beliefs import beliefs
from include.bandit.best_arm import best_arm_probabilities, expected_loss
from include.bandit.inference.potential_value import potential_value_remaining
from include.bandit.statistics import ArmStatistics
from include.contract.canonical import Json
from include.contract.weights import POOLED_CELL
from include.experiments.schema import Experiment


def belief_rows(
    experiment: Experiment, statistics: Mapping[str, ArmStatistics]
) -> Iterator[dict[str, Json]]:
    """Yield one row per cell, position and arm, from the sums as known today."""
    for belief in beliefs(experiment, statistics):
        for position, posterior in enumerate(belief.posteriors):
            best, loss = best_arm_probabilities(posterior), expected_loss(posterior)
            mean, sd = posterior.mean(), posterior.sd()
            for arm, name in enumerate(experiment.arms):
                yield {
                    "position": position,
                    "cell": belief.cell,
                    "arm": name,
                    "posterior_mean": float(mean[arm]),
                    "posterior_sd": float(sd[arm]) if np.isfinite(sd[arm]) else None,
                    "best_probability": float(best[arm]),
                    "expected_loss": float(loss[arm]),
                }


def remaining(
    experiment: Experiment, statistics: Mapping[str, ArmStatistics], position: int, leader: int
) -> float:
    """Return the potential value remaining against the leader, in the pool of all cells."""
    pooled = next(one for one in beliefs(experiment, statistics) if one.cell == POOLED_CELL)
    return potential_value_remaining(pooled.posteriors[position], leader)
