"""Choose the hyper-parameters of a log that is too large for memory, in one pass.

The bound of `tuning` needs, per candidate, the mean and spread of what shrinking takes away,
c = (w − w̃) x with x = r or r − q̂, and its product with the unshrunk term y. Those are
sums, which add, and y − c is the shrunk term.
"""

from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope import ips
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.estimator import ShrunkEstimator
from include.bandit.ope.stream import independent_rows
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

Z: Final = 1.96


class TuningPass:
    """Sums over the chunks seen so far, for every candidate of every shrunk estimator.

    Parameters
    ----------
    policy, model
        As in `RowPass`.
    names
        Shrunk estimators.
    largest_weight
        Largest weight of the whole log: candidates follow from it.
    """

    def __init__(
        self, policy: FloatArray, model: RewardModel, names: tuple[str, ...], largest_weight: float
    ) -> None:
        self.policy, self.model = policy, model
        top = np.array([largest_weight])
        self.grids = {name: SHRUNK[name].candidates(top) for name in names}
        # Per candidate: Σc, Σc², Σcy.
        self.cut = {name: np.zeros((len(grid), 3)) for name, grid in self.grids.items()}
        # Σy and Σy² of the unshrunk term: y = w r, or q̂(π) + w (r − q̂) about its middle.
        self.whole = {name: np.zeros(2) for name in names}
        self.middle = float((policy * model.mean).sum(axis=-1).mean())
        self.n = 0

    def add(self, chunk: Feedback, count: IntArray, fold: int = 0) -> None:
        """Add distinct rows of one fold, each with how often it came."""
        log = independent_rows(chunk, self.policy, self.model, fold)
        self.n += int(count.sum())
        residual = log.reward - log.q
        for name, grid in self.grids.items():
            estimator = SHRUNK[name]
            plain = estimator.BASE is ips
            inner = log.reward if plain else residual
            whole = log.weight * inner
            if not plain:
                whole += log.baseline - self.middle
            self.whole[name] += (float(whole @ count), float((whole * count) @ whole))
            # A term of 0 stays 0, however its weight is shrunk: with clicks that is most rows.
            some = inner != 0.0
            columns = (log.weight[some], inner[some], whole[some], count[some].astype(float))
            for index, parameter in enumerate(grid.tolist()):
                self.cut[name][index] += _taken(estimator, parameter, *columns)

    def chosen(self) -> dict[str, float]:
        """Return the parameter with the smallest bound, by estimator.

        Raises
        ------
        EvaluationError
            If fewer than two rows were added.
        """
        if self.n < 2:
            raise EvaluationError(f"{self.n} rows: no hyper-parameter can be chosen")
        return {name: float(grid[self._best(name)]) for name, grid in self.grids.items()}

    def _best(self, name: str) -> int:
        """Bound bias² + variance of every candidate; see `tuning`."""
        n = self.n
        mean_c, mean_cc, mean_cy = self.cut[name].T / n
        mean_y, mean_yy = self.whole[name] / n
        var_c = np.maximum(mean_cc - mean_c**2, 0.0)
        var_y = max(mean_yy - mean_y**2, 0.0)
        spread = np.maximum(var_y - 2.0 * (mean_cy - mean_c * mean_y) + var_c, 0.0)
        bias = np.abs(mean_c) + Z * np.sqrt(var_c / (n - 1))
        return int(np.argmin(bias**2 + spread / (n - 1)))


def _taken(
    estimator: ShrunkEstimator, parameter: float, *columns: FloatArray
) -> tuple[float, float, float]:
    """Return Σc, Σc² and Σcy for one parameter."""
    weight, inner, whole, count = columns
    cut = (weight - estimator.shrink(weight, parameter)) * inner
    counted = cut * count
    return float(counted.sum()), float(counted @ cut), float(counted @ whole)
