"""Evaluate a log that is too large for memory: chunk after chunk, all estimators in one pass.

Terms of different estimators share their columns: w, w r, q̂(π), w (r − q̂), and one column of
shrunk weights each. Every estimate is a smooth function of the means of such columns,
so a chunk leaves behind only their sums and products, which add.
"""

from collections.abc import Sequence
from typing import Final, Self

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope import ips
from include.bandit.ope.catalogue import LINEAR, SHRUNK
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.observed import Moments, Sizes, observe
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

# Columns whose sum is a term, for every term of an estimator.
_TERMS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "ips": (("wr",),),
    "snips": (("w",), ("wr",)),
    "dm": (("baseline",),),
    "dr": (("baseline", "residual"),),
    "sndr": (("baseline",), ("w",), ("residual",)),
}
_SHARED: Final = ("w", "wr", "baseline", "residual")


class RowPass:
    """Sums and products of the columns over the chunks seen so far; passes add with ``+``.

    Parameters
    ----------
    policy
        Table of shape (P, K).
    model
        Tables of q̂, one per fold; every chunk belongs to one fold.
    estimators
        Names; not ``replay`` or ``mips``, which follow from sums.
    parameters
        Hyper-parameter of every shrunk estimator, declared beforehand.
    """

    def __init__(
        self,
        policy: FloatArray,
        model: RewardModel,
        estimators: Sequence[str],
        parameters: dict[str, float],
    ) -> None:
        for name in estimators:
            if name not in _TERMS and name not in parameters:
                raise EvaluationError(f"{name} in one pass needs its parameter declared")
        if model.fold is not None:
            raise EvaluationError("one pass takes the fold of a chunk, not of every row")
        self.policy, self.model = policy, model
        self.estimators, self.parameters = tuple(estimators), parameters
        self.columns = (*_SHARED, *(name for name in estimators if name in SHRUNK))
        # The baseline hardly varies; taken about its middle its products keep their digits.
        self.middle = float((policy * model.mean).sum(axis=-1).mean())
        self.sizes = Sizes()
        self.sums = np.zeros(len(self.columns))
        self.sized = np.zeros(len(self.columns))
        self.products = np.zeros((len(self.columns), len(self.columns)))

    @property
    def n(self) -> int:
        """Return the number of rows seen so far."""
        return self.sizes.n

    def add(self, chunk: Feedback, count: IntArray | None = None, fold: int | IntArray = 0) -> None:
        """Add a chunk's rows; they must be independent of all others.

        Parameters
        ----------
        chunk
            Rows, distinct rows, or the rows of whole clusters.
        count
            How often each of them came, shape (n,); once each when left out.
        fold
            Whose reward model they meet: the one that was fitted without them.
        """
        log, seen = observe(chunk, self.policy, self.model, count, fold)
        values = np.empty((len(self.columns), log.n))
        residual = log.reward - log.q
        values[0] = log.weight
        np.multiply(log.weight, log.reward, out=values[1])
        np.subtract(log.baseline, self.middle, out=values[2])
        np.multiply(log.weight, residual, out=values[3])
        for row, name in enumerate(self.columns[len(_SHARED) :], start=len(_SHARED)):
            shrunk = SHRUNK[name].shrink(log.weight, self.parameters[name])
            inner = log.reward if SHRUNK[name].BASE is ips else residual
            np.multiply(shrunk, inner, out=values[row])
        values = seen.totals(values)
        counted = values if count is None else values * count
        total = counted.sum(axis=1)
        self.sizes.add(seen)
        self.sums += total
        self.sized += seen.sized(counted, total)
        self.products += counted @ values.T

    def __add__(self, other: Self) -> Self:
        """Merge two passes over different rows with the same policy, model and estimators."""
        merged = type(self)(self.policy, self.model, self.estimators, self.parameters)
        merged.sizes = self.sizes + other.sizes
        merged.sums = self.sums + other.sums
        merged.sized = self.sized + other.sized
        merged.products = self.products + other.products
        return merged

    def results(self) -> dict[str, tuple[float, float]]:
        """Return value and variance by estimator.

        Raises
        ------
        EvaluationError
            If fewer than two rows or clusters were added, or no row has weight.
        """
        if self.sizes.observations < 2 or self.sums[0] == 0.0:
            raise EvaluationError(
                f"{self.sizes.observations} independent rows, Σw = {self.sums[0]}: "
                "no value with a variance"
            )
        return {name: self._result(name) for name in self.estimators}

    def _result(self, name: str) -> tuple[float, float]:
        base: Estimator = SHRUNK[name].BASE if name in SHRUNK else LINEAR[name]
        terms = _TERMS.get(name) or (((name,),) if base is ips else (("baseline", name),))
        parts = np.array([[column in term for column in self.columns] for term in terms], float)
        means = self.sums / self.n
        left = Moments(self.sums[:, np.newaxis], self.sized[:, np.newaxis])
        right = Moments(self.sums, self.sized)
        covariance = parts @ self.sizes.spread(self.products, left, right) @ parts.T
        term_means = parts @ means + self.middle * parts[:, self.columns.index("baseline")]
        slopes = base.gradient(term_means)
        variance = self.sizes.of_mean(slopes @ covariance @ slopes)
        return float(base.value(term_means)), float(variance)
