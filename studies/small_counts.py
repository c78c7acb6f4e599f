"""Small counts: where the normal approximation is not to be trusted, and betting is."""

import numpy as np

from include.bandit.inference.betting import log_capital
from include.bandit.inference.family import Design, family
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import History, Horizon, run
from include.bandit.simulation.environment import Environment
from studies.setting import LOOKS, RUNS, design, per_cent
from studies.table import Cell, Rate, Study

SEED = 10_000
_PAIR = ((1, 0),)


def study() -> Study:
    """Simulate experiments with a handful of rewards a day."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for traffic, rate in ((100, 0.02), (100, 0.10), (1000, 0.005), (2000, 0.01)):
        for floor in (0.01, 0.10):
            rng = np.random.default_rng(sequence.spawn(1)[0])
            null = _history((rate, rate), traffic, floor, rng)
            doubled = _history((rate, 2 * rate), traffic, floor, rng)
            rows.append(
                {
                    "decisions a day": traffic,
                    "rate": per_cent(rate),
                    "floor": per_cent(floor),
                    **_false(null),
                    **_found(doubled),
                }
            )
    return Study(
        name="small_counts",
        title="Small counts",
        question=(
            f"Two arms, {LOOKS} looks, Thompson, {RUNS:,} runs. *False*: claims without an effect. "
            "*Found*: claims when arm 1 has twice the rate. *Unguarded* is the asymptotic "
            "sequence without its demand for ten rewards per arm."
        ),
        seed=SEED,
        rows=rows,
        promises={
            f"{name} claims falsely in at most 5 % of runs": all(
                found.at_most(0.05) for row in rows if isinstance(found := row[name], Rate)
            )
            for name in ("false, sequence", "false, betting")
        },
        reading=(
            "Betting needs no approximation and pays for it with power; where rewards are few it "
            "is the sequence to read, and elsewhere a check on the other."
        ),
    )


def _history(
    rates: tuple[float, float], traffic: int, floor: float, rng: np.random.Generator
) -> History:
    environment = Environment.stationary(np.array(rates))
    return run(environment, Shares("thompson", floor), Horizon(LOOKS, traffic, RUNS), rng)


def _false(history: History) -> dict[str, Cell | Rate]:
    unguarded = Design(shares=history.shares)
    return {
        "false, unguarded": Rate.of(_claims(history, unguarded)),
        "false, sequence": Rate.of(_claims(history, design(history.shares))),
        "false, betting": Rate.of(_bets(history)),
    }


def _found(history: History) -> dict[str, Cell | Rate]:
    return {
        "found, sequence": Rate.of(_claims(history, design(history.shares))),
        "found, betting": Rate.of(_bets(history)),
    }


def _claims(history: History, known: Design) -> np.ndarray:
    found = family(history.statistics(), _PAIR, known, alpha=0.05)
    return np.asarray((found.above() | found.below()).any(axis=(1, 2)))


def _bets(history: History) -> np.ndarray:
    up, down = log_capital(history.statistics(), _PAIR[0], history.shares, np.zeros(1))
    return np.asarray((np.maximum(up, down) >= np.log(40.0)).any(axis=(1, 2)))
