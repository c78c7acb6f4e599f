"""The gate: how often a worse challenger passes at some look, and how soon the others do."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.gate.difference import Rows, changed, value_difference
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History
from include.bandit.statistics import FloatArray
from include.experiments.promotion import Promotion
from studies.setting import LOOKS, day, first_look, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED: Final = 9_000
RUNS: Final = 1_500
BASE: Final = 0.05
MARGIN: Final = 0.004
FLOOR: Final = 0.10
ALPHA: Final = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Gated:
    """What the sequence said of each run's challenger.

    Attributes
    ----------
    passed
        Whether the lower end exceeded −margin at some look.
    wrong
        Whether it did at a look up to which the challenger was in truth worse by at least the
        margin, on average over the rows.
    missed
        Whether the interval left out the true average at some look.
    failed
        Whether the upper end fell below −margin at some look.
    first
        Day of the first pass, infinity where none.
    truth
        True average difference over all days, ``(runs,)``.
    """

    passed: NDArray[np.bool_]
    wrong: NDArray[np.bool_]
    missed: NDArray[np.bool_]
    failed: NDArray[np.bool_]
    first: FloatArray
    truth: FloatArray


def study() -> Study:
    """Let challengers of known value stand in the shadow for 28 days."""
    cells = [
        # A fixed challenger on an even split, worse by exactly the margin: the edge.
        ("worse, at the margin", "uniform", "worst", MARGIN / 0.4),
        ("worse", "thompson", "worst", 0.02),
        ("worse", "epsilon_greedy", "worst", 0.02),
        ("worse", "thompson", "uniform", 0.03),
        ("equal", "uniform", "thompson", 0.0),
        ("equal", "thompson", "epsilon_greedy", 0.0),
        ("equal", "thompson", "uniform", 0.0),
        ("better", "uniform", "thompson", 0.01),
        ("better", "epsilon_greedy", "thompson", 0.01),
    ]
    rows: list[dict[str, Cell | Rate]] = []
    for at, (truth, incumbent, challenger, gap) in enumerate(cells):
        found = judged(incumbent, challenger, gap=gap, margin=MARGIN, runs=RUNS, seed=SEED + at)
        rows.append(
            {
                "truth": truth,
                "incumbent": incumbent,
                "challenger": challenger,
                "rates": f"{per_cent(BASE)}, {per_cent(BASE + gap)}",
                "mean difference": float(found.truth.mean()),
                "pass": Rate.of(found.passed),
                "wrong pass": Rate.of(found.wrong),
                "coverage": Rate.of(~found.missed),
                "fail": Rate.of(found.failed),
                "median day of pass": day(float(np.median(found.first))),
            }
        )
    return Study(
        name="gate",
        title="The gate: challengers in the shadow over 28 days",
        question=(
            f"Two arms, 2,000 decisions a day drawn by the incumbent at a floor of "
            f"{per_cent(FLOOR)}, {LOOKS} daily looks, {RUNS:,} runs a row, margin {MARGIN}. "
            "*Worst* gives all but the floor to the worse arm. Each day's shares are frozen "
            "before it. *Pass*: the lower end of value(challenger) − value(incumbent) "
            "exceeds −margin at some look, and the challenger would have decided 1,000 rows "
            "otherwise. *Wrong pass*: it does at a look up to which the challenger was in truth "
            "worse by at least the margin, on average over the rows on which the two differ. "
            "*Coverage*: the true average lies within the interval at all looks. *Fail*: the upper "
            "end falls below −margin at some look."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "a challenger that is worse by the margin passes in at most 5 % of runs": all(
                _rate(row, "wrong pass").at_most(0.05) for row in rows
            ),
            "simultaneous coverage of the true difference at all looks of at least 95 %": all(
                _rate(row, "coverage").at_least(0.95) for row in rows
            ),
            "an equal or better challenger passes within 28 days in at least 80 % of runs": all(
                _rate(row, "pass").at_least(0.8)
                for row in rows
                if row["truth"] != "worse" and row["truth"] != "worse, at the margin"
            ),
        },
        reading=(
            "The interval is two-sided at 5 %, and a wrong pass needs its lower end alone. Power "
            "is a matter of the margin and of how far the two policies lie apart: the farther, the "
            "more there is to lose and the longer it takes to rule that out."
        ),
    )


def judged(
    incumbent: str, challenger: str, *, gap: float, margin: float, runs: int, seed: int
) -> Gated:
    """Simulate runs under an incumbent and judge what a challenger would have been worth.

    Parameters
    ----------
    incumbent, challenger
        Batch policies; challenger ``worst``: all but the floor on the worse arm.
    gap
        By how much the second arm is better.
    margin
        As declared.
    """
    rates = np.array([BASE, BASE + gap])
    history = simulate(rates, incumbent, FLOOR, np.random.default_rng(seed), runs)
    shadow = _shadow(history, challenger)
    rows = Rows(
        statistics=history.statistics(),
        logged=history.shares,
        incumbent=history.shares,
        challenger=shadow,
        look=np.arange(LOOKS),
    )
    found = value_difference(rows, alpha=ALPHA, bounds=(0.0, 1.0))
    moved = shadow - history.shares
    # Every day has as many decisions, so that days average as rows do.
    differ = (moved != 0).any(axis=-1)
    days = np.maximum(np.cumsum(differ, axis=-1), 1)
    true = np.asarray(np.cumsum((moved * rates).sum(axis=-1), axis=-1) / days)
    passes = np.asarray((found.lower > -margin) & (changed(rows) >= Promotion().changed))
    missed = (found.lower > true + 1e-12) | (found.upper < true - 1e-12)
    return Gated(
        passed=np.any(passes, axis=1),
        wrong=np.any(passes & (true <= -margin + 1e-12), axis=1),
        missed=np.any(missed, axis=1),
        failed=np.any(found.upper < -margin, axis=1),
        first=first_look(passes),
        truth=true[:, -1],
    )


def _shadow(history: History, challenger: str) -> FloatArray:
    """Return the challenger's shares of every day, from what was counted before it."""
    shares = np.full(history.shares.shape, 0.5)
    if challenger == "worst":
        shares[:] = (1.0 - FLOOR, FLOOR)
        return shares
    policy = Shares(challenger, FLOOR)
    n = np.cumsum(history.n, axis=1).astype(np.float64)
    won = np.cumsum(history.arrived.sum(axis=-1), axis=1).astype(np.float64)
    for batch in range(1, LOOKS):
        shares[:, batch] = policy(n[:, batch - 1], won[:, batch - 1])
    return shares


def _rate(row: dict[str, Cell | Rate], column: str) -> Rate:
    found = row[column]
    if not isinstance(found, Rate):
        raise TypeError(f"column {column} holds no rate")
    return found
