"""The null experiment: how often a winner is declared where there is none."""

import numpy as np

from include.bandit.inference.verdict import against_control, best_of_rest
from include.bandit.simulation.batched import History
from include.bandit.simulation.best_arm import beta_best
from studies.setting import FLOORS, LOOKS, POLICIES, RUNS, design, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED = 1_000


def study() -> Study:
    """Simulate 2, 5 and 10 equal arms at 5 %, at every floor that they allow, every policy."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for arms in (2, 5, 10):
        for floor in (f for f in FLOORS if f * arms <= 1.0):
            for policy in POLICIES:
                if floor * arms == 1.0 and policy != "uniform":
                    continue  # nothing is left to adapt
                rng = np.random.default_rng(sequence.spawn(1)[0])
                history = simulate(np.full(arms, 0.05), policy, floor, rng)
                rows.append(
                    {"arms": arms, "floor": per_cent(floor), "policy": policy, **judge(history)}
                )
    return Study(
        name="null",
        title="The null experiment: false winners",
        question=(
            f"All arms succeed at 5 %; 2,000 decisions a day, {LOOKS} daily looks, {RUNS:,} runs. "
            "*Naive*: P(best) ≥ 0.95 at some look (two arms only). *Winner*: best − rest "
            "declares one at some look. *Effect*: some arm − control excludes zero at some look (one "
            "minus this is the simultaneous coverage)."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "a false winner in at most 5 % of runs, at every floor, policy and number of arms": all(
                _rate(row, "winner").at_most(0.05) for row in rows
            ),
            "simultaneous coverage of all effects at all looks of at least 95 %": all(
                _rate(row, "coverage").at_least(0.95) for row in rows
            ),
        },
        reading="P(best) describes a belief; looked at daily it is no test. The sequence is.",
    )


def judge(history: History) -> dict[str, Cell | Rate]:
    """Return the error rates of one cell."""
    statistics, known = history.statistics(), design(history.shares)
    # P(best) of many arms at every look takes longer than all the rest.
    two = statistics.n.shape[-1] == 2
    effects = against_control(statistics, 0, known)
    wrong = (effects.above() | effects.below()).any(axis=(1, 2))
    return {
        "naive": Rate.of(naive_winner(history).any(axis=1)) if two else "–",
        "winner": Rate.of(best_of_rest(statistics, known).wins.any(axis=(1, 2))),
        "effect": Rate.of(wrong),
        "coverage": Rate.of(~wrong),
    }


def naive_winner(history: History, threshold: float = 0.95) -> np.ndarray:
    """Tell at which looks ``(runs, looks)`` some P(best) is at or above the threshold."""
    n = np.cumsum(history.n, axis=1).astype(np.float64)
    won = np.cumsum(history.arrived.sum(axis=-1), axis=1).astype(np.float64)
    looks = [
        (beta_best(1.0 + won[:, t], 1.0 + n[:, t] - won[:, t]) >= threshold).any(axis=1)
        for t in range(n.shape[1])
    ]
    return np.stack(looks, axis=1)


def _rate(row: dict[str, Cell | Rate], column: str) -> Rate:
    found = row[column]
    if not isinstance(found, Rate):
        raise TypeError(f"column {column} holds no rate")
    return found
