"""Guarding batches on a real PostgreSQL: what is stopped, what goes back, and who lets it go on."""

import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from include.bandit.rollback import rolled_back
from include.contract.published import Published
from include.errors import RollbackError
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import read
from include.stores.reports.lifecycle import change_state
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from include.tasks.audit.versions import version_findings
from include.tasks.guard import GuardReport, guard_experiment
from include.tasks.publish import publish_experiment
from include.tasks.rollback import release, roll_back
from include.tasks.update import update_experiment
from tests.support.declared import registered
from tests.support.guarded import batch_of_log, day, own, validated

pytestmark = pytest.mark.services

EVEN = (0.10, 0.10)
HARM = (0.10, 0.05)


@pytest.fixture
def shop(database: Settings) -> Settings:
    """A database with an experiment on the API's own decisions."""
    registered(database, own())
    return database


def guard(settings: Settings) -> GuardReport:
    return guard_experiment(settings, "shop", dag_run="test")


def step(settings: Settings, number: int, rates: Sequence[float] = EVEN) -> GuardReport:
    """One batch as the DAG takes it: sums, guard, update."""
    batch_of_log(settings, number, rates)
    report = guard(settings)
    update_experiment(settings, "shop", guarded=True)
    return report


def chain(settings: Settings) -> list[Published]:
    with connect(settings) as connection:
        return history(connection, "shop")


def reasons(settings: Settings) -> list[str]:
    return [str(version.provenance["reason"]) for version in chain(settings)]


def states(settings: Settings, number: int) -> dict[str, str]:
    with connect(settings) as connection:
        return dict(
            connection.execute(
                "select guardrail, state from allot.guardrail_result where batch_id = %s"
                " and number = (select max(number) from allot.guardrail_check where batch_id = %s)",
                (day(number), day(number)),
            ).fetchall()
        )


def test_a_sound_batch_is_judged_and_moves_weights(shop: Settings) -> None:
    report = step(shop, 0)
    assert (report.checked, report.action) == ((day(0),), "proceed")
    assert reasons(shop) == ["created", "batch"]
    assert states(shop, 0) == {
        "error_rate": "unknown",
        "latency": "unknown",
        "concentration": "pass",
        "exploration": "pass",
        "srm": "pass",
        "refused_share": "pass",
        "snapshot_age": "unknown",
        "inbox": "unknown",
        "reward_drop": "unknown",
    }


def test_unknown_blocks_promotion_but_moves_weights(shop: Settings) -> None:
    step(shop, 0)
    with connect(shop) as connection:
        row = connection.execute(
            "select action, promotable, explanation from allot.guardrail_check"
        ).fetchone()
    assert row is not None
    assert row[:2] == ("proceed", False)
    assert "error_rate unknown" in row[2]


def test_a_batch_that_nobody_judged_moves_nothing(shop: Settings) -> None:
    batch_of_log(shop, 0, EVEN)
    report = update_experiment(shop, "shop", guarded=True)
    assert report.written == ()
    assert report.stopped == f"batch {day(0)} was not judged yet by the guardrails"


def test_a_broken_log_is_stopped_before_it_moves_a_weight(shop: Settings) -> None:
    step(shop, 0)
    before = chain(shop)
    batch_of_log(shop, 1, EVEN, refused=300)
    assert guard(shop).action == "hold"
    assert update_experiment(shop, "shop", guarded=True).written == ()
    batch_of_log(shop, 2, EVEN)
    assert guard(shop).action == "hold"
    assert chain(shop) == before
    # Mended and validated again: the same sums pass, and what waited follows.
    validated(shop, 1, 10_000, 20)
    assert guard(shop).action == "proceed"
    assert update_experiment(shop, "shop", guarded=True).written == (2, 3)


def test_a_batch_without_a_validation_waits(shop: Settings) -> None:
    batch_of_log(shop, 0, EVEN)
    with transaction(shop) as connection:
        connection.execute("delete from allot.log_batch")
    assert guard(shop).action == "hold"
    assert states(shop, 0)["refused_share"] == "unknown"
    assert update_experiment(shop, "shop", guarded=True).written == ()


