"""Guardrails of the log: what was refused, how old the weights were, what waits in the inbox."""

from datetime import timedelta

from include.bandit.guardrails.api import WARN_FROM
from include.bandit.guardrails.result import Guardrail, State
from include.experiments.schema import Experiment

# Weights may be this many batches old before they count as too old: one batch decides while the
# next is gathered, and a run or two may be late.
BATCHES = 4


def refused_share(
    refused: int,
    rows: int | None,
    experiment: Experiment,
    *,
    impossible: int = 0,
    received: int = 0,
) -> Guardrail:
    """Judge the part of a batch's records that was refused: of its rows, and of its rewards.

    A reward whose value the declared kind excludes joins nothing, so that its decision looks like
    one without success: a log of such rewards can no more be trusted than one of refused rows.

    Parameters
    ----------
    refused, rows
        Rows that validation refused, and all; ``None`` rows: never validated.
    experiment
        Declares what is bearable.
    impossible, received
        Rewards that occurred in the batch with an impossible value, and all.
    """
    limit = experiment.quality.refused_share
    if not rows:
        told = "no validation of this batch's log is on record"
        return Guardrail("refused_share", "unknown", None, limit, told)
    share, told = refused / rows, f"{refused:,} of {rows:,} rows were refused"
    if impossible > share * received:
        share = impossible / received
        told = f"{impossible:,} of {received:,} rewards are of another kind than declared"
    state: State = "fail" if share > limit else "warn" if share > WARN_FROM * limit else "pass"
    return Guardrail(
        "refused_share", state, share, limit, f"{told} ({share:.3%}); at most {limit:.3%}"
    )


def snapshot_age(age: timedelta | None, experiment: Experiment) -> Guardrail:
    """Judge how old the live weights were at the end of the batch; ``None``: none were live."""
    declared = experiment.guardrails.snapshot_age
    limit = declared or BATCHES * experiment.batch + experiment.reward.window
    seconds = limit.total_seconds()
    if age is None:
        told = "no weights were live at the end of the batch"
        return Guardrail("snapshot_age", "unknown", None, seconds, told)
    old = age.total_seconds()
    # Three quarters: the ordinary age is a batch and its window already.
    state: State = "fail" if old > seconds else "warn" if old > 0.75 * seconds else "pass"
    told = f"the weights were {_short(age)} old at the end of the batch; at most {_short(limit)}"
    return Guardrail("snapshot_age", state, old, seconds, told)


def inbox(waiting: int, received: int, experiment: Experiment) -> Guardrail:
    """Judge the part of the rewards that occurred in the batch and found no decision."""
    limit = experiment.guardrails.inbox_share
    if not received:
        return Guardrail("inbox", "unknown", None, limit, "no reward occurred in the batch")
    share = waiting / received
    state: State = "fail" if share > limit else "warn" if share > WARN_FROM * limit else "pass"
    told = (
        f"{waiting:,} of {received:,} rewards are in the inbox ({share:.2%}); at most {limit:.2%}"
    )
    return Guardrail("inbox", state, share, limit, told)


def _short(length: timedelta) -> str:
    return str(timedelta(seconds=round(length.total_seconds())))
