"""Rows of exact sequences, and of what the winner is worth."""

from collections.abc import Iterator

import numpy as np

from include.bandit.inference.exact import exact_against_control, exact_best_of_rest
from include.bandit.inference.family import family
from include.bandit.inference.naive import naive
from include.bandit.inference.readout import Readout, from_sequence, from_slice
from include.contract.canonical import Json
from include.experiments.schema import Experiment
from include.tasks.judge import Strata, design_of
from include.tasks.judgement.rows import control_of, finite, looks, shared_alpha

Row = dict[str, Json]


def exact_rows(experiment: Experiment, found: Strata, position: int, alpha: float) -> Iterator[Row]:
    """Yield one row per family, method, arm and look; none where a method cannot be had."""
    design, control = design_of(experiment, found), control_of(experiment)
    each, arms = shared_alpha(experiment, alpha), experiment.arms
    for one in exact_best_of_rest(found.statistics, design, alpha=each):
        worst = one.worst_lower(len(arms))
        for look, at in enumerate(looks(found), 1):
            for arm, name in enumerate(arms):
                yield {
                    **_head(position, look, found.versions[at][0]),
                    "family": "best",
                    "method": one.method,
                    "arm": name,
                    "against": None,
                    "lo": float(worst[at, arm]),
                    "hi": None,
                }
    if control is None:
        return
    for one in exact_against_control(found.statistics, control, design, alpha=each):
        for look, at in enumerate(looks(found), 1):
            for index, (arm, _) in enumerate(one.pairs):
                yield {
                    **_head(position, look, found.versions[at][0]),
                    "family": "control",
                    "method": one.method,
                    "arm": arms[arm],
                    "against": arms[control],
                    "lo": float(one.lower[at, index]),
                    "hi": float(one.upper[at, index]),
                }


def readout_rows(
    experiment: Experiment, found: Strata, position: int, picked: tuple[int, str], alpha: float
) -> Iterator[Row]:
    """Yield what the picked arm is worth against the control, or against every other arm.

    Parameters
    ----------
    experiment, found, position, alpha
        As for the other rows.
    picked
        The arm, and whether it is the declared ``winner`` or only the ``leader``.
    """
    arm, how = picked
    control, sums, arms = control_of(experiment), found.statistics, len(experiment.arms)
    if arm == control:
        return
    against = [control] if control is not None else [one for one in range(arms) if one != arm]
    pairs = tuple((arm, other) for other in against)
    # Whichever arm is picked: all pairs that could have been read share the error.
    readable = arms - 1 if control is not None else arms * (arms - 1) // 2
    each = shared_alpha(experiment, alpha) / readable
    judged = family(sums, pairs, design_of(experiment, found), alpha=each)
    plain = naive(sums, pairs, alpha=alpha)
    for index, pair in enumerate(pairs):
        readings = [("sequence", from_sequence(judged, pair))]
        if np.allclose(sums.sum_ip, sums.n * arms):
            readings.append(("uniform log", from_slice(sums, pair, alpha=alpha)))
        for basis, read in readings:
            yield {
                "position": position,
                "basis": basis,
                "arm": experiment.arms[arm],
                "against": experiment.arms[pair[1]],
                "picked": how,
                **_ends(read),
                "naive_estimate": finite(plain.estimate[index]),
            }


def _ends(read: Readout) -> Row:
    return {"estimate": read.estimate, "lo": finite(read.lower), "hi": finite(read.upper)}


def _head(position: int, look: int, batch: str) -> Row:
    return {"position": position, "look": look, "look_batch": batch}
