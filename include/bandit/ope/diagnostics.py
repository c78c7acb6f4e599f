"""Diagnostics: what stands between a weighted average and a finding."""

from dataclasses import dataclass

import numpy as np

from include.bandit.feedback import EvaluationPolicy, Feedback, RowPolicy
from include.bandit.ope.units import UnitSums
from include.bandit.ope.weighted_log import Rows, Sums, Term
from include.bandit.statistics import ArmStatistics
from include.errors import EvaluationError, FeedbackError


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """How much of the log speaks for the evaluation policy.

    Attributes
    ----------
    n
        Rows of the log.
    effective_sample_size
        (Σw)² / Σw² (Kish 1965): as many equally weighted rows would be as noisy.
    effective_rewards
        (Σwr)² / Σ(wr)²: the same for the rows with a reward, where rewards are 0 or 1;
        else None.
    largest_weight
        Exact from rows; from sums an upper bound, exact where a cell's propensity is constant.
    mean_weight, mean_weight_error
        Σw / n, which is 1 when propensities are right, and its standard error.
    mass_without_support
        Share of the evaluation policy on arms that the log never showed in that position.
    disagreement
        Distance to the reference estimator in joint standard errors (taken as if
        independent); None for the reference itself.
    weight_cut
        Where weights were shrunk to w̃: 1 − mean min(w, w̃), the share of the policy that is
        then not read from the log; else None.
    """

    n: int
    effective_sample_size: float
    effective_rewards: float | None
    largest_weight: float
    mean_weight: float
    mean_weight_error: float
    mass_without_support: float
    disagreement: float | None = None
    weight_cut: float | None = None

    @property
    def effective_share(self) -> float:
        """Return effective sample size / n."""
        return self.effective_sample_size / self.n


@dataclass(frozen=True, slots=True)
class EvaluationLimits:
    """Declared limits; beyond one of them the verdict is ``unknown``.

    Attributes
    ----------
    effective_sample_size, effective_share, effective_rewards
        The least that is enough.
    mean_weight_error, mean_weight_z
        The mean weight may differ from 1 by either so much, or so many standard errors.
    weight_cut
        Share of the weight that shrinking may take away.
    mass_without_support
        Share of the policy that may lie where the log says nothing.
    disagreement
        Joint standard errors between an estimator and the reference.
    """

    effective_sample_size: float = 100.0
    effective_share: float = 0.001
    effective_rewards: float = 10.0
    mean_weight_error: float = 0.01
    mean_weight_z: float = 4.0
    weight_cut: float = 0.1
    mass_without_support: float = 0.01
    disagreement: float = 3.0

    def reasons(self, found: Diagnostics) -> tuple[str, ...]:
        """Say which limits are broken; empty when none is."""
        said = [
            f"{what} {value:.4g} is below {least:g}"
            for what, value, least in (
                ("effective sample size", found.effective_sample_size, self.effective_sample_size),
                ("effective share", found.effective_share, self.effective_share),
                ("effective number of rewards", found.effective_rewards, self.effective_rewards),
            )
            if value is not None and value < least
        ]
        said += self._weight_reasons(found)
        if found.mass_without_support > self.mass_without_support:
            said.append(
                f"{found.mass_without_support:.2%} of the policy is on arms that the log never "
                f"showed, more than {self.mass_without_support:.2%}"
            )
        if found.disagreement is not None and found.disagreement > self.disagreement:
            said.append(
                f"{found.disagreement:.1f} standard errors from the reference estimator, "
                f"more than {self.disagreement:g}"
            )
        return tuple(said)

    def _weight_reasons(self, found: Diagnostics) -> list[str]:
        off = found.mean_weight - 1.0
        if found.weight_cut is not None and found.weight_cut > self.weight_cut:
            cut = f"{found.weight_cut:.1%} of the weight, more than {self.weight_cut:.1%}"
            return [f"shrinking cut {cut}"]
        if found.weight_cut is not None and off < 0.0:
            return []
        if abs(off) > max(self.mean_weight_error, self.mean_weight_z * found.mean_weight_error):
            return [f"mean weight {found.mean_weight:.4g} is not 1: propensities look wrong"]
        return []


def diagnose(
    log: Rows | Sums, data: Feedback | ArmStatistics, policy: EvaluationPolicy
) -> Diagnostics:
    """Compute the diagnostics of a weighted log."""
    n = log.n
    mean = log.mean(Term(weight=1.0))
    if isinstance(log, Rows):
        squares = float(log.weight @ log.weight)
        rewarded = log.weight * log.reward
        reward_sum, reward_squares = float(rewarded.sum()), float(rewarded @ rewarded)
        largest = float(log.weight.max())
    else:
        squares = float(log.w2.sum())
        reward_sum, reward_squares = float(log.wr.sum()), float(log.w2r2.sum())
        largest = log.largest_weight() if isinstance(log, UnitSums) else _largest_by_sums(log)
    if not np.isfinite([mean, squares, reward_squares]).all():
        raise EvaluationError(
            f"no finite answer: weights as large as {largest:.3g} cannot be squared"
        )
    total = mean * n
    error = np.sqrt(log.variance(Term(constant=-mean, weight=1.0)))
    return Diagnostics(
        n=n,
        effective_sample_size=total**2 / squares if squares > 0 else 0.0,
        effective_rewards=_effective(reward_sum, reward_squares) if _binary(data) else None,
        largest_weight=largest,
        mean_weight=mean,
        mean_weight_error=float(error),
        mass_without_support=_unsupported(data, policy),
    )


def _effective(total: float, squares: float) -> float:
    return total**2 / squares if squares > 0 else 0.0


def _binary(data: Feedback | ArmStatistics) -> bool:
    """Rewards are 0 or 1 exactly when Σr = Σr² in every cell, for rewards in [0, 1]."""
    if isinstance(data, Feedback):
        return bool(np.all((data.reward == 0.0) | (data.reward == 1.0)))
    return bool(np.array_equal(data.sum_r, data.sum_r2))


def _largest_by_sums(log: Sums) -> float:
    """Bound the largest of n weights by mean + sd √(n − 1) (Samuelson 1968)."""
    rows = np.maximum(log.rows, 1)
    mean = log.w / rows
    spread = np.maximum(log.w2 / rows - mean**2, 0.0)
    # Below the rounding of the two sums a constant propensity has no spread at all.
    spread = np.where(spread <= 1e-12 * mean**2 * rows, 0.0, spread)
    return float((mean + np.sqrt(spread * (rows - 1))).max())


def _unsupported(data: Feedback | ArmStatistics, policy: EvaluationPolicy) -> float:
    if isinstance(data, Feedback):
        cell = data.position * data.arms + data.arm
        counts = np.bincount(cell, minlength=data.positions * data.arms)
        counts = counts.reshape(data.positions, data.arms)
    else:
        counts = data.n.reshape(-1, *data.n.shape[-2:]).sum(axis=0)
    if isinstance(policy, RowPolicy):
        if not isinstance(data, Feedback):
            raise FeedbackError("sums know no rows: a policy per row needs the rows of the log")
        hidden = (counts == 0).astype(float)[data.position]
        return float(np.einsum("nk,nk->n", policy.probability, hidden).mean())
    share = counts.sum(axis=1) / counts.sum()
    return float(share @ np.where(counts == 0, policy, 0.0).sum(axis=1))
