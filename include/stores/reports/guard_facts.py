"""Facts that guardrails judge by, beside the sums: the API's counts, refusals, ages, the inbox."""

from datetime import datetime, timedelta
from typing import NamedTuple

from include.bandit.guardrails.api import Answered
from include.stores.reports.connection import Connection


class Occurred(NamedTuple):
    """Rewards of a time: all, those that found no decision, and those of another kind."""

    received: int
    waiting: int
    impossible: int


def answered(connection: Connection, since: datetime, until: datetime) -> Answered:
    """Add up what all processes of the API counted in the minutes of a time.

    Classes of latency may differ after an upgrade: only rows with the newest classes are added.
    """
    total = connection.execute(
        "with found as (select * from allot.serving_minute where minute >= %s and minute < %s),"
        " newest as (select bounds from found order by minute desc limit 1),"
        " alike as (select found.* from found, newest where found.bounds = newest.bounds)"
        " select coalesce(sum(requests), 0)::bigint, coalesce(sum(errors), 0)::bigint,"
        " coalesce((select bounds from newest), '{}'),"
        " array(select sum(class.number)::bigint from alike,"
        " unnest(alike.counts) with ordinality as class (number, place)"
        " group by class.place order by class.place) from alike",
        (since, until),
    ).fetchone()
    if total is None:
        return Answered(0, 0, (), ())
    return Answered(total[0], total[1], tuple(total[2]), tuple(total[3]))


def age_at(connection: Connection, experiment: str, moment: datetime) -> timedelta | None:
    """Return how old the version was that was live at a moment; ``None``: there was none."""
    row = connection.execute(
        "select %(at)s - max(published_at) from allot.weights_snapshot"
        " where experiment = %(slug)s and published_at <= %(at)s",
        {"slug": experiment, "at": moment},
    ).fetchone()
    return None if row is None else row[0]


def refused_in_log(
    connection: Connection, experiment: str, batch_id: str, *, left_out: str
) -> tuple[int, int | None]:
    """Return how many rows of a batch of the API's own log were refused, and of how many.

    Of a batch that holds totals by arm and no decision: how many of those totals.

    Parameters
    ----------
    connection
        An open transaction.
    experiment, batch_id
        Which batch.
    left_out
        The expectation by which rows stand in quarantine as declared: no fault of the log.
    """
    row = connection.execute(
        "select b.rows_quarantined - coalesce((select sum(r.rows)::bigint"
        " from allot.log_refusal as r where r.experiment = b.experiment"
        " and r.batch_id = b.batch_id and r.expectation = %s), 0), b.rows_in"
        " from allot.log_batch as b"
        " where b.experiment = %s and b.batch_id = %s",
        (left_out, experiment, batch_id),
    ).fetchone()
    if row is None:
        row = connection.execute(
            "select count(*) filter (where outcome <> 'counted'), nullif(count(*), 0)"
            " from allot.total_outcome where experiment = %s and batch_id = %s",
            (experiment, batch_id),
        ).fetchone()
    return (0, None) if row is None else (row[0], row[1])


def refused_in_source(
    connection: Connection, source: str, behavior_policy: str
) -> tuple[int, int | None]:
    """Return how many rows of a foreign log's accepted objects were refused, and of how many.

    Its objects are not cut by batch: the share is that of all that is in silver.
    """
    row = connection.execute(
        "select sum(rows_quarantined)::bigint, sum(rows_in)::bigint from allot.validation"
        " where source = %s and behavior_policy = %s and verdict = 'accepted'",
        (source, behavior_policy),
    ).fetchone()
    return (0, None) if row is None or row[1] is None else (row[0], row[1])


def rewards_occurred(
    connection: Connection, experiment: str, since: datetime, until: datetime
) -> Occurred:
    """Count the rewards that occurred in a time, and what became of them."""
    row = connection.execute(
        "select count(*), count(*) filter (where outcome not in"
        " ('joined', 'total', 'flagged', 'impossible')),"
        " count(*) filter (where outcome = 'impossible') from allot.reward_outcome"
        " where experiment = %s and occurred_at >= %s and occurred_at < %s",
        (experiment, since, until),
    ).fetchone()
    return Occurred(0, 0, 0) if row is None else Occurred(*row)
