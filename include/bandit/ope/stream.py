"""Evaluate a log that is too large for memory: chunk after chunk, seven estimators in one pass.

Every estimator is a smooth function of the means of its terms, so the sums of the terms
and of their products are all that a chunk leaves behind. Sums of chunks add.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from include.bandit.feedback import EvaluationPolicy, Feedback
from include.bandit.ope.catalogue import LINEAR, SHRUNK
from include.bandit.ope.estimator import Estimator
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import FloatArray
from include.errors import EvaluationError


class RowPass:
    """Sums of the terms of several estimators, over the chunks seen so far.

    Parameters
    ----------
    estimators
        Names; shrunk ones with a declared parameter.
    parameters
        Hyper-parameter by name.
    """

    def __init__(self, estimators: Sequence[str], parameters: dict[str, float]) -> None:
        for name in estimators:
            if name not in LINEAR and name not in parameters:
                raise EvaluationError(f"{name} in one pass needs its parameter declared")
        self.estimators = tuple(estimators)
        self.parameters = parameters
        self.n = 0
        self._shift: dict[str, FloatArray] = {}
        self._sums: dict[str, FloatArray] = {}
        self._products: dict[str, FloatArray] = {}

    def add(self, chunk: Feedback, policy: EvaluationPolicy, model: RewardModel) -> None:
        """Add a chunk's rows; they must be independent of all others."""
        log = weighted(chunk, policy, model)
        if not isinstance(log, Rows) or log.cluster is not None:
            raise EvaluationError("one pass takes rows as independent; these are clustered")
        for name in self.estimators:
            terms = np.stack(_values(name, log, self.parameters))
            # Shifted by the first chunk's means, products lose no digits to cancellation.
            shift = self._shift.setdefault(name, terms.mean(axis=1, keepdims=True))
            terms -= shift
            size = len(terms)
            self._sums[name] = self._sums.get(name, np.zeros(size)) + terms.sum(axis=1)
            self._products[name] = (
                self._products.get(name, np.zeros((size, size))) + terms @ terms.T
            )
        self.n += log.n

    def results(self) -> dict[str, tuple[float, float]]:
        """Return value and variance by estimator.

        Raises
        ------
        EvaluationError
            If fewer than two rows were added.
        """
        if self.n < 2:
            raise EvaluationError("a variance needs two independent rows")
        found = {}
        for name in self.estimators:
            base = _base(name)
            off = self._sums[name] / self.n
            means = self._shift[name][:, 0] + off
            covariance = self._products[name] / self.n - np.outer(off, off)
            slopes = base.gradient(means)
            variance = float(slopes @ covariance @ slopes) / (self.n - 1)
            found[name] = (float(base.value(means)), max(variance, 0.0))
        return found


def row_pass(
    chunks: Iterable[Feedback],
    policy: EvaluationPolicy,
    model: RewardModel,
    estimators: Sequence[str],
    parameters: dict[str, float],
) -> dict[str, tuple[float, float]]:
    """Return value and variance by estimator over all chunks."""
    one = RowPass(estimators, parameters)
    for chunk in chunks:
        one.add(chunk, policy, model)
    return one.results()


def _base(name: str) -> Estimator:
    return SHRUNK[name].BASE if name in SHRUNK else LINEAR[name]


def _values(name: str, log: Rows, parameters: dict[str, float]) -> list[FloatArray]:
    if name in SHRUNK:
        log = log.reweighted(SHRUNK[name].shrink(log.weight, parameters[name]))
    return [log.values(term) for term in _base(name).terms(log)]
