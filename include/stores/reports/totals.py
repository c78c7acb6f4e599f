"""Totals by arm in PostgreSQL: what came, what was made of it, and what the posterior adds."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, time, timedelta

from include.contract.batches import batch_id_of
from include.contract.canonical import Json
from include.stores.reports.connection import Connection


@dataclass(frozen=True, slots=True, order=True)
class ArmTotal:
    """What the posterior adds to the sums of a batch for one arm."""

    arm: int
    n: int
    sum_r: float
    sum_r2: float

    def named(self) -> list[Json]:
        """Return what names it within the sums of a batch."""
        return [int(self.arm), int(self.n), float(self.sum_r) + 0.0, float(self.sum_r2) + 0.0]


@dataclass(frozen=True, slots=True, order=True)
class Posted:
    """What clients said of one arm in one batch.

    Attributes
    ----------
    decisions, posted
        Impressions and their rewards, as posted by day.
    rewards, sum_r, sum_r2
        Single rewards that name only the arm: how many, and their sums.
    """

    arm_id: str
    decisions: int = 0
    posted: float = 0.0
    rewards: int = 0
    sum_r: float = 0.0
    sum_r2: float = 0.0


def posted_totals(
    connection: Connection, experiment: str, cadence: timedelta
) -> dict[str, list[Posted]]:
    """Return what came by arm, per batch in the order of arms.

    The totals of a day belong to the batch in which the day ends.
    """
    found: dict[tuple[str, str], Posted] = {}
    days = connection.execute(
        "select distinct on (day, arm_id) day, arm_id, decisions, rewards from allot.daily_total"
        " where experiment = %s order by day, arm_id, entry desc",
        (experiment,),
    )
    for day, arm, decisions, rewards in days:
        end = datetime.combine(day + timedelta(days=1), time(0), UTC) - timedelta(microseconds=1)
        key = (batch_id_of(end, cadence), arm)
        had = found.get(key, Posted(arm))
        found[key] = Posted(arm, had.decisions + decisions, had.posted + rewards)
    single = connection.execute(
        "select batch_id, arm_id, rewards, sum_r, sum_r2 from allot.log_arm_reward"
        " where experiment = %s and rewards > 0",
        (experiment,),
    )
    for batch_id, arm, *sums in single:
        had = found.get((batch_id, arm), Posted(arm))
        found[batch_id, arm] = Posted(arm, had.decisions, had.posted, *sums)
    batches: dict[str, list[Posted]] = {}
    for (batch_id, _), each in sorted(found.items()):
        # Withdrawn by a newer entry of zeros.
        if each != Posted(each.arm_id):
            batches.setdefault(batch_id, []).append(each)
    return batches


def settled_totals(connection: Connection, experiment: str) -> dict[str, list[Posted]]:
    """Return what the current sums of every batch were made from."""
    rows = connection.execute(
        "select batch_id, arm_id, decisions, posted, rewards, sum_r, sum_r2"
        ' from allot.total_outcome where experiment = %s order by batch_id, arm_id collate "C"',
        (experiment,),
    )
    found: dict[str, list[Posted]] = {}
    for batch_id, *values in rows:
        found.setdefault(batch_id, []).append(Posted(*values))
    return found


def settle(
    connection: Connection,
    experiment: str,
    batch_id: str,
    name: str,
    outcomes: Sequence[tuple[Posted, str]],
) -> None:
    """Replace what became of the totals of a batch; `name` is the hash of its sums."""
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 2))", (f"{experiment}/{batch_id}",)
    )
    connection.execute(
        "delete from allot.total_outcome where experiment = %s and batch_id = %s",
        (experiment, batch_id),
    )
    for posted, outcome in outcomes:
        connection.execute(
            "insert into allot.total_outcome (experiment, batch_id, arm_id, decisions, posted,"
            " rewards, sum_r, sum_r2, outcome, statistics_hash)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (experiment, batch_id, *astuple(posted), outcome, name),
        )


def note_arm_rewards(
    connection: Connection,
    experiment: str,
    number: int,
    rows: Sequence[tuple[str, str, int, float, float, int]],
) -> None:
    """Note sums of rewards by batch and arm, unless newer exports were read for them since."""
    for row in rows:
        connection.execute(
            "insert into allot.log_arm_reward as r (experiment, number, batch_id, arm_id, rewards,"
            " sum_r, sum_r2, impossible) values (%s, %s, %s, %s, %s, %s, %s, %s)"
            " on conflict (experiment, batch_id, arm_id) do update set"
            " number = excluded.number, rewards = excluded.rewards, sum_r = excluded.sum_r,"
            " sum_r2 = excluded.sum_r2, impossible = excluded.impossible"
            " where r.number <= excluded.number",
            (experiment, number, *row),
        )


def insert_totals(
    connection: Connection, experiment: str, batch_id: str, name: str, totals: Sequence[ArmTotal]
) -> None:
    """Store totals beside the sums that they are part of; repeating it changes nothing."""
    for total in totals:
        connection.execute(
            "insert into allot.total_statistics (experiment, batch_id, statistics_hash, arm, n,"
            " sum_r, sum_r2) values (%s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            (experiment, batch_id, name, *astuple(total)),
        )


def stored_totals(
    connection: Connection, experiment: str, names: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], list[ArmTotal]]:
    """Return the totals in sums that are named by batch and hash, in the order of arms."""
    rows = connection.execute(
        "select batch_id, statistics_hash, arm, n, sum_r, sum_r2 from allot.total_statistics"
        " join unnest(%s::text[], %s::text[]) as wanted (batch_id, statistics_hash)"
        " using (batch_id, statistics_hash) where experiment = %s order by 1, 2, 3",
        ([batch for batch, _ in names], [name for _, name in names], experiment),
    )
    found: dict[tuple[str, str], list[ArmTotal]] = {}
    for batch_id, name, *values in rows:
        found.setdefault((batch_id, name), []).append(ArmTotal(*values))
    return found