def test_units_that_do_not_arrive_as_published_hold_until_a_person_says_so(
    shop: Settings,
) -> None:
    step(shop, 0)
    batch_of_log(shop, 1, EVEN, arrive=(0.2, 0.8))
    report = guard(shop)
    assert report.action == "hold"
    assert "srm fail" in report.explanation
    assert update_experiment(shop, "shop", guarded=True).written == ()
    assert release(shop, "shop", by="ann", why="the cache is mended") == day(1)
    assert update_experiment(shop, "shop", guarded=True).written == (2,)
    # The evidence begins anew behind what was accepted.
    assert step(shop, 2).action == "proceed"
    assert states(shop, 2)["srm"] == "pass"


def test_what_is_judged_again_and_says_the_same_is_one_row(shop: Settings) -> None:
    batch_of_log(shop, 0, EVEN, refused=300)
    assert [guard(shop).action for _ in range(3)] == ["hold"] * 3
    with connect(shop) as connection:
        row = connection.execute("select count(*) from allot.guardrail_check").fetchone()
    assert row == (1,)


def harmed(settings: Settings) -> GuardReport:
    """Batches until harm is seen; the bandit has moved by then."""
    for number in range(6):
        report = step(settings, number, EVEN if number < 2 else HARM)
        if report.action != "proceed":
            return report
    pytest.fail("the harm was never seen")


def test_a_harm_goes_back_at_once_and_stays_held(shop: Settings) -> None:
    report = harmed(shop)
    assert report.action == "roll_back"
    assert "reward_drop fail" in report.explanation
    versions = chain(shop)
    assert versions[-1].version == report.version
    assert reasons(shop)[-1] == "rollback"
    assert versions[-1].content.buckets()[1] <= versions[-2].content.buckets()[1]
    # The batch that showed it was never folded, and later ones wait.
    assert versions[-1].content.batch == versions[-2].content.batch
    batch_of_log(shop, 10, HARM)
    assert guard(shop).explanation.startswith("publishing is held by test: reward_drop")
    assert update_experiment(shop, "shop", guarded=True).written == ()
    release(shop, "shop", by="ann", why="we know")
    assert update_experiment(shop, "shop", guarded=True).written != ()


def test_a_roll_back_can_be_recomputed_from_its_record(shop: Settings) -> None:
    harmed(shop)
    with connect(shop) as connection:
        experiment = read(connection, "shop").experiment
        row = connection.execute(
            "select version, restored from allot.allocation_event where reason = 'rollback'"
        ).fetchone()
        versions = history(connection, "shop")
    assert row is not None
    version, restored = row
    again = rolled_back(
        experiment,
        versions[version - 1].content,
        None if restored is None else versions[restored].content,
    )
    assert again.hash() == versions[version].content_hash
    with connect(shop) as connection:
        declared = {experiment.revision_hash(): read(connection, "shop")}
        assert list(version_findings(connection, versions, declared)) == []
    assert versions[version].content.parent == versions[version - 1].content_hash


def test_two_fails_roll_back_where_none_is_critical(database: Settings) -> None:
    registered(database, own(guardrails={"critical": []}))
    step(database, 0)
    batch_of_log(database, 1, EVEN, arrive=(0.2, 0.8), refused=500)
    report = guard(database)
    assert report.action == "roll_back"
    assert {"srm", "refused_share"} <= {
        name for name, state in states(database, 1).items() if state == "fail"
    }


def test_two_guards_at_once_roll_back_once(shop: Settings) -> None:
    for number in range(2):
        step(shop, number)
    for number in range(2, 6):
        batch_of_log(shop, number, HARM)
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: guard(shop), range(4)))
    assert [report.action for report in reports].count("roll_back") == 1
    assert reasons(shop).count("rollback") == 1


def test_two_people_roll_back_at_once_and_it_happens_once(shop: Settings) -> None:
    step(shop, 0)
    with ThreadPoolExecutor(4) as pool:
        done = list(
            pool.map(lambda by: roll_back(shop, "shop", to="default", by=by, why="a doubt"), "abcd")
        )
    assert sum(one.written for one in done) == 1
    assert {one.version for one in done} == {2}
    assert chain(shop)[-1].content.buckets() == (5000, 5000)


