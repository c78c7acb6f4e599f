"""Units that come back: what may be counted, and what happens otherwise."""

from dataclasses import replace

import numpy as np

from include.bandit.inference.verdict import against_control
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.units import Assignment, Counting, Pool, run_pool
from studies.setting import LOOKS, design, per_cent
from studies.table import Cell, Rate, Study

SEED = 3_000
RUNS = 1_500
POOL = Pool(units=2_000, visit=0.4, rate=0.10, spread=1.0)
_BLOCK = 250


def study() -> Study:
    """Simulate a null experiment on a pool of returning units, per assignment and counting."""
    rows: list[dict[str, Cell | Rate]] = []
    sequence = np.random.SeedSequence(SEED)
    ways: tuple[tuple[Assignment, Counting], ...] = (
        ("rerandomise", "every batch"),
        ("nested", "first batch"),
        ("nested", "every batch"),
    )
    for assignment, counting in ways:
        for floor in (0.01, 0.10, 0.50):
            rng = np.random.default_rng(sequence.spawn(1)[0])
            wrong = _wrong(assignment, counting, floor, rng)
            rows.append(
                {
                    "assignment": assignment,
                    "units count in": counting,
                    "floor": per_cent(floor),
                    "false effect": Rate.of(wrong),
                    "verdict given": "no: unknown"
                    if (assignment, counting) == ("nested", "every batch")
                    else "yes",
                }
            )
    allowed = [row["false effect"] for row in rows if row["verdict given"] == "yes"]
    return Study(
        name="returning",
        title="Units that return",
        question=(
            f"No effect; a pool of {POOL.units:,} units of very different rates (Beta with mean "
            f"10 % and α + β = 1), each coming with chance {POOL.visit} a day; {LOOKS} looks, "
            f"Thompson, {RUNS:,} runs. Under *nested* a unit keeps its bucket. *False effect*: the "
            "sequence, computed as if every counted unit had been drawn, excludes zero."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "at most 5 % wherever a verdict is given": all(
                rate.at_most(0.05) for rate in allowed if isinstance(rate, Rate)
            )
        },
        reading=(
            "A unit that keeps its arm and is counted again and again is one draw, not many: its "
            "good luck is credited to the arm every day. Hence the rule: under `nested`, or "
            "within a held version, a unit counts in the batch in which it was drawn, and where "
            "the log cannot tell, the verdict is `unknown`."
        ),
    )


def _wrong(
    assignment: Assignment, counting: Counting, floor: float, rng: np.random.Generator
) -> np.ndarray:
    blocks = []
    pool = replace(POOL, assignment=assignment, counting=counting)
    for _ in range(RUNS // _BLOCK):
        statistics, shares = run_pool(pool, Shares("thompson", floor), (_BLOCK, LOOKS), rng)
        found = against_control(statistics, 0, design(shares))
        blocks.append((found.above() | found.below()).any(axis=(1, 2)))
    return np.concatenate(blocks)
