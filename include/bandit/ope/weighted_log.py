"""A log as one evaluation policy sees it: rows or sums, weighted by w = π(a|x) / p.

Every term that IPS, SNIPS, DM, DR and SNDR average is ``constant + w (weight + reward · r)``
with coefficients per (arm, position). Its mean is linear and its mean square quadratic
in the sums of `ArmStatistics`, so rows and sums give the same value and variance.
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

from include.bandit.feedback import EvaluationPolicy, Feedback, RowPolicy, check_policy, sum_by
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.errors import EvaluationError, FeedbackError

Coefficient = FloatArray | float


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """What is averaged: ``constant + w (weight + reward · r)``; see the module."""

    constant: Coefficient = 0.0
    weight: Coefficient = 0.0
    reward: Coefficient = 0.0


class Log(Protocol):
    """What an estimator may ask of a log, be it rows or sums."""

    @property
    def n(self) -> int:
        """Number of rows."""

    @property
    def q(self) -> FloatArray:
        """Modelled reward q̂ of the logged arm."""

    @property
    def baseline(self) -> FloatArray:
        """Modelled value Σ π(a|x) q̂(x, a) of the evaluation policy."""

    def mean(self, term: Term) -> float:
        """Average a term over the log."""

    def variance(self, term: Term) -> float:
        """Return the variance of the average of a term whose mean is 0."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """A log row by row; every array has shape (n,)."""

    weight: FloatArray
    reward: FloatArray
    q: FloatArray
    baseline: FloatArray
    cluster: IntArray | None = None

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return len(self.weight)

    def values(self, term: Term) -> FloatArray:
        """Return a term at every row, shape (n,)."""
        inner = _plus(term.weight, _times(term.reward, self.reward))
        return np.asarray(np.broadcast_to(_plus(term.constant, _times(inner, self.weight)), self.n))

    def mean(self, term: Term) -> float:
        """Average a term over the rows."""
        return float(self.values(term).mean())

    def variance(self, term: Term) -> float:
        """Return the variance of a term's average; by cluster where rows have one."""
        return mean_variance(self.values(term), self.cluster)

    def reweighted(self, weight: FloatArray) -> Self:
        """Return the log with other weights, as clipped or shrunk ones."""
        return replace(self, weight=weight)


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """A log by sums; every array has shape (F, P, K): folds, positions, arms.

    Attributes
    ----------
    rows
        Number of rows per cell.
    w, w2, wr, w2r, w2r2
        Σw, Σw², Σwr, Σw²r and Σw²r².
    """

    rows: IntArray
    w: FloatArray
    w2: FloatArray
    wr: FloatArray
    w2r: FloatArray
    w2r2: FloatArray
    q: FloatArray
    baseline: FloatArray

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return int(self.rows.sum())

    def mean(self, term: Term) -> float:
        """Average a term over the rows behind the sums."""
        parts = term.constant * self.rows + term.weight * self.w + term.reward * self.wr
        return float(np.sum(parts)) / self.n

    def variance(self, term: Term) -> float:
        """Return the variance of a term's average; rows are taken as independent."""
        a, b, c = term.constant, term.weight, term.reward
        squares = (
            a * a * self.rows
            + b * b * self.w2
            + c * c * self.w2r2
            + 2.0 * (a * b * self.w + a * c * self.wr + b * c * self.w2r)
        )
        n = self.n
        if n < 2:
            raise EvaluationError("a variance needs two independent rows")
        # Rounding may leave a tiny negative sum where every term is equal.
        return max(float(np.sum(squares)), 0.0) / (n * (n - 1))


def mean_variance(values: FloatArray, cluster: IntArray | None = None) -> float:
    """Return the variance of the average of values whose mean is 0.

    By cluster it is Σ_g (Σ_{i∈g} u_i)² G / (G − 1) / n² (Liang & Zeger 1986), without
    Σ u² / (n (n − 1)).
    """
    n = len(values)
    if cluster is not None:
        values = sum_by(cluster, values)[np.bincount(cluster) > 0]
    independent = len(values)
    if independent < 2:
        raise EvaluationError("a variance needs two independent rows or clusters")
    return float(values @ values) * independent / (independent - 1) / n**2


