"""Drift: whether the policy follows a change within its declared memory."""

import numpy as np

from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, Learning, run
from include.bandit.simulation.environment import Environment
from studies.setting import TRAFFIC, day, first_look
from studies.table import Cell, Rate, Study

SEED = 8_000
STEP, DAYS, RUNS = 28, 70, 1_500


def study() -> Study:
    """Simulate arms that change places on day 28, with several discounts."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for discount in (1.0, 0.95, 0.9, 0.8):
        rng = np.random.default_rng(sequence.spawn(1)[0])
        rows.append(_cell(discount, rng))
    forgetful = [row for row in rows if row["discount"] != 1.0]
    return Study(
        name="drift",
        title="Drift, with and without discount",
        question=(
            f"Two arms at 6 % and 4 % change places after day {STEP}; {TRAFFIC:,} decisions a day, "
            f"Thompson with a floor of 5 %, {RUNS:,} runs of {DAYS} days. *Memory* is 1/(1 − "
            "discount) days. *Follows*: the new best arm has more than half of the traffic within "
            "three memories of the change. Regret before is the price, regret after the gain."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "a discounted policy follows within three memories in at least 95 % of runs": all(
                rate.at_least(0.95) for row in forgetful if isinstance(rate := row["follows"], Rate)
            )
        },
        reading=(
            "Without discount the past must be outweighed: it takes as long as the past was. A "
            "shorter memory follows sooner and settles less."
        ),
    )


def _cell(discount: float, rng: np.random.Generator) -> dict[str, Cell | Rate]:
    environment = Environment.stepping(np.array([0.06, 0.04]), np.array([0.04, 0.06]), STEP)
    horizon = Horizon(DAYS, TRAFFIC, RUNS)
    history = run(environment, Shares("thompson", 0.05), horizon, rng, Learning(discount=discount))
    memory = np.inf if discount == 1.0 else 1.0 / (1.0 - discount)
    days = first_look(history.shares[:, STEP:, 1] > 0.5)
    regret = history.regret().mean(axis=0)
    return {
        "discount": discount,
        "memory (days)": "all" if np.isinf(memory) else round(memory),
        "median days to follow": day(float(np.median(days))),
        "follows": Rate.of(days <= min(3.0 * memory, DAYS)),
        "regret before": round(float(regret[STEP - 1])),
        "regret after": round(float(regret[-1] - regret[STEP - 1])),
    }
