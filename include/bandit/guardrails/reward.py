"""Guardrails of rewards: loss against the control by a confidence sequence, and custom metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np

from include.bandit.guardrails.result import Guardrail, State
from include.bandit.inference.family import Design, Family
from include.bandit.inference.verdict import against_control
from include.bandit.metrics.delta import Moments
from include.bandit.statistics import ArmStatistics, FloatArray
from include.experiments.guardrails import CustomGuardrail, Guardrails

# Chance that any arm of any position is ever wrongly said to lose that much.
ALPHA: Final = 0.05
ERRORS: Final = 3.0
_WORDS: Final = {"reward": "mean reward"}


@dataclass(frozen=True, slots=True, eq=False)
class Rewarded:
    """Evidence on one position: a row per (batch, version, cohort), and its shares.

    Attributes
    ----------
    statistics
        Sums ``(rows, K)``.
    design
        Shares, whether units were drawn, and the bounds of a reward.
    live
        Live shares per arm, pooled cell.
    """

    statistics: ArmStatistics
    design: Design
    live: FloatArray


@dataclass(frozen=True, slots=True)
class _Loss:
    """Loss against the control at one position, relative to the control's mean."""

    arm: int | None
    estimate: float
    upper: float


def reward_drop(
    positions: Sequence[Rewarded], control: int, arms: Sequence[str], declared: Guardrails
) -> Guardrail:
    """Judge the loss against the control by the upper end of its confidence sequence.

    Relative to the control's corrected mean, Σ(r/p) / Σ(1/p) over the same rows. Intervals are
    simultaneous over arms, positions and looks; ``reward_of = "traffic"`` adds them up by live
    shares, which keeps that.
    """
    limit = -declared.reward_drop
    losses: list[_Loss] = []
    for found in positions:
        alpha = ALPHA / len(positions)
        family = against_control(found.statistics, control, found.design, alpha=alpha)
        losses += _losses(family, found, control, of_traffic=declared.reward_of == "traffic")
    if not losses:
        told = f"too few rewards to compare any arm with control {arms[control]}"
        return Guardrail("reward_drop", "unknown", None, limit, told)
    worst = min(losses, key=lambda loss: loss.upper)
    failing = tuple(
        sorted({loss.arm for loss in losses if loss.arm is not None and loss.upper < limit})
    )
    state: State = "fail" if worst.upper < limit else "warn" if worst.upper < 0 else "pass"
    who = "the live shares" if worst.arm is None else f"arm {arms[worst.arm]}"
    told = (
        f"{who} against {arms[control]}: {worst.estimate:+.2%}, at most {worst.upper:+.2%} by the "
        f"confidence sequence; fails when that is below {limit:+.2%}"
    )
    return Guardrail("reward_drop", state, worst.upper, limit, told, arms=failing)


def _losses(family: Family, found: Rewarded, control: int, *, of_traffic: bool) -> list[_Loss]:
    baseline = _mean(found.statistics, control)
    if baseline is None or baseline <= 0:
        return []
    weighted = family.weighted
    known = family.known[-1] & np.isfinite(weighted.upper[-1])
    rows = [
        _Loss(
            arm, float(weighted.estimate[-1, i]) / baseline, float(weighted.upper[-1, i]) / baseline
        )
        for i, (arm, _) in enumerate(weighted.pairs)
        if known[i]
    ]
    if not of_traffic:
        return rows
    # An arm with traffic whose loss is unknown leaves the whole unknown.
    served = {arm for arm in range(len(found.live)) if arm != control and found.live[arm] > 0}
    if served - {row.arm for row in rows}:
        return []
    shares = {row.arm: float(found.live[row.arm or 0]) for row in rows}
    estimate = sum(shares[row.arm] * row.estimate for row in rows)
    return [_Loss(None, estimate, sum(shares[row.arm] * row.upper for row in rows))]


def custom(
    name: str, declared: CustomGuardrail, found: Moments | None, arm: int | None
) -> Guardrail:
    """Judge a metric of one batch.

    Parameters
    ----------
    name, declared
        The guardrail.
    found
        Moments of the metric in the batch, ``(K,)``; ``None`` where there are no sums of it.
    arm
        Which arm; ``None``: all arms, of which `found` then holds every observation once.
    """
    if found is None:
        return Guardrail(name, "unknown", None, None, f"no sums of {declared.metric} in the batch")
    own = found.over_arms() if arm is None else found
    at = 0 if arm is None else arm
    n = int(own.n[at])
    if declared.metric == "observations":
        return _bounded(name, declared, float(n), 0.0, f"{n:,} observations in the batch")
    value, variance = (float(part[at]) for part in own.values())
    if not np.isfinite(variance):
        told = f"{n} observations in the batch" + (", and nothing to divide by" if n > 1 else "")
        return Guardrail(name, "unknown", None, None, told)
    error = sqrt(variance)
    told = f"{_WORDS.get(declared.metric, declared.metric)} {value:.4g} ± {error:.2g}"
    return _bounded(name, declared, value, error, told)


def _bounded(
    name: str, declared: CustomGuardrail, value: float, error: float, told: str
) -> Guardrail:
    """Fail beyond a bound by three standard errors, warn beyond it at all."""
    below, above = declared.at_least, declared.at_most
    beyond = max(
        below - value if below is not None else -np.inf,
        value - above if above is not None else -np.inf,
    )
    state: State = "fail" if beyond > ERRORS * error else "warn" if beyond > 0 else "pass"
    if below is not None and (above is None or below - value >= value - above):
        return Guardrail(name, state, value, below, f"{told}; at least {below:g}")
    return Guardrail(name, state, value, above, f"{told}; at most {above:g}")


def _mean(statistics: ArmStatistics, arm: int) -> float | None:
    weight = float(statistics.sum_ip[:, arm].sum())
    return float(statistics.sum_r_ip[:, arm].sum()) / weight if weight > 0 else None
