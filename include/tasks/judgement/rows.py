"""Judgements as report rows: sequences at every look, and what stands beside the newest."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import numpy as np

from include.bandit.inference.aw_aipw import aw_aipw
from include.bandit.inference.bols import bols
from include.bandit.inference.conclusion import conclude
from include.bandit.inference.family import Family, events
from include.bandit.inference.naive import naive
from include.bandit.inference.srm import sample_ratio
from include.bandit.inference.verdict import BestOfRest, against_control, best_of_rest
from include.contract.canonical import Json
from include.experiments.schema import Experiment
from include.tasks.judge import Strata, design_of

if TYPE_CHECKING:
    from include.bandit.inference.family import Design

Row = dict[str, Json]
# Methods for one look, by the name under which reports label them.
METHODS: Final = ("naive", "bols", "aw_aipw")


def control_of(experiment: Experiment) -> int | None:
    """Return the index of the control, if one is declared."""
    return None if experiment.control is None else experiment.arms.index(experiment.control)


def shared_alpha(experiment: Experiment, alpha: float) -> float:
    """Return what each family may spend, as `conclude` shares it."""
    two_families = experiment.control is not None and len(experiment.arms) > 2
    return alpha / 2.0 if two_families else alpha


def looks(found: Strata) -> list[int]:
    """Return the last row of every batch: a look is taken when a batch has closed."""
    batches = [batch for batch, _ in found.versions]
    return [i for i, one in enumerate(batches) if i + 1 == len(batches) or batches[i + 1] != one]


def sequence_rows(
    experiment: Experiment, found: Strata, position: int, alpha: float
) -> Iterator[Row]:
    """Yield one row per family, arm and look, with α shared as `conclude` shares it."""
    design, control = design_of(experiment, found), control_of(experiment)
    each = shared_alpha(experiment, alpha)
    why = _reasons(experiment, found, design)
    best = best_of_rest(found.statistics, design, alpha=each)
    for look, at in enumerate(looks(found), 1):
        head: Row = {"position": position, "look": look, "look_batch": found.versions[at][0]}
        yield from (head | row for row in _best(experiment, best, at, why[at]))
    if control is None:
        return
    effects = against_control(found.statistics, control, design, alpha=each)
    for look, at in enumerate(looks(found), 1):
        head = {"position": position, "look": look, "look_batch": found.versions[at][0]}
        yield from (head | row for row in _effects(experiment, effects, at, why[at]))


def verdict_row(experiment: Experiment, found: Strata, position: int, alpha: float) -> Row:
    """Return what the position may say at its newest look."""
    said = conclude(
        found.statistics, control_of(experiment), design_of(experiment, found), alpha=alpha
    )
    known = sum(said.known)
    reason = ""
    if said.winner is None:
        reason = "no arm's lower bound is above all others yet"
        if not known:
            why = _reasons(experiment, found, design_of(experiment, found))[-1]
            reason = next((one for one in why if one), "an arm of every pair cannot be judged")
    elif said.winner_blocked:
        reason = "the equal-weight sequence contradicts it: the effect moves in time"
    return {
        "position": position,
        "looks": len(looks(found)),
        "units": int(found.statistics.n.sum()),
        "winner": None if said.winner is None else experiment.arms[said.winner],
        "winner_blocked": said.winner_blocked,
        "p_value": said.p_value,
        "known_arms": known,
        "reason": reason,
    }


def fixed_time_rows(
    experiment: Experiment, found: Strata, position: int, leader: int, alpha: float
) -> Iterator[Row]:
    """Yield naive, BOLS and AW-AIPW intervals of every arm against the control, or the leader."""
    control = control_of(experiment)
    base = leader if control is None else control
    pairs = tuple((arm, base) for arm in range(len(experiment.arms)) if arm != base)
    sums = found.statistics
    intervals = (
        naive(sums, pairs, alpha=alpha),
        bols(sums, pairs, alpha=alpha),
        aw_aipw(sums, pairs, shares=found.shares, alpha=alpha),
    )
    for method, one in zip(METHODS, intervals, strict=True):
        for i, (arm, against) in enumerate(pairs):
            lower, upper = finite(one.lower[i]), finite(one.upper[i])
            yield {
                "position": position,
                "method": method,
                "arm": experiment.arms[arm],
                "against": experiment.arms[against],
                "reference": "leader" if control is None else "control",
                "estimate": None if lower is None else float(one.estimate[i]),
                "lo": lower,
                "hi": upper,
            }


def sample_ratio_rows(experiment: Experiment, found: Strata, position: int) -> Iterator[Row]:
    """Yield one row per version and batch in which units were drawn."""
    tested = sample_ratio(found.statistics.n, found.shares)
    for step, (batch, version) in enumerate(found.versions):
        arm = int(tested.arm[step])
        yield {
            "position": position,
            "step": step + 1,
            "look_batch": batch,
            "version": version,
            "cell": found.cells[step],
            "units": int(found.statistics.n[step].sum()),
            "p_value": float(tested.p_value[step]),
            "mismatch": bool(tested.mismatch[step]),
            "arm": experiment.arms[arm] if arm >= 0 else None,
            "excess": float(tested.excess[step, arm]) if arm >= 0 else None,
        }


def _best(experiment: Experiment, best: BestOfRest, at: int, why: list[str]) -> Iterator[Row]:
    for arm, name in enumerate(experiment.arms):
        known = bool(best.known[at, arm])
        answer = "better" if best.wins[at, arm] else "undecided" if known else "unknown"
        yield {
            "family": "best",
            "arm": name,
            "against": None,
            "answer": answer,
            "known": known,
            "reason": "" if known else why[arm] or _first(why),
            "estimate": float(best.estimate[at, arm]),
            "lo": finite(best.lower[at, arm]),
            "hi": None,
            "equal_estimate": float(best.equal_estimate[at, arm]),
            "equal_lo": finite(best.equal_lower[at, arm]),
            "equal_hi": None,
            "disagreement": bool(best.disagreement[at, arm]),
            "p_value": float(best.p_value[at, arm]),
        }


def _effects(experiment: Experiment, effects: Family, at: int, why: list[str]) -> Iterator[Row]:
    answers = effects.answers(at)
    weighted, equal = effects.weighted, effects.equal
    for i, (arm, control) in enumerate(weighted.pairs):
        known = bool(effects.known[at, i])
        yield {
            "family": "control",
            "arm": experiment.arms[arm],
            "against": experiment.arms[control],
            "answer": answers[i],
            "known": known,
            "reason": "" if known else why[arm] or why[control] or _first(why),
            "estimate": float(weighted.estimate[at, i]),
            "lo": finite(weighted.lower[at, i]),
            "hi": finite(weighted.upper[at, i]),
            "equal_estimate": float(equal.estimate[at, i]),
            "equal_lo": finite(equal.lower[at, i]),
            "equal_hi": finite(equal.upper[at, i]),
            "disagreement": bool(effects.disagreement[at, i]),
            "p_value": float(weighted.p_value[at, i]),
        }


def _reasons(experiment: Experiment, found: Strata, design: "Design") -> list[list[str]]:
    """Say per row and arm what keeps it from being judged; empty where nothing does."""
    from include.bandit.inference.family import MIN_EVENTS

    counted = events(found.statistics, design.bounds)
    return [
        [
            ""
            if count >= MIN_EVENTS
            else f"{name} has {count:.3g} effective rewards or misses of {MIN_EVENTS:g} needed"
            for name, count in zip(experiment.arms, counts, strict=True)
        ]
        for counts in counted
    ]


def _first(why: list[str]) -> str:
    return next((one for one in why if one), "no batch yet in which both arms had a share")


def finite(value: float) -> float | None:
    """Return a number as it is stored: nothing where there is no bound."""
    return float(value) if np.isfinite(value) else None
