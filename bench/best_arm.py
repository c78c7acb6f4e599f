"""P(best) by quadrature beside Monte Carlo, in one run: time, error, and their ratio.

Monte Carlo with a million draws is what Thompson weights are commonly made of. Its error is
measured against the quadrature, and the quadrature's against a grid twice as fine in degree.
"""

import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from include.bandit import quadrature
from include.bandit.best_arm import best_arm_probabilities, rank_probabilities
from include.bandit.posterior import BetaPosterior
from include.bandit.statistics import FloatArray

DRAWS = 1_000_000
REPEATS = 15
# (what, arms, ranks, milliseconds to reach)
CASES = (
    ("P(best), 80 close arms", 80, 1, 10.0),
    ("P(best), 1,000 arms", 1000, 1, 50.0),
    ("P(rank 1, 2, 3), 80 arms", 80, 3, 20.0),
)


def main() -> int:
    """Print a line per case; fail if a target is missed or the error exceeds 1e-9."""
    missed = 0
    for what, arms, ranks, target in CASES:
        posterior = _close_arms(arms)
        shares, milliseconds = _best_of(partial(_shares, posterior, ranks))
        error = float(np.abs(shares - _on_a_finer_grid(posterior, ranks)).max())
        line = f"{what:26} {milliseconds:7.2f} ms (to reach {target:.0f}), error {error:.0e}"
        if ranks == 1 and arms <= 80:
            drawn, seconds = _monte_carlo(posterior)
            off = float(np.abs(shares - drawn).max())
            line += (
                f"; Monte Carlo, {DRAWS:,} draws: {seconds:.1f} s, error {off:.0e}: "
                f"{1e3 * seconds / milliseconds:,.0f}x the time"
            )
        sys.stdout.write(line + "\n")
        missed += milliseconds > target or error > 1e-9
    return int(missed > 0)


def _close_arms(arms: int) -> BetaPosterior:
    rng = np.random.default_rng(arms)
    n = rng.integers(500, 2000, arms)
    clicks = rng.binomial(n, rng.uniform(0.005, 0.007, arms)).astype(np.float64)
    return BetaPosterior(1.0 + clicks, 99.0 + n.astype(np.float64) - clicks)


def _shares(posterior: BetaPosterior, ranks: int) -> FloatArray:
    if ranks == 1:
        return best_arm_probabilities(posterior)
    return rank_probabilities(posterior, ranks)


def _best_of(compute: Callable[[], FloatArray]) -> tuple[FloatArray, float]:
    """Return the answer, and the least of several times in milliseconds."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        answer = compute()
        times.append(time.perf_counter() - start)
    return answer, 1e3 * min(times)


def _on_a_finer_grid(posterior: BetaPosterior, ranks: int) -> FloatArray:
    # A seam of the module, turned here only: no caller of the core ever has to choose.
    before = quadrature.NODES, quadrature.STEP
    quadrature.NODES, quadrature.STEP = 32, 0.7
    try:
        return _shares(posterior, ranks)
    finally:
        quadrature.NODES, quadrature.STEP = before


def _monte_carlo(posterior: BetaPosterior) -> tuple[FloatArray, float]:
    rng, wins, chunk = np.random.default_rng(0), np.zeros(posterior.alpha.size), 100_000
    start = time.perf_counter()
    for _ in range(DRAWS // chunk):
        draws = rng.beta(posterior.alpha, posterior.beta, (chunk, posterior.alpha.size))
        wins += np.bincount(draws.argmax(axis=1), minlength=wins.size)
    return wins / DRAWS, time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
