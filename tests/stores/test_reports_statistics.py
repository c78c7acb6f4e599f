"""Statistics against a real PostgreSQL: written by content, superseded, never counted twice."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import numpy as np
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.errors import LineageError, UnknownExperimentError
from include.settings import Settings
from include.stores.reports.batches import closed_batches, read_statistics
from include.stores.reports.connection import connect
from include.stores.reports.statistics import (
    StatisticsRow,
    statistics_hash,
    statistics_hash_over_closed,
    write_batch_statistics,
)
from include.stores.reports.sums import BatchReference
from tests.support.declared import NOON, experiment, observe, registered, sums

floats = st.floats(allow_nan=False, allow_infinity=False)


@given(value=floats, order=st.randoms())
def test_equal_sums_have_one_name_in_any_order(value: float, order: random.Random) -> None:
    rows = [replace(row, sum_r=value) for row in sums([1, 2, 3, 4])]
    shuffled = rows.copy()
    order.shuffle(shuffled)
    plain = statistics_hash("shop", "2019-11-24", rows)
    assert statistics_hash("shop", "2019-11-24", shuffled) == plain
    as_numpy = [replace(row, sum_r=np.float64(value)) for row in rows]
    assert statistics_hash("shop", "2019-11-24", as_numpy) == plain


def test_the_smallest_change_of_a_sum_changes_the_name() -> None:
    rows = sums([1, 2])
    changed = [replace(rows[0], sum_ip=float(np.nextafter(rows[0].sum_ip, np.inf))), rows[1]]
    assert statistics_hash("shop", "2019-11-24", rows) != statistics_hash(
        "shop", "2019-11-24", changed
    )


def test_the_name_over_closed_batches_does_not_depend_on_their_order() -> None:
    batches = [BatchReference(f"2019-11-2{day}", str(day) * 64) for day in range(4, 9)]
    names = {statistics_hash_over_closed("shop", order) for order in (batches, batches[::-1])}
    assert len(names) == 1
    assert names != {statistics_hash_over_closed("shop", batches[1:])}


@pytest.mark.services
class TestInPostgres:
    @pytest.fixture(autouse=True)
    def _shop(self, database: Settings) -> None:
        registered(database, experiment())

    def test_what_is_written_is_read_to_the_bit(self, database: Settings) -> None:
        row = StatisticsRow(
            *("random", 0, 1, "*", 3, 0.1 + 0.2, 1 / 3, 1e17 + 2, 1e300, -0.1, 5e-324, 2.0)
        )
        batch = write_batch_statistics(
            database, "shop", "2019-11-24", [row], lake_version=4, observed_at=NOON
        )
        with connect(database) as connection:
            read = read_statistics(connection, experiment(), [batch])["*"]
        assert read.n.tolist() == [[[0, 3, 0]]]
        assert [float(getattr(read, name)[0, 0, 1]) for name in ("sum_r", "sum_r2_ip2")] == [
            *(0.1 + 0.2, 2.0)
        ]
        assert float(read.sum_r_ip2[0, 0, 1]) == 5e-324

    def test_the_same_batch_twice_is_counted_once(self, database: Settings) -> None:
        first = observe(database, "2019-11-24", [1, 2, 3])
        assert observe(database, "2019-11-24", [1, 2, 3]) == first
        assert _counts(database) == (1, 3)

    def test_a_restatement_supersedes_and_keeps(self, database: Settings) -> None:
        old = observe(database, "2019-11-24", [1, 2, 3])
        later = NOON + timedelta(hours=1)
        new = observe(database, "2019-11-24", [1, 2, 4], observed_at=later)
        with connect(database) as connection:
            assert closed_batches(connection, experiment()) == [new]
            audited = read_statistics(connection, experiment(), [old, new])["*"]
        assert audited.sum_r.tolist() == [[[1.0, 2.0, 3.0]], [[1.0, 2.0, 4.0]]]

    def test_sums_that_return_count_again(self, database: Settings) -> None:
        for hours, clicks in enumerate(([1, 2, 3], [1, 2, 4], [1, 2, 3])):
            last = observe(
                database, "2019-11-24", clicks, observed_at=NOON + timedelta(hours=hours)
            )
        with connect(database) as connection:
            assert closed_batches(connection, experiment()) == [last]
        assert _counts(database) == (2, 6)

    def test_a_task_that_outlives_its_retry_does_not_bring_back_old_sums(
        self, database: Settings
    ) -> None:
        new = observe(database, "2019-11-24", [1, 2, 4], observed_at=NOON + timedelta(hours=1))
        observe(database, "2019-11-24", [1, 2, 3], observed_at=NOON)
        with connect(database) as connection:
            assert closed_batches(connection, experiment()) == [new]

    def test_writers_at_once_leave_one_current_statement(self, database: Settings) -> None:
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda k: observe(database, "2019-11-24", [k % 2, 2, 3]), range(16)))
        with connect(database) as connection:
            assert len(closed_batches(connection, experiment())) == 1
        assert _counts(database) == (2, 6)

    def test_a_batch_closes_when_it_was_read_after_its_reward_window(
        self, database: Settings
    ) -> None:
        shop = experiment(reward={"window": "PT6H"})
        registered(database, shop)
        # The batch of the 9th ends at midnight; its last reward may occur at 06:00 on the 10th.
        early, late = (NOON.replace(hour=hour) for hour in (5, 6))
        observe(database, "2026-01-09", [1, 2, 3], observed_at=early)
        with connect(database) as connection:
            assert closed_batches(connection, shop) == []
        batch = observe(database, "2026-01-09", [1, 2, 3], observed_at=late)
        with connect(database) as connection:
            assert closed_batches(connection, shop) == [batch]

    def test_an_unknown_experiment_is_named(self, database: Settings) -> None:
        with pytest.raises(UnknownExperimentError, match="'nobody' is not registered"):
            observe(database, "2019-11-24", [1, 2, 3], slug="nobody")

    def test_only_the_log_to_learn_from_is_folded(self, database: Settings) -> None:
        rows = [*sums([1, 2, 3]), *(replace(row, version="bts") for row in sums([9, 9, 9]))]
        batch = write_batch_statistics(
            database, "shop", "2019-11-24", rows, lake_version=1, observed_at=NOON
        )
        with connect(database) as connection:
            read = read_statistics(connection, experiment(), [batch])["*"]
        assert read.sum_r.tolist() == [[[1.0, 2.0, 3.0]]]

    def test_tampered_sums_are_refused(self, database: Settings) -> None:
        batch = observe(database, "2019-11-24", [1, 2, 3])
        with connect(database) as connection:
            connection.execute("alter table allot.arm_statistics disable trigger immutable")
            connection.execute("update allot.arm_statistics set sum_r = 4 where arm = 0")
            with pytest.raises(LineageError, match="2019-11-24 do not hash"):
                read_statistics(connection, experiment(), [batch])

    @pytest.mark.parametrize(
        "change",
        [
            {"n": 0},
            {"sum_r": float("nan")},
            {"sum_r_ip": float("inf")},
            {"sum_ip": 1.0},
            {"arm": -1},
            {"cohort": "<b>"},
            {"version": "'; drop"},
        ],
    )
    def test_sums_that_cannot_be_are_refused(
        self, database: Settings, change: dict[str, object]
    ) -> None:
        rows = [replace(sums([1, 2, 3])[0], **change)]  # type: ignore[arg-type]
        with pytest.raises((psycopg.errors.CheckViolation, ValueError)):
            write_batch_statistics(
                database, "shop", "2019-11-24", rows, lake_version=1, observed_at=NOON
            )
        assert _counts(database) == (0, 0)


def _counts(settings: Settings) -> tuple[int, int]:
    with connect(settings) as connection:
        row = connection.execute(
            "select (select count(*) from allot.batch_statistics),"
            " (select count(*) from allot.arm_statistics)"
        ).fetchone()
    assert row is not None
    return row[0], row[1]
