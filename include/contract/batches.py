"""Batches: the data intervals of an experiment, and the ids that name them.

Intervals have the experiment's cadence and are aligned in UTC to Monday 1970-01-05,
so that a weekly batch starts on a Monday and a daily one at midnight.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

_ORIGIN: Final = datetime(1970, 1, 5, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_MINUTE: Final = timedelta(minutes=1)


def batch_id_of(instant: datetime, cadence: timedelta) -> str:
    """Name the batch into which an instant falls.

    ``2019-11-24`` where the cadence is whole days, else ``2019-11-24T10:00Z``
    (with seconds where the cadence is no whole number of minutes).

    Raises
    ------
    ValueError
        If the instant has no time zone, or the cadence is not positive whole seconds.
    """
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    if cadence <= timedelta(0) or cadence % timedelta(seconds=1):
        raise ValueError(f"cadence {cadence} is not a positive number of seconds")
    start = _ORIGIN + (instant - _ORIGIN) // cadence * cadence
    if cadence % _DAY == timedelta(0):
        return start.strftime("%Y-%m-%d")
    whole = cadence % _MINUTE == timedelta(0)
    return start.strftime("%Y-%m-%dT%H:%MZ" if whole else "%Y-%m-%dT%H:%M:%SZ")


def batch_start(batch_id: str) -> datetime:
    """Return the start of a batch, in UTC.

    Raises
    ------
    ValueError
        If the text is no batch id.
    """
    start = datetime.fromisoformat(batch_id)
    return start.replace(tzinfo=UTC) if start.tzinfo is None else start.astimezone(UTC)


def closes_at(batch_id: str, cadence: timedelta, reward_window: timedelta) -> datetime:
    """Return when the last reward of a batch may occur: its end plus the reward window."""
    return batch_start(batch_id) + cadence + reward_window


def was_closed(
    batch_id: str, cadence: timedelta, reward_window: timedelta, observed_at: datetime
) -> bool:
    """Tell whether a batch was closed when it was summed: sums read earlier may miss rewards."""
    return observed_at >= closes_at(batch_id, cadence, reward_window)


def newest_ended(instant: datetime, cadence: timedelta) -> str:
    """Return the newest batch that had ended by an instant."""
    return batch_id_of(instant - cadence, cadence)
