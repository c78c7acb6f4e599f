"""Diagnostics of shrunk weights from a stream: their sums, which add."""

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.diagnostics import Diagnostics
from include.bandit.ope.observed import Moments, Sizes, observe
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
        # Σ over observations of (Σw̃)² and size · Σw̃: rows of a cluster vary together.
        self.by_observation = {name: np.zeros(2) for name in parameters}
        self.sizes = Sizes()
        # Weights know no model.
        self._model = RewardModel.given(np.zeros_like(policy))

    def add(self, chunk: Feedback, count: IntArray | None) -> None:
        """Add rows as `RowPass` does."""
        log, seen = observe(chunk, self.policy, self._model, count)
        self.sizes.add(seen)
        often = np.ones(log.n) if count is None else count
        for name, parameter in self.parameters.items():
            shrunk = SHRUNK[name].shrink(log.weight, parameter)
            rewarded, counted = shrunk * log.reward, shrunk * often
            total = counted.sum()
            self.sums[name] += (
                float(total),
                float(counted @ shrunk),
                float(rewarded @ often),
                float((rewarded * often) @ rewarded),
                float(np.minimum(log.weight, shrunk) @ often),
            )
            own = seen.totals(shrunk)
            times = own * seen.times
            self.by_observation[name] += (float(times @ own), float(seen.sized(times, total)))
            self.largest[name] = max(self.largest[name], float(shrunk.max()))

    def diagnostics(self, name: str, unshrunk: Diagnostics) -> Diagnostics:
        """Return what `diagnose` finds on the shrunk rows; support is that of the whole log."""
        total, squares, reward, reward_squares, kept = self.sums[name].tolist()
        n = self.sizes.n
        own_squares, sized = self.by_observation[name]
        own = Moments(np.float64(total), sized)
        spread = self.sizes.spread(own_squares, own, own)
        effective = reward**2 / reward_squares if reward_squares > 0 else 0.0
        return Diagnostics(
            n=n,
            effective_sample_size=total**2 / squares if squares > 0 else 0.0,
            effective_rewards=None if unshrunk.effective_rewards is None else effective,
            largest_weight=self.largest[name],
            mean_weight=total / n,
            mean_weight_error=float(np.sqrt(self.sizes.of_mean(spread))),
            mass_without_support=unshrunk.mass_without_support,
            weight_cut=max(1.0 - kept / n, 0.0),
        )
