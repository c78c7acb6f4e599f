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
from include.bandit.ope.observed import Moments, Observations, Sizes, observe
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
        # Per candidate: Σc, Σ size c, Σc², Σcy.
        self.cut = {name: np.zeros((len(grid), 4)) for name, grid in self.grids.items()}
        # Σy, Σ size y and Σy² of the unshrunk term: y = w r, or q̂(π) + w (r − q̂) about its
        # middle.
        self.whole = {name: np.zeros(3) for name in names}
        self.middle = float((policy * model.mean).sum(axis=-1).mean())
        self.sizes = Sizes()

    def add(self, chunk: Feedback, count: IntArray | None, fold: int | IntArray = 0) -> None:
        """Add rows as `RowPass` does."""
        log, seen = observe(chunk, self.policy, self.model, count, fold)
        self.sizes.add(seen)
        residual = log.reward - log.q
        for name, grid in self.grids.items():
            estimator = SHRUNK[name]
            plain = estimator.BASE is ips
            inner = log.reward if plain else residual
            whole = log.weight * inner
            if not plain:
                whole += log.baseline - self.middle
            whole = seen.totals(whole)
            counted, total = whole * seen.times, np.asarray(whole @ seen.times)
            sized = seen.sized(counted, total)
            self.whole[name] += (float(total), float(sized), float(counted @ whole))
            # A term of 0 stays 0, however its weight is shrunk: with clicks that is most rows.
            some = inner != 0.0
            part, kept = seen.only(some)
            columns = (log.weight[some], inner[some], whole[kept])
            for index, parameter in enumerate(grid.tolist()):
                self.cut[name][index] += _taken(estimator, parameter, part, *columns)

    def chosen(self) -> dict[str, float]:
        """Return the parameter with the smallest bound, by estimator.

        Raises
        ------
        EvaluationError
            If fewer than two rows or clusters were added.
        """
        if self.sizes.observations < 2:
            raise EvaluationError(
                f"{self.sizes.observations} independent rows: no hyper-parameter can be chosen"
            )
        return {name: float(grid[self._best(name)]) for name, grid in self.grids.items()}

    def _best(self, name: str) -> int:
        """Bound bias² + variance of every candidate; see `tuning`."""
        sizes = self.sizes
        cut_total, cut_sized, cut_squares, cut_products = self.cut[name].T
        total, sized, squares = self.whole[name]
        cut, whole = Moments(cut_total, cut_sized), Moments(total, sized)
        var_c = np.maximum(sizes.spread(cut_squares, cut, cut), 0.0)
        var_y = np.maximum(sizes.spread(squares, whole, whole), 0.0)
        shrunk = var_y - 2.0 * sizes.spread(cut_products, cut, whole) + var_c
        bias = np.abs(cut_total / sizes.n) + Z * np.sqrt(sizes.of_mean(var_c))
        return int(np.argmin(bias**2 + sizes.of_mean(shrunk)))


def _taken(
    estimator: ShrunkEstimator, parameter: float, seen: Observations, *columns: FloatArray
) -> tuple[float, float, float, float]:
    """Return Σc, Σ size c, Σc² and Σcy for one parameter."""
    weight, inner, whole = columns
    cut = seen.totals((weight - estimator.shrink(weight, parameter)) * inner)
    counted = cut * seen.times
    total = counted.sum()
    sized = seen.sized(counted, total)
    return float(total), float(sized), float(counted @ cut), float(counted @ whole)
