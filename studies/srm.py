"""Sample-ratio mismatch: false alarms, and how soon faults are caught."""

from collections.abc import Mapping

import numpy as np

from include.bandit.inference.srm import sample_ratio
from include.bandit.statistics import FloatArray, IntArray
from studies.setting import LOOKS, RUNS, TRAFFIC, day, first_look, simulate
from studies.table import Cell, Rate, Study

SEED = 6_000
# After which day a fault begins.
FAULTS: Mapping[str, int] = {
    "none": 0,
    "one cache of four never updated": 1,
    "one cache of four stuck": 4,
    "last arm loses 10 %": 7,
    "last arm loses 20 %": 7,
}


def study() -> Study:
    """Simulate Thompson's daily versions without a fault, with a stale cache, with lost units."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for arms in (2, 5):
        rng = np.random.default_rng(sequence.spawn(1)[0])
        shares = _shares(arms, rng)
        for fault, after in FAULTS.items():
            units = _units(shares, fault, after, rng)
            found = sample_ratio(units, shares)
            named = found.arm[:, -1][found.mismatch[:, -1]]
            rows.append(
                {
                    "arms": arms,
                    "fault": fault,
                    "alarm": Rate.of(found.mismatch[:, -1]),
                    "median days after the fault": day(
                        float(np.median(first_look(found.mismatch))) - after
                    ),
                    "last arm named": "–" if len(named) < 30 else str(Rate.of(named == arms - 1)),
                }
            )
    clean = [row["alarm"] for row in rows if row["fault"] == "none"]
    stale = [row["alarm"] for row in rows if "never" in str(row["fault"])]
    return Study(
        name="srm",
        title="Sample-ratio mismatch",
        question=(
            f"Thompson with a floor of 5 % on one better arm (last: 7 %, others 5 %), {TRAFFIC:,} "
            f"units a day, a new weights version every day, {LOOKS} looks, α = 1 %, {RUNS:,} runs. "
            "*One cache of four* serves a quarter of the traffic by the shares of day 1 "
            "(*never updated*) or of day 4 (*stuck*); *loses* drops units of the last arm "
            "from day 8 on, before they are logged."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "false alarms in at most 1 % of runs": all(
                rate.at_most(0.01) for rate in clean if isinstance(rate, Rate)
            ),
            "a cache that is never updated is caught in at least 80 % of runs": all(
                rate.at_least(0.80) for rate in stale if isinstance(rate, Rate)
            ),
        },
        reading=(
            "A stale cache shows as soon as shares have moved away from what it serves; while they "
            "stand still there is nothing to see, and nothing wrong with the traffic."
        ),
    )


def _shares(arms: int, rng: np.random.Generator) -> FloatArray:
    rates = np.full(arms, 0.05)
    rates[-1] = 0.07
    return simulate(rates, "thompson", 0.05, rng).shares


def _units(shares: FloatArray, fault: str, after: int, rng: np.random.Generator) -> IntArray:
    served = shares.copy()
    if "cache" in fault:
        served[:, after:] = 0.75 * shares[:, after:] + 0.25 * shares[:, after - 1, None]
    units = rng.multinomial(TRAFFIC, served / served.sum(axis=-1, keepdims=True))
    if "loses" in fault:
        kept = 0.9 if "10 %" in fault else 0.8
        units[:, after:, -1] = rng.binomial(units[:, after:, -1], kept)
    return np.asarray(units)
