"""Updates against a real PostgreSQL: one version per batch, whatever the order and the waker."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from include.contract.published import Published
from include.contract.weights import BUCKETS, AssignmentMode, derive_salt
from include.settings import Settings
from include.stores.reports.batches import closed_batches
from include.stores.reports.connection import connect
from include.stores.reports.experiments import read
from include.stores.reports.weights import folded_batches, head, history
from include.tasks.update import build_snapshot, update_experiment
from include.tasks.update_steps import next_step
from tests.support.declared import NOON, experiment, observe, registered

pytestmark = pytest.mark.services

DAYS = [f"2019-11-{day}" for day in range(24, 31)]
CLICKS = {day: [day_of % 3, 2, day_of] for day_of, day in enumerate(DAYS)}
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def shop(database: Settings) -> Settings:
    """A database with the experiment and nothing learned."""
    registered(database, experiment())
    return database


def learn(settings: Settings, days: list[str], observed_at: datetime = NOON) -> None:
    for day in days:
        observe(settings, day, CLICKS[day], observed_at=observed_at)


def chain(settings: Settings) -> list[Published]:
    with connect(settings) as connection:
        return history(connection, "shop")


def rows(settings: Settings, table: str) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        return connection.execute(f"select * from allot.{table} order by 1, 2, 3, 4, 5").fetchall()


def test_each_closed_batch_becomes_one_version_in_order(shop: Settings) -> None:
    learn(shop, DAYS)
    report = update_experiment(shop, "shop")
    assert (report.written, report.batch, report.folded) == (tuple(range(1, 8)), DAYS[-1], 7)
    versions = chain(shop)
    assert [version.content.batch for version in versions] == [None, *DAYS]
    hashes = [version.content_hash for version in versions]
    assert [version.content.parent for version in versions[1:]] == hashes[:-1]


def test_nothing_new_writes_nothing(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    before = [rows(shop, table) for table in ("weights_snapshot", "allocation")]
    learn(shop, DAYS, LATER)
    assert update_experiment(shop, "shop").written == ()
    assert [rows(shop, table) for table in ("weights_snapshot", "allocation")] == before


def test_the_history_shows_each_day(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    with connect(shop) as connection:
        found = connection.execute(
            "select reason, explanation from allot.allocation_event order by version"
        ).fetchall()
        learned = connection.execute(
            "select version, n, sum_r, (parameters ->> 'alpha')::float, mean"
            " from allot.posterior_snapshot where arm = 2 order by version"
        ).fetchall()
    assert [reason for reason, _ in found] == ["created", *["batch"] * 7]
    assert found[1][1].startswith(
        "Batch 2019-11-24 closed with 300 observations and a reward sum of 2."
    )
    # Day d brings 100 views and d clicks on arm 2; the prior is Beta(1, 1).
    clicks = [sum(range(day + 1)) for day in range(7)]
    expected = [
        (day + 1, 100.0 * (day + 1), float(k), 1.0 + k, (1 + k) / (2 + 100 * (day + 1)))
        for day, k in enumerate(clicks)
    ]
    assert [tuple(row[:4]) for row in learned] == [row[:4] for row in expected]
    assert [row[4] for row in learned] == pytest.approx([row[4] for row in expected], rel=1e-15)


def test_the_trail_ends_in_the_published_buckets(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    newest, before = chain(shop)[-1], chain(shop)[-2]
    with connect(shop) as connection:
        found = connection.execute(
            "select arm, buckets, live_buckets, limits from allot.allocation"
            " where version = 7 order by arm"
        ).fetchall()
    assert tuple(row[1] for row in found) == newest.content.buckets()
    assert tuple(row[2] for row in found) == before.content.buckets()
    for _, buckets, _, limits in found:
        assert [step["limit"] for step in limits] == ["probability_floor", "buckets"]
        assert limits[-1]["share"] == buckets / BUCKETS


def test_a_restated_batch_leads_to_one_new_version_and_changes_none(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    before = chain(shop)
    observe(shop, DAYS[1], [50, 2, 1], observed_at=LATER)
    assert update_experiment(shop, "shop").written == (8,)
    after = chain(shop)
    assert after[:-1] == before
    assert after[-1].content.batch == DAYS[-1]
    assert after[-1].provenance["reason"] == "restatement"
    with connect(shop) as connection:
        row = connection.execute(
            "select restated::text[] from allot.allocation_event where version = 8"
        ).fetchone()
    assert row == ([DAYS[1]],)


def test_a_late_batch_leads_to_one_new_version(shop: Settings) -> None:
    learn(shop, [DAYS[0], DAYS[2], DAYS[3]])
    update_experiment(shop, "shop")
    learn(shop, [DAYS[1], DAYS[4]], LATER)
    # The late one first, as a restatement of what is known; then the new one.
    assert update_experiment(shop, "shop").written == (4, 5)
    assert [version.content.batch for version in chain(shop)[-2:]] == [DAYS[3], DAYS[4]]


def test_a_restatement_looks_at_what_was_live(database: Settings) -> None:
    registered(database, experiment(limits={"largest_shift": 0.05}))
    learn(database, DAYS)
    update_experiment(database, "shop")
    observe(database, DAYS[0], [90, 0, 0], observed_at=LATER)
    update_experiment(database, "shop")
    shares = [version.content.buckets() for version in chain(database)]
    moves = [
        max(abs(new - old) for old, new in zip(*pair, strict=True)) for pair in pairwise(shares)
    ]
    assert len(moves) == 8
    assert max(moves) == 500


def test_any_order_of_batches_ends_in_the_same_sums_posteriors_and_next_version(
    shop: Settings,
) -> None:
    learn(shop, DAYS)
    with connect(shop) as connection:
        parent = head(connection, "shop")
    update_experiment(shop, "shop")
    in_order = _posterior(shop)
    hashes = {_next_from(shop, parent)}
    for seed in range(3):
        shuffled = DAYS.copy()
        random.Random(seed).shuffle(shuffled)
        for minute, day in enumerate(shuffled):
            # Restated and put right again, in an order of its own.
            wrong, right = (LATER + timedelta(hours=seed, minutes=minute + m) for m in (0, 10))
            observe(shop, day, [9, 9, 9], observed_at=wrong)
            update_experiment(shop, "shop")
            observe(shop, day, CLICKS[day], observed_at=right)
        update_experiment(shop, "shop")
        assert _posterior(shop) == in_order
        hashes.add(_next_from(shop, parent))
    assert len(hashes) == 1


def _next_from(settings: Settings, parent: Published) -> str:
    """Name the version that would follow a parent, from all that is known now."""
    with connect(settings) as connection:
        revision = read(connection, "shop")
        closed = closed_batches(connection, revision.experiment)
        step = next_step(closed, closed, revised=True)
        assert step is not None
        return build_snapshot(connection, revision, parent, step, {}).content.hash()


def _posterior(settings: Settings) -> list[tuple[object, ...]]:
    with connect(settings) as connection:
        return connection.execute(
            "select arm, n, sum_r, parameters::text, mean, sd from allot.posterior_snapshot"
            " where version = (select max(version) from allot.weights_snapshot) order by arm"
        ).fetchall()


def test_a_backfill_starts_only_on_batches_that_had_ended(shop: Settings) -> None:
    learn(shop, DAYS)
    written = []
    for day in range(24, 31):
        end = datetime(2019, 11, day, tzinfo=UTC) + timedelta(days=1)
        written.append(update_experiment(shop, "shop", until=end).written)
    assert written == [(version,) for version in range(1, 8)]


def test_backfilling_backwards_publishes_each_batch_once(shop: Settings) -> None:
    learn(shop, DAYS)
    ends = [datetime(2019, 11, day, tzinfo=UTC) + timedelta(days=1) for day in range(30, 23, -1)]
    written = [update_experiment(shop, "shop", until=end).written for end in ends]
    assert written == [tuple(range(1, 8)), *[()] * 6]


def test_updates_at_once_write_one_chain(shop: Settings) -> None:
    learn(shop, DAYS)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: update_experiment(shop, "shop"), range(4)))
    assert {report.head for report in reports} == {7}
    assert sorted(v for report in reports for v in report.written) == list(range(1, 8))
    assert [version.content.batch for version in chain(shop)] == [None, *DAYS]
    assert len(rows(shop, "allocation")) == 8 * 3


def test_another_revision_leads_to_one_version(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    revision = registered(shop, experiment(limits={"probability_floor": 0.2}))
    assert update_experiment(shop, "shop").written == (8,)
    newest = chain(shop)[-1].content
    assert (newest.revision, newest.batch) == (revision.revision_hash, DAYS[-1])
    assert min(newest.buckets()) >= 2000


def test_a_new_arm_enters_at_the_floor(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    registered(shop, experiment(arms=[*experiment().arms, "item-3"]))
    update_experiment(shop, "shop")
    newest = chain(shop)[-1].content
    assert newest.arms[-1] == "item-3"
    assert newest.buckets()[-1] >= 500
    with connect(shop) as connection:
        row = connection.execute(
            "select live_buckets from allot.allocation where version = 8 and arm_id = 'item-3'"
        ).fetchone()
    assert row == (None,)


@pytest.mark.parametrize("mode", ["rerandomise", "nested"])
def test_units_are_drawn_afresh_or_stay_where_they_were(
    database: Settings, mode: AssignmentMode
) -> None:
    registered(database, experiment(assignment=mode))
    learn(database, DAYS)
    update_experiment(database, "shop")
    versions = chain(database)
    salts = {version.content.salt for version in versions}
    assert len(salts) == (1 if mode == "nested" else 8)
    newest = versions[-1].content
    expected = derive_salt(mode, "shop", newest.revision, newest.parent, newest.batch)
    assert newest.salt == expected


def test_every_version_can_be_computed_again_from_what_it_names(shop: Settings) -> None:
    learn(shop, DAYS)
    update_experiment(shop, "shop")
    observe(shop, DAYS[1], [50, 2, 1], observed_at=LATER)
    update_experiment(shop, "shop")
    versions = chain(shop)
    with connect(shop) as connection:
        revision = read(connection, "shop")
        for parent, version in pairwise(versions):
            folded = folded_batches(connection, "shop", version.version)
            step = next_step(folded, folded, revised=True)
            assert step is not None
            again = build_snapshot(connection, revision, parent, step, {})
            assert again.content.canonical() == version.content.canonical()


def test_a_batch_without_observations_is_a_batch(shop: Settings) -> None:
    from include.stores.reports.statistics import write_batch_statistics

    write_batch_statistics(shop, "shop", DAYS[0], [], lake_version=1, observed_at=NOON)
    assert update_experiment(shop, "shop").written == (1,)
    assert sum(chain(shop)[-1].content.buckets()) == BUCKETS
