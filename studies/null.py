"""The null experiment: how often a winner is declared where there is none."""

import numpy as np

from include.bandit.inference.verdict import against_control, best_of_rest
from include.bandit.simulation.batched import History
from include.bandit.simulation.best_arm import beta_best
from studies.setting import FLOORS, LOOKS, POLICIES, design, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED = 1_000
RUNS = 1_500


def study() -> Study:
    """Simulate two equal arms at 5 %, at every floor, under every policy."""
    return of_arms(2, "null")


def of_arms(arms: int, name: str) -> Study:
    """Simulate equal arms at 5 %, at every floor that they allow, under every policy."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED + arms)
    for floor in (f for f in FLOORS if f * arms <= 1.0):
        # A floor of 1/K leaves nothing to adapt.
        for policy in POLICIES if floor * arms < 1.0 else ("uniform",):
            rng = np.random.default_rng(sequence.spawn(1)[0])
            history = simulate(np.full(arms, 0.05), policy, floor, rng, RUNS)
            naive = _naive(history, policy, floor)
            rows.append(
                {"floor": per_cent(floor), "policy": policy, "naive": naive, **judge(history)}
            )
    return Study(
        name=name,
        title=f"The null experiment: false winners among {arms} arms",
        question=(
            f"All {arms} arms succeed at 5 %; 2,000 decisions a day, {LOOKS} daily looks, "
            f"{RUNS:,} runs. *Naive*: P(best) ≥ 0.95 at some look (for Thompson and the uniform "
            "policy). *Winner*: best − rest declares one at some look. *Effect*: some "
            "arm − control excludes zero at some look; *coverage* is the rest, the simultaneous "
            "coverage of all effects at all looks."
        ),
        seed=SEED + arms,
        rows=rows,
        promises={
            "a false winner in at most 5 % of runs, at every floor and policy": all(
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
    effects = against_control(statistics, 0, known)
    wrong = np.asarray((effects.above() | effects.below()).any(axis=(1, 2)))
    return {
        "winner": Rate.of(best_of_rest(statistics, known).wins.any(axis=(1, 2))),
        "effect": Rate.of(wrong),
        "coverage": Rate.of(~wrong),
    }


def _naive(history: History, policy: str, floor: float) -> Rate | str:
    """Return how often some P(best) is at least 0.95 at some look."""
    n = np.cumsum(history.n, axis=1).astype(np.float64)
    won = np.cumsum(history.arrived.sum(axis=-1), axis=1).astype(np.float64)
    arms = n.shape[-1]
    looks: list[int] = [n.shape[1] - 1]
    fired = np.zeros(len(n), np.bool_)
    if policy == "thompson":
        # Tomorrow's share is today's P(best) behind the floor: only the last look is missing.
        best = (history.shares[:, 1:] - floor) / (1.0 - arms * floor)
        fired |= (best >= 0.95).any(axis=(1, 2))
    elif policy == "uniform":
        looks = list(range(n.shape[1]))
    else:
        return "–"
    for t in looks:
        fired |= (beta_best(1.0 + won[:, t], 1.0 + n[:, t] - won[:, t]) >= 0.95).any(axis=1)
    return Rate.of(fired)


def _rate(row: dict[str, Cell | Rate], column: str) -> Rate:
    found = row[column]
    if not isinstance(found, Rate):
        raise TypeError(f"column {column} holds no rate")
    return found
