"""Totals by arm on their way to the posterior: summed by batch, and refused with a reason."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from math import fsum
from typing import TYPE_CHECKING

from include.experiments.schema import Experiment, Reward
from include.stores.reports.connection import transaction
from include.stores.reports.decision_log import objects_after
from include.stores.reports.statistics import StatisticsRow
from include.stores.reports.totals import ArmTotal, Posted, note_arm_rewards
from include.tasks.decision_log.join import possible
from include.tasks.decision_log.window import Records, spans_of, with_batch

if TYPE_CHECKING:
    import polars as pl

_log = logging.getLogger(__name__)
COUNTED = "counted"


def sum_arm_rewards(records: Records, done: int, newest: int) -> None:
    """Sum the rewards that name only an arm, of every batch in which exports after `done` have one.

    All of such a batch are read anew, so that nothing is ever added to a sum.
    """
    import polars as pl

    experiment = records.experiment
    with transaction(records.settings) as connection:
        new = objects_after(connection, experiment.slug, done)
    batches = _by_arm(records.of("reward", new), experiment)["batch_id"].unique().sort().to_list()
    if not batches:
        return
    nothing = timedelta(0)
    spans = spans_of(batches, experiment.batch, before=nothing, after=nothing)
    found = _by_arm(records.between("reward", spans), experiment)
    found = found.filter(pl.col("batch_id").is_in(batches)).unique("reward_id")
    groups = found.partition_by("batch_id", "arm_id", as_dict=True)
    rows = [
        (str(batch), str(arm), *_sums(part, experiment.reward))
        for (batch, arm), part in sorted(groups.items())
    ]
    with transaction(records.settings) as connection:
        note_arm_rewards(connection, experiment.slug, newest, rows)


def _by_arm(rewards: "pl.DataFrame", experiment: Experiment) -> "pl.DataFrame":
    import polars as pl

    named = rewards.filter(pl.col("arm_id").is_not_null())
    dated = named.select("reward_id", "arm_id", "value", pl.col("occurred_at").alias("decided_at"))
    return with_batch(dated, experiment.batch)


def _sums(part: "pl.DataFrame", rule: Reward) -> tuple[int, float, float, int]:
    values = part.filter(possible(rule))["value"].to_list()
    return (
        len(values),
        fsum(values),
        fsum(value * value for value in values),
        part.height - len(values),
    )


def fold_totals(
    experiment: Experiment, posted: Sequence[Posted], rows: Sequence[StatisticsRow]
) -> tuple[list[ArmTotal], list[tuple[Posted, str]]]:
    """Turn what came by arm into what the posterior adds, or say why it does not.

    The totals of an arm are taken or refused as a whole, never cut: together with what the
    log holds of the arm in this batch they must be possible.

    Parameters
    ----------
    experiment
        Arms, and what a reward may be.
    posted
        Of one batch.
    rows
        The sums of that batch.

    Returns
    -------
    tuple
        Totals by arm; and what became of each that came.
    """
    counted: list[ArmTotal] = []
    outcomes: list[tuple[Posted, str]] = []
    for each in posted:
        outcome = _refused(experiment, each, rows)
        outcomes.append((each, outcome or COUNTED))
        if outcome:
            _log.warning("%s: totals of %s refused: %s", experiment.slug, each.arm_id, outcome)
        else:
            counted.append(_total(experiment, each))
    return sorted(counted), outcomes


def _total(experiment: Experiment, each: Posted) -> ArmTotal:
    rule = experiment.reward
    # Where decisions without reward are left out, a reward is the whole of its observation.
    alone = each.rewards if rule.missing is None else 0
    lower, upper = (0.0, 1.0) if rule.kind == "bernoulli" else (rule.lower, rule.upper)
    # (r - lower)(upper - r) >= 0, hence no larger sum of squares is possible: exact for 0 and 1.
    squares = (lower + upper) * each.posted - lower * upper * each.decisions
    return ArmTotal(
        arm=experiment.arms.index(each.arm_id),
        n=each.decisions + alone,
        sum_r=fsum((each.posted, each.sum_r)),
        sum_r2=fsum((max(squares, 0.0) if each.decisions else 0.0, each.sum_r2)),
    )


def _refused(experiment: Experiment, each: Posted, rows: Sequence[StatisticsRow]) -> str | None:
    """Return why the totals of an arm do not count, in the words of ``total_outcome``."""
    rule = experiment.reward
    if each.arm_id not in experiment.arms:
        return "unknown_arm"
    if experiment.positions > 1:
        return "several_positions"
    if experiment.memory.stratified:
        return "no_propensity"
    if rule.kind == "real" and each.decisions:
        return "no_spread"
    added = _total(experiment, each)
    own = [row for row in rows if row.arm == added.arm]
    n = added.n + sum(row.n if row.decisions is None else row.decisions for row in own)
    if n == 0:
        return "no_decisions"
    return (
        None
        if _possible_sum(rule, each, n, fsum((added.sum_r, *(r.sum_r for r in own))))
        else ("impossible")
    )


def _possible_sum(rule: Reward, each: Posted, n: int, total: float) -> bool:
    if rule.kind == "bernoulli":
        return each.posted.is_integer() and 0 <= each.posted <= each.decisions and 0 <= total <= n
    if rule.kind == "bounded":
        own = rule.lower * each.decisions <= each.posted <= rule.upper * each.decisions
        return own and rule.lower * n <= total <= rule.upper * n
    return True
