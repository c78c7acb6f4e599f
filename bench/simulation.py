"""Simulation: vectorised Thompson beside a plain Python loop, and the seed benchmark.

Run with ``python -m bench simulation``. All is single-threaded, and processor time is
what is measured: neighbours on a shared machine distort the clock.
"""

import random
import sys
import time

import numpy as np

from include.bandit.simulation import seed_benchmark
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, run
from include.bandit.simulation.environment import Environment
from include.bandit.simulation.sequential import play

RATES = (0.05, 0.06, 0.04, 0.03)
REPLICATIONS = 20_000
ROUNDS = 200
REPEATS = 50


def main() -> int:
    """Measure processor time, print, and fail where the seed benchmark has another shape."""
    for arms in (2, 4):
        loop = _loop_speed(RATES[:arms], 60_000)
        fast = max(_vector_speed(RATES[:arms]) for _ in range(3))
        _say(
            f"Thompson, {arms} arms: {fast / 1e6:.2f}M steps/s vectorised over {REPLICATIONS:,} "
            f"replications, {loop / 1e3:.0f}k in a plain loop: {fast / loop:.0f}x"
        )
    _say(f"Thompson in batches, 1,500 runs of 28 batches, 2 arms: {_batched_seconds():.2f} s")
    return 0 if _seed_benchmark() else 1


def _vector_speed(rates: tuple[float, ...]) -> float:
    tiled = np.tile(rates, (REPLICATIONS, 1))
    started = time.process_time()
    play("thompson", tiled, ROUNDS, np.random.default_rng(1), trace=False)
    return REPLICATIONS * ROUNDS / (time.process_time() - started)


def _loop_speed(rates: tuple[float, ...], steps: int) -> float:
    """Time the loop that one would write first: the standard library, one decision at a time."""
    source = random.Random(1)  # noqa: S311 - a simulation, not a secret
    won, lost = [1.0] * len(rates), [1.0] * len(rates)
    started = time.process_time()
    for _ in range(steps):
        drawn = [source.betavariate(a, b) for a, b in zip(won, lost, strict=True)]
        arm = drawn.index(max(drawn))
        if source.random() < rates[arm]:
            won[arm] += 1.0
        else:
            lost[arm] += 1.0
    return steps / (time.process_time() - started)


def _batched_seconds() -> float:
    environment = Environment.stationary(np.array(RATES[:2]))
    started = time.process_time()
    run(environment, Shares("thompson", 0.1), Horizon(28, 2000, 1500), np.random.default_rng(1))
    return time.process_time() - started


def _seed_benchmark() -> bool:
    rng = np.random.default_rng(20_261_122)
    rates = np.repeat(seed_benchmark.environments(rng), REPEATS, axis=0)
    regret = {}
    for policy in ("thompson", "epsilon_greedy", "ucb1", "kl_ucb"):
        found = play(policy, rates, seed_benchmark.ROUNDS, rng)
        regret[policy] = float(found.regret[-1].mean())
        _say(
            f"seed benchmark, {policy}: mean final regret {regret[policy]:.1f}, "
            f"median convergence at round {np.median(found.converged()):.0f}"
        )
    shaped = regret["thompson"] < regret["epsilon_greedy"] < regret["ucb1"]
    _say(f"Thompson < ε-greedy(0.1) < UCB1: {'yes' if shaped else 'NO'}")
    return shaped


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
