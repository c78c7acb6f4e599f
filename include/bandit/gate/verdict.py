"""The gate's verdict: what the rows allow to say of a challenger, with the numbers behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from include.bandit.gate.difference import (
    Bounds,
    Rows,
    changed,
    effective_rewards,
    value_difference,
)
from include.bandit.inference.family import MIN_EVENTS
from include.experiments.promotion import Promotion

Verdict = Literal["pass", "wait", "fail", "unknown"]
# Of several positions the first of these that one of them says is said of all.
_ORDER: Final[tuple[Verdict, ...]] = ("fail", "unknown", "wait", "pass")


@dataclass(frozen=True, slots=True)
class Judged:
    """What one position says of a challenger.

    Attributes
    ----------
    verdict
        ``pass``: the lower end exceeds −margin. ``fail``: the upper end lies below it. ``wait``:
        neither yet. ``unknown``: there is too little to judge by, which never passes.
    reason
        Why, in words and numbers.
    batches, observations
        Rows under frozen shares of this challenger.
    lower, estimate, upper
        The sequence at the newest look; ``None`` where it has no end yet.
    effective_sample_size
        (Σw)² / Σw² of the challenger's weights w = q/ℓ.
    mean_weight
        Σw / n, which is 1 when the logged shares are those that were used.
    support
        Part of the challenger's shares on arms that were drawn.
    changed
        Observations that the challenger would have decided otherwise, in expectation.
    """

    position: int
    verdict: Verdict
    reason: str
    batches: int = 0
    observations: int = 0
    lower: float | None = None
    estimate: float | None = None
    upper: float | None = None
    effective_sample_size: float | None = None
    mean_weight: float | None = None
    support: float | None = None
    changed: float | None = None


def judge(
    position: int, rows: Rows | None, promotion: Promotion, *, alpha: float, bounds: Bounds | None
) -> Judged:
    """Judge one position of one experiment; ``None``: nothing was drawn in it.

    Parameters
    ----------
    position
        From 0.
    rows
        Arrays ``(S, K)``.
    promotion
        The declared limits.
    alpha
        The position's part of the declared error.
    bounds
        Smallest and largest reward; ``None`` where there are none.
    """
    if rows is None:
        told = "nothing was drawn yet under frozen shares of this challenger"
        return Judged(position, "unknown", told)
    found = value_difference(rows, alpha=alpha, bounds=bounds)
    size, mean, support = diagnostics(rows)
    lower, estimate, upper = (float(x[-1]) for x in (found.lower, found.estimate, found.upper))
    other = float(changed(rows)[-1])
    reasons = _missing(promotion, size, mean, support)
    reasons += _undecided(promotion, other, float(effective_rewards(rows, bounds)))
    verdict, reason = _said(lower, upper, promotion.margin)
    if reasons:
        verdict, reason = "unknown", "; ".join(reasons)
    return Judged(
        position=position,
        verdict=verdict,
        reason=reason,
        batches=int(rows.look[-1]) + 1,
        observations=int(rows.statistics.n.sum()),
        lower=_finite(lower),
        estimate=_finite(estimate),
        upper=_finite(upper),
        effective_sample_size=size,
        mean_weight=mean,
        support=support,
        changed=other,
    )


def combined(judged: Sequence[Judged]) -> tuple[Verdict, str]:
    """Return what all positions together say, and why: one that fails or waits speaks for all."""
    verdict = next(each for each in _ORDER if any(one.verdict == each for one in judged))
    told = [
        one.reason if len(judged) == 1 else f"position {one.position}: {one.reason}"
        for one in judged
        if one.verdict == verdict
    ]
    return verdict, "; ".join(told)


def diagnostics(rows: Rows) -> tuple[float, float, float]:
    """Return effective sample size, mean weight and support of the challenger's weights q/ℓ."""
    sums, shares = rows.statistics, rows.challenger
    total = float((shares * sums.sum_ip).sum())
    squares = float((shares**2 * sums.sum_ip2).sum())
    n = sums.n.sum(axis=-1, keepdims=True)
    unseen = float((n * np.where(rows.logged > 0, 0.0, shares)).sum() / n.sum())
    return total**2 / squares if squares > 0 else 0.0, total / float(n.sum()), 1.0 - unseen


def _missing(promotion: Promotion, size: float, mean: float, support: float) -> list[str]:
    """Say which limits are broken; empty when none is."""
    said = []
    if size < promotion.effective_sample_size:
        least = promotion.effective_sample_size
        said.append(f"effective sample size {size:,.1f} is below {least:,g}")
    if not abs(mean - 1.0) <= promotion.mean_weight_tolerance:
        tolerance = promotion.mean_weight_tolerance
        said.append(f"mean weight {mean:.4f} is further from 1 than {tolerance:g}")
    # Sums of shares of buckets: a whole is one up to rounding.
    if support < promotion.support - 1e-9:
        said.append(f"support {support:.2%} is below {promotion.support:.2%}")
    return said


def _undecided(promotion: Promotion, other: float, rewards: float) -> list[str]:
    """Say where the two differ on too little to tell."""
    said = []
    if other < promotion.changed:
        least = promotion.changed
        said.append(f"it would have decided {other:,.1f} observations otherwise, below {least:,g}")
    if rewards < MIN_EVENTS:
        said.append(f"{rewards:.1f} effective rewards or misses, too few to be nearly normal")
    return said


def _said(lower: float, upper: float, margin: float) -> tuple[Verdict, str]:
    if lower > -margin:
        return "pass", f"lower end {lower:.5g} of the difference in value exceeds {-margin:g}"
    if upper < -margin:
        return "fail", f"upper end {upper:.5g} of the difference in value lies below {-margin:g}"
    if not np.isfinite(lower):
        return "wait", "the sequence has no lower end yet"
    told = f"the difference in value lies within [{lower:.5g}, {upper:.5g}]"
    return "wait", f"{told}, not yet clear of {-margin:g}"


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
