"""Batches: which interval an instant falls into, and when its last reward may occur."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.contract.batches import batch_id_of, batch_start, closes_at, newest_ended, was_closed

DAY = timedelta(days=1)
cadences = st.sampled_from([timedelta(seconds=90), timedelta(hours=1), DAY, timedelta(days=7)])
instants = st.datetimes(
    min_value=datetime.fromisoformat("2000-01-01"),
    max_value=datetime.fromisoformat("2100-01-01"),
    timezones=st.just(UTC),
)


@pytest.mark.parametrize(
    ("instant", "cadence", "expected"),
    [
        (datetime(2019, 11, 24, 23, 59, 59, tzinfo=UTC), DAY, "2019-11-24"),
        (datetime(2019, 11, 25, tzinfo=UTC), DAY, "2019-11-25"),
        # 01:30 in Tokyo is still the day before in UTC.
        (datetime(2019, 11, 25, 1, 30, tzinfo=timezone(timedelta(hours=9))), DAY, "2019-11-24"),
        (datetime(2019, 11, 24, 10, 59, tzinfo=UTC), timedelta(hours=1), "2019-11-24T10:00Z"),
        (datetime(2019, 11, 24, tzinfo=UTC), timedelta(days=7), "2019-11-18"),
        (datetime(2019, 11, 24, 0, 2, tzinfo=UTC), timedelta(seconds=90), "2019-11-24T00:01:30Z"),
    ],
)
def test_a_batch_is_named_by_its_start(
    instant: datetime, cadence: timedelta, expected: str
) -> None:
    assert batch_id_of(instant, cadence) == expected


@given(instant=instants, cadence=cadences)
def test_an_instant_lies_in_its_batch(instant: datetime, cadence: timedelta) -> None:
    start = batch_start(batch_id_of(instant, cadence))
    assert start <= instant < start + cadence
    assert batch_id_of(start, cadence) == batch_id_of(instant, cadence)


@given(first=instants, second=instants, cadence=cadences)
def test_ids_sort_as_their_batches(first: datetime, second: datetime, cadence: timedelta) -> None:
    names = [batch_id_of(instant, cadence) for instant in (first, second)]
    starts = [batch_start(name) for name in names]
    assert (names[0] < names[1]) == (starts[0] < starts[1])


@given(instant=instants, cadence=cadences)
def test_the_newest_ended_batch_has_ended_and_the_next_has_not(
    instant: datetime, cadence: timedelta
) -> None:
    end = batch_start(newest_ended(instant, cadence)) + cadence
    assert end <= instant < end + cadence


def test_the_last_reward_occurs_a_window_after_the_end() -> None:
    closes = closes_at("2019-11-24", DAY, timedelta(hours=6))
    assert closes == datetime(2019, 11, 25, 6, tzinfo=UTC)


@pytest.mark.parametrize(("hour", "closed"), [(5, False), (6, True), (7, True)])
def test_sums_that_were_read_before_the_window_ended_may_miss_rewards(
    hour: int, closed: bool
) -> None:
    seen = datetime(2019, 11, 25, hour, tzinfo=UTC)
    assert was_closed("2019-11-24", DAY, timedelta(hours=6), seen) is closed


def test_an_instant_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        batch_id_of(datetime.fromisoformat("2019-11-24"), DAY)


@pytest.mark.parametrize("cadence", [timedelta(0), -DAY, timedelta(milliseconds=1500)])
def test_a_cadence_is_whole_seconds(cadence: timedelta) -> None:
    with pytest.raises(ValueError, match="cadence"):
        batch_id_of(datetime(2019, 11, 24, tzinfo=UTC), cadence)
