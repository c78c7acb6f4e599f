"""What an experiment may say today: one answer per arm, and a winner or none."""

from dataclasses import dataclass

import numpy as np

from include.bandit.inference.family import Answer, Design, Family
from include.bandit.inference.verdict import against_control, best_of_rest
from include.bandit.statistics import ArmStatistics


@dataclass(frozen=True, slots=True)
class Effect:
    """One arm − control (or best of rest) at the newest look.

    Attributes
    ----------
    arm
        Arm index.
    answer
        ``better``, ``worse``, ``undecided`` or ``unknown``.
    estimate, lower, upper
        Of the weighted sequence; ends are ``None`` while unbounded.
    equal_estimate, equal_lower, equal_upper
        Of the equal-weight sequence.
    p_value
        Always-valid p-value of no difference, for this pair alone (not divided over arms).
    disagreement
        Whether the equal-weight sequence contradicts: it blocks shipping.
    ships
        Better, and not contradicted.
    """

    arm: int
    answer: Answer
    estimate: float
    lower: float | None
    upper: float | None
    equal_estimate: float
    equal_lower: float | None
    equal_upper: float | None
    p_value: float
    disagreement: bool

    @property
    def ships(self) -> bool:
        """Whether the arm may be shipped instead of the control."""
        return self.answer == "better" and not self.disagreement


@dataclass(frozen=True, slots=True)
class Conclusion:
    """The newest look of one experiment.

    Attributes
    ----------
    effects
        Arm − control for every other arm; empty without a control.
    winner
        The arm declared best of all, or ``None``.
    winner_blocked
        Whether the winner is contradicted by the equal-weight sequence.
    known
        Per arm: whether best − rest can be judged at all.
    p_value
        The experiment's, for `online_fdr`, always valid. With a control: the smallest among the
        effects, times their number, at most 1. Without: the smallest of best − rest. 1 where
        nothing is known.
    """

    effects: tuple[Effect, ...]
    winner: int | None
    winner_blocked: bool
    known: tuple[bool, ...]
    p_value: float


def conclude(
    statistics: ArmStatistics,
    control: int | None,
    design: Design | None = None,
    *,
    alpha: float = 0.05,
) -> Conclusion:
    """Say what the statistics allow, with an error of ``alpha`` per experiment over all looks.

    Parameters
    ----------
    statistics
        Sums ``(batches, K)``, one row per batch and weights version, in order.
    control
        Index of the control, or ``None``.
    design
        Shares, whether units were drawn, bounds, boundary.
    alpha
        Divided over both families where there is a control and more than two arms.

    Raises
    ------
    ValueError
        If the statistics have leading axes, no batch, or contradict each other.
    """
    if statistics.n.ndim != 2 or statistics.n.shape[0] == 0:
        raise ValueError(f"need statistics of shape (batches ≥ 1, K); got {statistics.n.shape}")
    arms = statistics.n.shape[1]
    each = alpha / 2.0 if control is not None and arms > 2 else alpha
    best = best_of_rest(statistics, design, alpha=each)
    found = None if control is None else against_control(statistics, control, design, alpha=each)
    effects = () if found is None else _effects(found)
    wins = np.flatnonzero(best.wins[-1])
    winner = int(wins[0]) if len(wins) else None
    if found is None:
        smallest = float(np.min(np.where(best.known[-1], best.p_value[-1], 1.0)))
    else:
        smallest = min((e.p_value for e in effects if e.answer != "unknown"), default=1.0)
    return Conclusion(
        effects=effects,
        winner=winner,
        winner_blocked=winner is not None and bool(best.disagreement[-1, winner]),
        known=tuple(bool(k) for k in best.known[-1]),
        p_value=min(1.0, smallest * max(len(effects), 1)),
    )


def _effects(found: Family) -> tuple[Effect, ...]:
    answers = found.answers()
    weighted, equal = found.weighted, found.equal
    return tuple(
        Effect(
            arm=arm,
            answer=answers[i],
            estimate=float(weighted.estimate[-1, i]),
            lower=_finite(weighted.lower[-1, i]),
            upper=_finite(weighted.upper[-1, i]),
            equal_estimate=float(equal.estimate[-1, i]),
            equal_lower=_finite(equal.lower[-1, i]),
            equal_upper=_finite(equal.upper[-1, i]),
            p_value=float(weighted.p_value[-1, i]),
            disagreement=bool(found.disagreement[-1, i]),
        )
        for i, (arm, _) in enumerate(weighted.pairs)
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
