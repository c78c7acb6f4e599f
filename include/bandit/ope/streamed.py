"""Evaluate a log that is too large for memory, as `evaluate` does one that is not.

What is linear or quadratic in the weights follows from sums; shrunk weights take two passes
over the rows, one that chooses their parameters and one that uses them. Where units come
again, variances are summed over units, in passes over the rows grouped by unit. There is no
bootstrap, and parameters are chosen by the ``mse`` rule.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope import intervals
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.confidence_sequence import Scored
from include.bandit.ope.estimate import Estimate
from include.bandit.ope.evaluate import evaluate, with_verdicts
from include.bandit.ope.options import Options
from include.bandit.ope.stream import RowPass
from include.bandit.ope.stream_tuning import TuningPass
from include.bandit.ope.stream_weights import WeightPass
from include.bandit.ope.units import UnitRows
from include.bandit.reward_model import RewardModel
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray

# So many rows of a column fit in a core's cache.
CHUNK: Final = 32_768

# Fold, distinct rows, and how often each came.
Part = tuple[int, Feedback, IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class StreamedLog:
    """A log that can be read again and again, in parts.

    Attributes
    ----------
    parts
        Starts a new pass over fold, distinct rows and their counts.
    sums
        Sums of shape (F, P, K), one entry per fold.
    smallest_pscore
        Lowest propensity that was logged, shape (P, K); infinite where there is no row.
    units
        The rows with their folds, grouped by unit; ``None`` where no unit comes again.
    """

    parts: Callable[[], Iterator[Part]]
    sums: ArmStatistics
    smallest_pscore: FloatArray
    units: UnitRows | None = None

    def largest_weight(self, policy: FloatArray) -> float:
        """Return the largest weight that a row has."""
        return float((policy / self.smallest_pscore).max())

    def slices(self) -> Iterator[tuple[int | IntArray, Feedback, IntArray | None]]:
        """Yield the rows in pieces that fit in a cache, of whole units where they come again."""
        if self.units is not None:
            yield from ((fold, rows, None) for fold, rows in self.units.pieces(None))
            return
        for fold, rows, count in self.parts():
            for start in range(0, rows.n, CHUNK):
                piece = slice(start, start + CHUNK)
                yield fold, rows.take(np.arange(rows.n)[piece]), count[piece]


def evaluate_streamed(
    log: StreamedLog, policy: FloatArray, model: RewardModel, options: Options
) -> list[Estimate]:
    """Estimate the value of a policy by every estimator that `evaluate` has.

    Parameters
    ----------
    log
        The log.
    policy
        Table of shape (P, K).
    model
        One table of q̂ per fold.
    options
        As for `evaluate` on sums.

    Raises
    ------
    FeedbackError, EvaluationError
        As `evaluate`.
    """
    by_sums = evaluate(log.sums, policy, None, model, options, units=log.units)
    largest = log.largest_weight(policy)
    linear = [
        replace(one, diagnostics=replace(one.diagnostics, largest_weight=largest))
        for one in by_sums
    ]
    found = [*linear, *_shrunk(log, policy, model, options, linear[0])]
    return list(with_verdicts(found, options.limits))


def distinct_scores(log: StreamedLog, policy: FloatArray, most: int) -> Scored | None:
    """Return the distinct (w, r) of a log; ``None`` where there are more than ``most``."""
    kept: Scored | None = None
    for _, rows, count in log.parts():
        weight = policy[rows.position, rows.arm] / rows.pscore
        own = Scored.of(weight, rows.reward, count)
        kept = own if kept is None else kept + own
        if len(kept.count) > most:
            return None
    return kept


def _shrunk(
    log: StreamedLog, policy: FloatArray, model: RewardModel, options: Options, any_of: Estimate
) -> Iterator[Estimate]:
    declared = {name: value for name, value in options.parameters.items() if name in SHRUNK}
    left = tuple(name for name in SHRUNK if name not in declared)
    tuning = TuningPass(policy, model, left, log.largest_weight(policy))
    for fold, rows, count in log.slices() if left else ():
        tuning.add(rows, count, fold)
    parameters = {**declared, **(tuning.chosen() if left else {})}
    values = RowPass(policy, model, tuple(SHRUNK), parameters)
    weights = WeightPass(policy, parameters)
    for fold, rows, count in log.slices():
        values.add(rows, count, fold)
        weights.add(rows, count)
    for name, (value, variance) in values.results().items():
        yield Estimate(
            estimator=name,
            value=value,
            variance=variance,
            n=values.n,
            intervals=(intervals.normal(value, variance, options.level),),
            diagnostics=weights.diagnostics(name, any_of.diagnostics),
            parameters={
                SHRUNK[name].PARAMETER: parameters[name],
                "chosen_by": "declared" if name in declared else "mse",
            },
        )
