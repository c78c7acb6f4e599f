"""Delay: the bias of counting decisions whose reward may still come."""

import numpy as np

from include.bandit.inference.verdict import against_control
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, Learning, first_batches, run
from include.bandit.simulation.environment import Environment
from studies.setting import LOOKS, RUNS, TRAFFIC, design, per_cent
from studies.table import Cell, Rate, Study

SEED = 7_000
WINDOW = 7


def study() -> Study:
    """Simulate equal arms of which one answers later, with and without the maturity rule."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for mature in (True, False):
        for floor in (0.10, 0.50):
            rng = np.random.default_rng(sequence.spawn(1)[0])
            rows.append(_cell(floor, rng, mature=mature))
    ruled = [row["false effect"] for row in rows if row["counted"] == "closed windows"]
    return Study(
        name="delay",
        title="Delayed rewards",
        question=(
            f"Two arms at 5 %; rewards of arm 0 come after 0.5 days on average, of arm 1 after 3, "
            f"all within {WINDOW}; {TRAFFIC:,} decisions a day, {LOOKS} days, Thompson, {RUNS:,} "
            "runs. *Closed windows*: a decision counts once its window has closed (the rule). "
            "*Everything*: all decisions with the rewards that have come. Read on the last day, "
            "by the policy every day."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "with the rule at most 5 % of runs claim an effect": all(
                rate.at_most(0.05) for rate in ruled if isinstance(rate, Rate)
            )
        },
        reading=(
            "Counting everything makes the slower arm look worse than it is, takes its "
            "traffic away, and does so with confidence. The rule costs the newest week of data."
        ),
    )


def _cell(floor: float, rng: np.random.Generator, *, mature: bool) -> dict[str, Cell | Rate]:
    environment = Environment.delayed(np.array([0.05, 0.05]), np.array([0.5, 3.0]), WINDOW)
    horizon = Horizon(LOOKS, TRAFFIC, RUNS)
    history = run(environment, Shares("thompson", floor), horizon, rng, Learning(mature=mature))
    if mature:
        closed = LOOKS - WINDOW
        statistics = first_batches(history.statistics(), closed)
        found = against_control(statistics, 0, design(history.shares[:, :closed]))
        wrong = (found.above() | found.below()).any(axis=(1, 2))
    else:
        found = against_control(history.statistics(seen_after=LOOKS), 0, design(history.shares))
        wrong = (found.above() | found.below())[:, -1, 0]
    return {
        "counted": "closed windows" if mature else "everything",
        "floor": per_cent(floor),
        "mean estimate (points)": f"{100 * float(found.weighted.estimate[:, -1, 0].mean()):.2f}",
        "false effect": Rate.of(wrong),
        "share of the slower arm": f"{100 * float(history.shares[:, -1, 1].mean()):.0f} %",
    }