def test_an_update_that_runs_meanwhile_is_followed_not_fought(shop: Settings) -> None:
    for number in range(4):
        batch_of_log(shop, number, EVEN)
    guard(shop)
    with ThreadPoolExecutor(2) as pool:
        update = pool.submit(update_experiment, shop, "shop", guarded=True)
        back = pool.submit(roll_back, shop, "shop", to="default", by="ann", why="a doubt")
        update.result()
        done = back.result()
    versions = chain(shop)
    assert versions[-1].version == done.version
    assert reasons(shop).count("rollback") == 1
    hashes = [version.content_hash for version in versions]
    assert [version.content.parent for version in versions[1:]] == hashes[:-1]


def _killed_when_it_has_judged(settings: Settings) -> None:
    from include.tasks import guard as module

    def dies(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    module._roll_back = dies  # type: ignore[assignment]
    guard(settings)


def test_a_guard_that_is_killed_in_between_has_done_nothing(shop: Settings) -> None:
    for number in range(2):
        step(shop, number)
    for number in range(2, 6):
        batch_of_log(shop, number, HARM)
    process = multiprocessing.get_context("fork").Process(
        target=_killed_when_it_has_judged, args=(shop,)
    )
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert "rollback" not in reasons(shop)
    with connect(shop) as connection:
        held = connection.execute(
            "select (select count(*) from allot.publishing_hold),"
            " (select count(*) from allot.guardrail_check where action = 'roll_back')"
        ).fetchone()
    assert held == (0, 0)
    assert guard(shop).action == "roll_back"
    assert reasons(shop).count("rollback") == 1


def test_a_publisher_that_was_cut_off_never_undoes_a_roll_back(
    shop: Settings, store: Settings
) -> None:
    parts = shop.model_copy(update={"store_url": store.store_url})
    step(parts, 0)
    stale = chain(parts)
    roll_back(parts, "shop", to="default", by="ann", why="a doubt")
    publish_experiment(parts, "shop")
    # A publisher that had read its chain before the roll-back goes on only now.
    with WeightsStore(parts) as weights:
        for version in stale:
            weights.put(version)
        live = weights.publish(stale[-1])
        assert live == weights.pointer("shop") == chain(parts)[-1].pointer()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: publish_experiment(parts, "shop").live, range(4)))
    assert set(found) == {chain(parts)[-1].pointer()}


@pytest.mark.parametrize("state", ["paused", "concluded"])
def test_only_a_running_experiment_is_judged_and_updated(shop: Settings, state: str) -> None:
    batch_of_log(shop, 0, EVEN)
    with transaction(shop) as connection:
        change_state(connection, "shop", state, changed_by="ann", reason="a holiday")  # type: ignore[arg-type]
    assert guard(shop).explanation == f"it is {state}: a holiday"
    report = update_experiment(shop, "shop", guarded=True)
    assert (report.written, report.stopped) == ((), f"it is {state}: a holiday")


def test_restated_sums_that_do_not_pass_leave_the_former_ones_in_force(shop: Settings) -> None:
    for number in range(3):
        step(shop, number)
    before = chain(shop)
    batch_of_log(shop, 1, (0.3, 0.3), refused=400, later=timedelta(days=3))
    assert guard(shop).action == "hold"
    report = update_experiment(shop, "shop", guarded=True)
    assert report.stopped == f"batch {day(1)} was judged hold by the guardrails"
    assert chain(shop) == before
    batch_of_log(shop, 3, EVEN)
    guard(shop)
    assert update_experiment(shop, "shop", guarded=True).written == (4,)


@pytest.mark.parametrize(
    ("to", "fault"), [("v9", "has no version 'v9'"), ("yesterday", "has no version")]
)
def test_a_roll_back_to_nothing_is_refused(shop: Settings, to: str, fault: str) -> None:
    with pytest.raises(RollbackError, match=fault):
        roll_back(shop, "shop", to=to, by="ann", why="a doubt")


def test_a_roll_back_names_who_and_why(shop: Settings) -> None:
    with pytest.raises(RollbackError, match="who does it and why"):
        roll_back(shop, "shop", to="default", by=" ", why="a doubt")
