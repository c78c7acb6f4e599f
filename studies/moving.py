"""Effects and levels that move in time: the weighted and the equal-weight sequence."""

import numpy as np

from include.bandit.inference.verdict import against_control
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, run
from include.bandit.simulation.environment import Environment
from include.bandit.statistics import FloatArray
from studies.setting import LOOKS, RUNS, TRAFFIC, design, per_cent
from studies.table import Cell, Rate, Study

SEED = 5_000


def study() -> Study:
    """Simulate a level that moves with the weekday, and effects that change sign."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for name, rates in _scenes().items():
        for floor in (0.01, 0.10, 0.50):
            rng = np.random.default_rng(sequence.spawn(1)[0])
            rows.append({"scene": name, "floor": per_cent(floor), **_cell(rates, floor, rng)})
    steady = [row for row in rows if str(row["scene"]).startswith("level")]
    return Study(
        name="moving",
        title="Effects that move in time",
        question=(
            f"Two arms, {TRAFFIC:,} decisions a day, {LOOKS} daily looks, Thompson, {RUNS:,} runs. "
            "*Level*: the rate of both arms doubles on two days of seven; no effect. *Turns*: "
            "arm 1 is 1 point better for 14 days, then 1 point worse; its average effect is zero. "
            "*Fades*: 1.5 points better at first, falling to zero. *Claims* are read on the last "
            "day; *ships* are claims that the equal-weight sequence does not contradict. *Misses* "
            "counts runs in which the equal-weight interval missed the average effect so far at "
            "some look."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "a moving level alone makes at most 5 % false claims": all(
                rate.at_most(0.05) for row in steady if isinstance(rate := row["any claim"], Rate)
            ),
            "the equal-weight sequence misses the average effect in at most 5 % of runs": all(
                rate.at_most(0.05) for row in rows if isinstance(rate := row["misses"], Rate)
            ),
        },
        reading=(
            "A level that moves for both arms does no harm: batches are strata. Where the *effect* "
            "moves, the weighted sequence speaks of the batches that it could measure best, which "
            "a policy that has shut an arm out no longer adds to. The equal-weight sequence "
            "notices; a claim that it contradicts is not shipped. At a small floor it is wide, and "
            "notices late: where effects are expected to move, declare a floor."
        ),
    )


def _scenes() -> dict[str, FloatArray]:
    days = np.arange(LOOKS)
    weekend = np.where(days % 7 >= 5, 0.10, 0.05)
    turn = np.where(days < LOOKS // 2, 0.01, -0.01)
    fade = np.linspace(0.015, 0.0, LOOKS)
    level = np.full(LOOKS, 0.05)
    return {
        "level moves": np.stack([weekend, weekend], axis=1),
        "effect turns": np.stack([level, level + turn], axis=1),
        "effect fades": np.stack([level, level + fade], axis=1),
    }


def _cell(rates: FloatArray, floor: float, rng: np.random.Generator) -> dict[str, Cell | Rate]:
    environment = Environment("moving", rates, np.ones((2, 1)))
    history = run(environment, Shares("thompson", floor), Horizon(LOOKS, TRAFFIC, RUNS), rng)
    found = against_control(history.statistics(), 0, design(history.shares))
    effects = rates[:, 1] - rates[:, 0]
    so_far = np.cumsum(effects) / np.arange(1, LOOKS + 1)
    above, below = found.above()[..., 0], found.below()[..., 0]
    agreed = ~found.disagreement[..., 0]
    missed = (found.equal.lower[..., 0] > so_far) | (found.equal.upper[..., 0] < so_far)
    return {
        "any claim": Rate.of((above | below).any(axis=1)),
        "claims better": Rate.of(above[:, -1]),
        "ships": Rate.of((above & agreed)[:, -1]),
        "contradicted": Rate.of(~agreed[:, -1]),
        "misses": Rate.of(missed.any(axis=1)),
        "weighted estimate": _points(found.weighted.estimate),
        "equal estimate": _points(found.equal.estimate),
        "true average": f"{100 * so_far[-1]:.2f}",
    }


def _points(estimate: FloatArray) -> str:
    return f"{100 * float(np.mean(estimate[:, -1, 0])):.2f}"
