"""Guardrails of shares: concentration during burn-in, exploration, sample ratio."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from include.bandit.guardrails.api import WARN_FROM
from include.bandit.guardrails.result import Guardrail, State
from include.bandit.inference.srm import sample_ratio
from include.bandit.statistics import FloatArray, IntArray
from include.experiments.guardrails import Guardrails

# Points above an equal share that one arm may reach during burn-in.
POINTS: Final = 0.25
# Chance of a false alarm of the sample ratio, over all looks.
SRM_ALPHA: Final = 0.01
# From this multiple of the least exploration downwards it warns.
EXPLORATION_WARNS: Final = 5.0

# Name of a version, cell and slot to its shares per arm.
Shares = Mapping[str, Sequence[float]]


def concentration(shares: Shares, declared: Guardrails, *, burning_in: bool) -> Guardrail:
    """Judge the largest share of one arm while little is known about any.

    Parameters
    ----------
    shares
        Every slot of the live version, and of those that decided in the batch.
    declared
        The cap.
    burning_in
        Whether burn-in still lasts; afterwards any share is the policy's business.
    """
    where, largest = max(
        ((name, max(row)) for name, row in shares.items()), key=lambda one: one[1], default=("", 0)
    )
    if not where:
        return Guardrail("concentration", "unknown", None, None, "no version has shares")
    arms = len(next(iter(shares.values())))
    cap = declared.largest_share if declared.largest_share is not None else 1.0 / arms + POINTS
    if not burning_in:
        told = f"burn-in is over; the largest share is {largest:.2%} ({where})"
        return Guardrail("concentration", "pass", largest, cap, told)
    near = cap - WARN_FROM * (cap - 1.0 / arms)
    state: State = "fail" if largest > cap + 1e-9 else "warn" if largest > near + 1e-9 else "pass"
    told = f"largest share during burn-in is {largest:.2%} ({where}); at most {cap:.2%}"
    return Guardrail("concentration", state, largest, cap, told)


def exploration(shares: Shares, declared: Guardrails) -> Guardrail:
    """Judge whether an arm has taken all: entropy of the shares / log K, the smallest slot's."""
    if not shares:
        return Guardrail("exploration", "unknown", None, None, "no version has shares")
    entropy = {name: _entropy(row) for name, row in shares.items()}
    where = min(entropy, key=lambda name: entropy[name])
    least, limit = entropy[where], declared.exploration
    warns = min(1.0, EXPLORATION_WARNS * limit)
    state: State = "fail" if least < limit else "warn" if least < warns else "pass"
    told = f"entropy of the shares is {least:.2%} of the largest possible ({where})"
    return Guardrail("exploration", state, least, limit, f"{told}; at least {limit:.2%}")


def srm(positions: Sequence[tuple[IntArray, FloatArray]], arms: Sequence[str]) -> Guardrail:
    """Judge whether units arrived as published, every position at its part of the level.

    Parameters
    ----------
    positions
        Units and published shares of drawn rows, ``(rows, K)`` each, per position; no rows where
        nothing was drawn.
    arms
        Names, for the explanation.
    """
    level = SRM_ALPHA / max(len(positions), 1)
    tested = [
        (at, sample_ratio(units, shares, alpha=level))
        for at, (units, shares) in enumerate(positions)
        if len(units) and units.sum()
    ]
    if not tested:
        told = "no unit was drawn afresh, so that arrivals say nothing about the shares"
        return Guardrail("srm", "unknown", None, level, told)
    at, worst = min(tested, key=lambda one: float(one[1].p_value[-1]))
    p_value, arm = float(worst.p_value[-1]), int(worst.arm[-1])
    units = sum(int(positions[place][0].sum()) for place, _ in tested)
    told = f"p = {p_value:.3g} after {units:,} units that they arrived as published"
    if p_value > level:
        state: State = "warn" if p_value <= 10 * level else "pass"
        return Guardrail("srm", state, p_value, level, f"{told}; fails at {level:.3g}")
    blame = f"; position {at}, arm {arms[arm]} by {worst.excess[-1, arm]:+.2%}" if arm >= 0 else ""
    return Guardrail("srm", "fail", p_value, level, told + blame)


def _entropy(shares: Sequence[float]) -> float:
    row = np.asarray(shares, dtype=np.float64)
    some = row[row > 0]
    return float(-(some * np.log(some)).sum() / np.log(len(row))) + 0.0
