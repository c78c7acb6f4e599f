"""Diagnostics of shrunk weights from a stream: their sums, which add."""

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.diagnostics import Diagnostics
from include.bandit.ope.stream import independent_rows
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import FloatArray, IntArray


class WeightPass:
    """Σw̃, Σw̃², Σw̃r, Σ(w̃r)², Σ min(w, w̃) and max w̃, by shrunk estimator.

    Parameters
    ----------
    policy
        Table of shape (P, K).
    parameters
        Hyper-parameter by shrunk estimator.
    """

    def __init__(self, policy: FloatArray, parameters: dict[str, float]) -> None:
        self.policy, self.parameters = policy, parameters
        self.sums = {name: np.zeros(5) for name in parameters}
        self.largest = dict.fromkeys(parameters, 0.0)
        self.n = 0
        # Weights know no model.
        self._model = RewardModel.given(np.zeros_like(policy))

    def add(self, chunk: Feedback, count: IntArray) -> None:
        """Add distinct rows, each with how often it came."""
        log = independent_rows(chunk, self.policy, self._model, 0)
        self.n += int(count.sum())
        for name, parameter in self.parameters.items():
            shrunk = SHRUNK[name].shrink(log.weight, parameter)
            rewarded, counted = shrunk * log.reward, shrunk * count
            self.sums[name] += (
                float(counted.sum()),
                float(counted @ shrunk),
                float(rewarded @ count),
                float((rewarded * count) @ rewarded),
                float(np.minimum(log.weight, shrunk) @ count),
            )
            self.largest[name] = max(self.largest[name], float(shrunk.max()))

    def diagnostics(self, name: str, unshrunk: Diagnostics) -> Diagnostics:
        """Return what `diagnose` finds on the shrunk rows; support is that of the whole log."""
        total, squares, reward, reward_squares, kept = self.sums[name].tolist()
        n = self.n
        mean = total / n
        spread = max(squares / n - mean**2, 0.0)
        effective = reward**2 / reward_squares if reward_squares > 0 else 0.0
        return Diagnostics(
            n=n,
            effective_sample_size=total**2 / squares if squares > 0 else 0.0,
            effective_rewards=None if unshrunk.effective_rewards is None else effective,
            largest_weight=self.largest[name],
            mean_weight=mean,
            mean_weight_error=float(np.sqrt(spread / (n - 1))),
            mass_without_support=unshrunk.mass_without_support,
            weight_cut=max(1.0 - kept / n, 0.0),
        )
