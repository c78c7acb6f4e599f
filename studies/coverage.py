"""Intervals at one fixed look, under every policy: naive, BOLS, weighted AIPW, the sequence."""

import numpy as np

from include.bandit.inference.aw_aipw import aw_aipw
from include.bandit.inference.bols import bols
from include.bandit.inference.interval import FixedTime
from include.bandit.inference.naive import naive
from include.bandit.inference.verdict import against_control
from studies.setting import POLICIES, RUNS, design, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED = 4_000
_PAIR = ((1, 0),)


def study() -> Study:
    """Simulate nominal 95 % intervals of the difference on day 28."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    for rates in ((0.05, 0.05), (0.05, 0.06)):
        for floor in (0.01, 0.10):
            for policy in POLICIES:
                rng = np.random.default_rng(sequence.spawn(1)[0])
                rows.append(_cell(np.array(rates), policy, floor, rng))
    adaptive = [row for row in rows if row["floor"] == "10 %"]
    return Study(
        name="coverage",
        title="Coverage of intervals at one fixed look",
        question=(
            "Two arms, 2,000 decisions a day; nominal 95 % intervals of the difference, read once, "
            f"on day 28; {RUNS:,} runs. *Width* is the median half-width in percentage points. "
            "*Sequence* is the interval that also holds on every other day."
        ),
        seed=SEED,
        rows=rows,
        promises={
            f"{method} covers at least 95 % at floor 10 %": all(
                rate.at_least(0.95) for row in adaptive if isinstance(rate := row[method], Rate)
            )
            for method in ("BOLS", "AW-AIPW", "sequence")
        },
        reading=(
            "The naive interval loses coverage where the policy adapts most, and it is wrong on "
            "average there: the arm with bad luck is not given the chance to recover. At "
            "a floor of 1 % a starved arm has twenty decisions and one success a day: normal "
            "approximations within a batch are poor, and BOLS shows it first."
        ),
    )


def _cell(
    rates: np.ndarray, policy: str, floor: float, rng: np.random.Generator
) -> dict[str, Cell | Rate]:
    history = simulate(rates, policy, floor, rng)
    statistics, truth = history.statistics(), float(rates[1] - rates[0])
    plain = naive(statistics, _PAIR)
    weighted = aw_aipw(statistics, _PAIR, shares=history.shares)
    sequence = against_control(statistics, 0, design(history.shares)).weighted
    batched = bols(statistics, _PAIR)
    last = (sequence.lower[:, -1, 0] <= truth) & (sequence.upper[:, -1, 0] >= truth)
    return {
        "rates": "5 %, 5 %" if truth == 0 else "5 %, 6 %",
        "floor": per_cent(floor),
        "policy": policy,
        "naive": _covers(plain, truth),
        "BOLS": _covers(batched, truth),
        "AW-AIPW": _covers(weighted, truth),
        "sequence": Rate.of(last),
        "naive width": _width(plain),
        "BOLS width": _width(batched),
        "AW-AIPW width": _width(weighted),
        "sequence width": round(100 * float(np.median(sequence.radius[:, -1, 0])), 2),
    }


def _covers(found: FixedTime, truth: float) -> Rate:
    return Rate.of((found.lower[:, 0] <= truth) & (found.upper[:, 0] >= truth))


def _width(found: FixedTime) -> float:
    return round(50 * float(np.median(found.upper[:, 0] - found.lower[:, 0])), 2)
