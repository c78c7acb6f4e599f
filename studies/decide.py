"""The decision over many experiments: what is shipped and stopped, and how wrongly."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.inference.decision import recommend
from include.bandit.inference.decision_evidence import ArmEvidence, Evidence, PositionEvidence
from include.bandit.inference.family import Family
from include.bandit.inference.srm import sample_ratio
from include.bandit.inference.verdict import against_control
from include.bandit.statistics import FloatArray
from include.experiments.verdict import Verdict
from studies.setting import LOOKS, day, design, per_cent, simulate
from studies.table import Cell, Rate, Study

SEED: Final = 7_000
RUNS: Final = 1_500
RULES: Final = Verdict(minimum_uplift=0.0, minimum_units=100)
KINDS: Final = ("ship", "stop_harm", "stop_futility", "stop_duration")


@dataclass(frozen=True, slots=True, eq=False)
class Outcomes:
    """How each run ended: kind, arm, and on which day."""

    kind: NDArray[np.str_]
    arm: NDArray[np.str_]
    day: FloatArray


def study() -> Study:
    """Take null, lifted and harmful experiments through the decision, day by day."""
    sequence = np.random.SeedSequence(SEED)
    cells: list[tuple[str, list[float], str, float]] = [
        ("null", [0.05] * arms, policy, floor)
        for arms, policy, floor in (
            *((2, "thompson", floor) for floor in (0.01, 0.10, 0.20)),
            *((2, policy, 0.10) for policy in ("epsilon_greedy", "uniform")),
            *((5, "thompson", floor) for floor in (0.01, 0.10)),
        )
    ]
    cells += [
        (name, [0.05, rate], "thompson", floor)
        for name, rate in (("lifted", 0.06), ("harmful", 0.04))
        for floor in (0.01, 0.10, 0.20)
    ]
    rows: list[dict[str, Cell | Rate]] = []
    for name, rates, policy, floor in cells:
        seed = int(sequence.spawn(1)[0].generate_state(1)[0])
        found = fold(rates, policy, floor, runs=RUNS, seed=seed)
        rows.append(
            {
                "truth": name,
                "arms": len(rates),
                "floor": per_cent(floor),
                "policy": policy,
                **{kind.removeprefix("stop_"): Rate.of(found.kind == kind) for kind in KINDS},
                "median day": day(float(np.median(found.day))),
            }
        )
    return Study(
        name="decide",
        title="The decision: what is shipped and stopped over 28 days",
        question=(
            f"2,000 decisions a day, the rule of `include.bandit.inference.decision` after each of "
            f"{LOOKS} days, {RUNS:,} runs a row; at least 7 days, at most 28, 100 observations per "
            "arm, sample ratio tested. *Null*: all arms succeed at 5 %, so every *ship* is false. "
            "*Lifted*: the other arm succeeds at 6 %. *Harmful*: at 4 %. *Duration*: 28 days "
            "passed without a verdict."
        ),
        seed=SEED,
        rows=rows,
        promises={
            "a null experiment is shipped in at most 5 % of runs": all(
                _rate(row).at_most(0.05) for row in rows if row["truth"] == "null"
            ),
            "a harmful arm is shipped in at most 5 % of runs": all(
                _rate(row).at_most(0.05) for row in rows if row["truth"] == "harmful"
            ),
        },
        reading=(
            "With more than two arms half of the error is kept for the best of the rest, which the "
            "rule does not use where there is a control: it ships even less often by mistake. A "
            "minimum uplift of 0 makes futility the same as harm; with one, null experiments end "
            "earlier."
        ),
    )


def fold(rates: list[float], policy: str, floor: float, *, runs: int, seed: int) -> Outcomes:
    """Simulate experiments against their first arm and ask for a decision after every day."""
    rng = np.random.default_rng(seed)
    history = simulate(np.array(rates), policy, floor, rng, runs)
    alpha = 0.05 if len(rates) == 2 else 0.025
    statistics = history.statistics()
    family = against_control(statistics, 0, design(history.shares), alpha=alpha)
    ratio = sample_ratio(history.n, history.shares)
    seen = np.cumsum(history.n, axis=1)
    mean = np.cumsum(statistics.sum_r_ip, axis=1) / np.cumsum(statistics.sum_ip, axis=1)
    kind, arm = np.full(runs, "stop_duration", "U16"), np.full(runs, "", "U8")
    when = np.full(runs, float(LOOKS))
    for at in range(runs):
        for look in range(LOOKS):
            arms = tuple(_arm(family, seen, mean, (at, look, i)) for i in range(len(rates) - 1))
            position = PositionEvidence(
                arms, float(ratio.p_value[at, look]), bool(ratio.mismatch[at, look])
            )
            found = recommend(Evidence(look + 1.0, 28.0, (position,)), RULES)
            if found.final:
                kind[at], arm[at], when[at] = found.kind, found.arm or "", look + 1.0
                break
    return Outcomes(kind, arm, when)


def _arm(
    family: Family,
    seen: NDArray[np.int64],
    mean: FloatArray,
    at: tuple[int, int, int],
) -> ArmEvidence:
    run, look, pair = at
    arm, control = family.weighted.pairs[pair]
    estimate, radius = family.weighted.estimate[at], family.weighted.radius[at]
    bounded = bool(np.isfinite(radius))
    return ArmEvidence(
        arm=f"arm-{arm}",
        known=bool(family.known[at]),
        reason="",
        estimate=float(estimate),
        lower=float(estimate - radius) if bounded else None,
        upper=float(estimate + radius) if bounded else None,
        disagreement=bool(family.disagreement[at]),
        baseline=float(mean[run, look, control]),
        units=int(min(seen[run, look, arm], seen[run, look, control])),
    )


def _rate(row: dict[str, Cell | Rate]) -> Rate:
    found = row["ship"]
    if not isinstance(found, Rate):
        raise TypeError("column ship holds no rate")
    return found