def weighted(
    data: Feedback | ArmStatistics, policy: EvaluationPolicy, model: RewardModel | None
) -> Rows | Sums:
    """Look at a log through an evaluation policy.

    Parameters
    ----------
    data
        Rows, or sums of shape (P, K) or (F, P, K).
    policy
        Table of shape (P, K), or one distribution per row.
    model
        Reward model; without one q̂ is 0, and DM and DR mean nothing.
    """
    if isinstance(data, Feedback):
        return _rows(data, policy, model)
    if isinstance(policy, RowPolicy):
        raise FeedbackError("sums know no rows: a policy per row needs the rows of the log")
    return _sums(data, policy, model)


def _rows(data: Feedback, policy: EvaluationPolicy, model: RewardModel | None) -> Rows:
    index = np.arange(data.n)
    if isinstance(policy, RowPolicy):
        check_policy(policy.probability, (data.n, data.arms))
        chosen = policy.probability[index, data.arm]
    else:
        check_policy(policy, (data.positions, data.arms))
        chosen = policy[data.position, data.arm]
    q = baseline = np.zeros(data.n)
    if model is not None:
        _check_model(model, (data.positions, data.arms))
        fold = np.zeros(data.n, np.int64) if model.fold is None else model.fold
        q = model.mean[fold, data.position, data.arm]
        if isinstance(policy, RowPolicy):
            baseline = np.einsum("nk,nk->n", policy.probability, model.mean[fold, data.position])
        else:
            baseline = (model.mean * policy).sum(axis=-1)[fold, data.position]
    return Rows(chosen / data.pscore, data.reward, q, baseline, data.cluster)


def _sums(data: ArmStatistics, policy: FloatArray, model: RewardModel | None) -> Sums:
    if data.n.ndim not in (2, 3) or not np.any(data.n):
        raise FeedbackError(f"sums of shape {data.n.shape} hold no rows by (positions, arms)")
    check_policy(policy, (data.n.shape[-2], data.n.shape[-1]))
    return contrast(data, policy, model)


def contrast(data: ArmStatistics, table: FloatArray, model: RewardModel | None) -> Sums:
    """Look at sums through the signed difference of two policies.

    IPS and DR are linear in the policy, so they estimate the difference of two values
    directly, with the covariance of the two estimates in its variance.

    Parameters
    ----------
    data
        Sums of shape (P, K) or (F, P, K).
    table
        Difference of two policies, or a policy; shape (P, K), or (F, P, K) for one per fold.
    model
        Reward model.
    """
    shape = data.n.shape[-2:]
    zeros = np.zeros_like(data.sum_r)
    q = baseline = zeros
    if model is not None:
        _check_model(model, (shape[0], shape[1]))
        if len(model.mean) not in (1, len(data.n) if data.n.ndim == 3 else 1):
            raise FeedbackError(f"{len(model.mean)} models for sums of shape {data.n.shape}")
        mean = model.mean if data.n.ndim == 3 else model.mean[0]
        q = zeros + mean
        baseline = zeros + (mean * table).sum(axis=-1, keepdims=True)
    return Sums(
        rows=data.n,
        w=table * data.sum_ip,
        w2=table**2 * data.sum_ip2,
        wr=table * data.sum_r_ip,
        w2r=table**2 * data.sum_r_ip2,
        w2r2=table**2 * data.sum_r2_ip2,
        q=q,
        baseline=baseline,
    )


def _check_model(model: RewardModel, shape: tuple[int, int]) -> None:
    if model.mean.shape[1:] != shape:
        raise FeedbackError(f"the reward model has shape {model.mean.shape[1:]}, not {shape}")


def _times(factor: Coefficient, values: FloatArray) -> Coefficient:
    """Multiply, without touching the rows for a constant 0 or 1."""
    if isinstance(factor, float):
        return 0.0 if factor == 0.0 else values if factor == 1.0 else factor * values
    return factor * values


def _plus(left: Coefficient, right: Coefficient) -> Coefficient:
    if isinstance(left, float) and left == 0.0:
        return right
    if isinstance(right, float) and right == 0.0:
        return left
    return left + right
