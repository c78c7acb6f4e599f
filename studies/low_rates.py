"""Upper confidence bounds at click-through scale: KL-UCB beside UCB1."""

import numpy as np

from include.bandit.simulation.sequential import play
from studies.table import Cell, Study

SEED = 9_000
RUNS, ROUNDS = 200, 10_000
RATES = (0.010, 0.010, 0.010, 0.015)


def study() -> Study:
    """Simulate sequential play of four arms around 1 %."""
    rows: list[dict[str, Cell]] = []
    rng = np.random.default_rng(SEED)
    rates = np.tile(RATES, (RUNS, 1))
    final: dict[str, np.ndarray] = {}
    for policy in ("thompson", "kl_ucb", "epsilon_greedy", "ucb1", "uniform"):
        final[policy] = play(policy, rates, ROUNDS, rng, trace=False).regret[-1]
        error = 1.96 * final[policy].std(ddof=1) / np.sqrt(RUNS)
        rows.append({"policy": policy, "regret": f"{final[policy].mean():.1f} ± {error:.1f}"})
    gap = final["ucb1"] - final["kl_ucb"]
    sure = float(gap.mean() - 2.33 * gap.std(ddof=1) / np.sqrt(RUNS))
    return Study(
        name="low_rates",
        title="Regret at 1 % rates",
        question=(
            f"Three arms at 1 % and one at 1.5 %, one decision at a time, {ROUNDS:,} rounds, "
            f"{RUNS} runs. Mean cumulative pseudo-regret with its 95 % Monte-Carlo error."
        ),
        seed=SEED,
        rows=rows,
        promises={"KL-UCB has less regret than UCB1": sure > 0.0},
        reading=(
            "UCB1's √(2 ln t / n) allows for any bounded reward; at 1 % it is ten times what the "
            "rate could be off, and the arms are played almost alike. KL-UCB knows that a rate "
            "near zero has little variance."
        ),
    )
