"""The lifted experiment: how soon, how surely and at which cost a real winner is found."""

import numpy as np

from include.bandit.inference.verdict import against_control, best_of_rest
from studies.setting import FLOORS, LOOKS, RUNS, day, design, first_look, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED = 2_000


def study() -> Study:
    """Simulate 5 % against 6 % per floor, and more arms beside a uniform design."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    cells = [(2, 0.06, floor, "thompson") for floor in FLOORS]
    cells += [(2, 0.06, 0.10, policy) for policy in ("top_two", "epsilon_greedy", "kl_ucb")]
    for arms in (5, 10):
        for better in (0.06, 0.08):
            floors = [floor for floor in (0.01, 0.05, 0.10) if floor * arms < 1.0]
            cells += [(arms, better, floor, "thompson") for floor in floors]
            cells += [(arms, better, 1.0 / arms, "uniform")]
    for arms, better, floor, policy in cells:
        rng = np.random.default_rng(sequence.spawn(1)[0])
        rates = np.full(arms, 0.05)
        rates[-1] = better
        rows.append(
            {
                "arms": arms,
                "better arm": per_cent(better),
                "floor": per_cent(floor),
                "policy": policy,
                **_cell(rates, policy, floor, rng),
            }
        )
    at_ten = next(row for row in rows if row["floor"] == "10 %" and row["policy"] == "thompson")
    power, median = at_ten["verdict"], at_ten["median day"]
    return Study(
        name="lifted",
        title="The lifted experiment: days to a verdict",
        question=(
            f"One arm is better, all others succeed at 5 %; 2,000 decisions a day, {LOOKS} daily "
            f"looks, {RUNS:,} runs. *Verdict*: the better arm is declared best by the last look; "
            "*ships*: and not contradicted by the equal-weight sequence then. *Wrong*: another "
            "arm was declared best at some look, or an interval missed the truth."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "two arms, floor 10 %: power of at least 80 % by day 28": isinstance(power, Rate)
            and power.value >= 0.80,
            "two arms, floor 10 %: median verdict by day 16": isinstance(median, str)
            and median != "–"
            and float(median) <= 16,
            "wrong in at most 5 % of runs": all(
                row["wrong"].at_most(0.05) for row in rows if isinstance(row["wrong"], Rate)
            ),
        },
        reading=(
            "The floor buys knowledge with regret: this is the trade that the planner shows before "
            "an experiment starts. With more arms that differ little, Thompson sampling "
            "starves the losers that the winner must be told from, and has less power than an "
            "equal split of the same traffic; where the winner is clear (8 %), a small floor gives "
            "the same verdicts for half of the regret. A floor of 1/K *is* the equal split."
        ),
    )


def _cell(
    rates: np.ndarray, policy: str, floor: float, rng: np.random.Generator
) -> dict[str, Cell | Rate]:
    history = simulate(rates, policy, floor, rng)
    statistics, known = history.statistics(), design(history.shares)
    best = best_of_rest(statistics, known)
    right, others = best.wins[..., -1], best.wins[..., :-1].any(axis=(1, 2))
    effects = against_control(statistics, 0, known)
    truth = rates[1:] - rates[0]
    sequence = effects.weighted
    missed = effects.known & ((sequence.lower > truth) | (sequence.upper < truth))
    return {
        "verdict": Rate.of(right.any(axis=1)),
        "median day": day(float(np.median(first_look(right)))),
        "ships": Rate.of((right & ~best.disagreement[..., -1]).any(axis=1)),
        "wrong": Rate.of(others | missed.any(axis=(1, 2))),
        "regret": round(float(history.regret()[:, -1].mean()), 1),
    }
