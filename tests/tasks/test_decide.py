"""The decision step on a real PostgreSQL: rows once, answers once, and history that stays."""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.errors import NoFeedbackError
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.decisions import Key, open_question, undecided
from include.stores.reports.experiments import read, revisions
from include.stores.reports.lifecycle import change_state, state_of
from include.stores.reports.weights import history
from include.tasks.decide.answer import answer, end_automatically
from include.tasks.decide.follow import form, questions, report_decisions
from include.tasks.decide.planning import plan_declared
from include.tasks.decide.step import decide_experiment
from include.tasks.experiments import sync_experiment
from include.tasks.judgement.store import judge_and_store
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.silver import BATCHES

pytestmark = pytest.mark.services

BETTER = ([20, 22, 60], [21, 20, 62], [22, 21, 58])
FLAT = ([50, 50, 50], [50, 50, 50], [50, 50, 50])
WORSE = ([60, 20, 22], [62, 20, 21], [58, 21, 22])
WHEN = datetime(2026, 1, 11, 9, tzinfo=UTC)


def declared(**verdict: Any) -> Experiment:
    rules = {"minimum_days": 2, "minimum_units": 100, "minimum_uplift": 0.1}
    return experiment(control="item-0", verdict=rules | verdict)


def fed(settings: Settings, clicks: Sequence[Sequence[int]], **verdict: Any) -> Settings:
    registered(settings, declared(**verdict))
    for batch, counts in zip(BATCHES, clicks, strict=True):
        observe(settings, batch, counts)
    update_experiment(settings, "shop")
    return settings


def rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


def decide(settings: Settings) -> Key:
    return decide_experiment(settings, "shop", dag_run="manual", code_revision="abc").stored.key


def approve(settings: Settings, key: Key, by: str = "ana") -> Any:
    return answer(
        settings,
        key,
        "approved",
        answered_by=by,
        reason="convincing",
        dag_run="manual",
        answered_at=WHEN,
    )


def chain(settings: Settings) -> list[tuple[int, str]]:
    with connect(settings) as connection:
        return [(one.version, one.content_hash) for one in history(connection, "shop")]


@pytest.mark.parametrize(
    ("clicks", "kind", "arm"), [(BETTER, "ship", "item-2"), (WORSE, "stop_harm", None)]
)
def test_the_row_says_what_follows_and_why(
    database: Settings, clicks: list[list[int]], kind: str, arm: str | None
) -> None:
    fed(database, clicks)
    decide(database)
    (row,) = rows(database, "select * from allot.recommendations")
    assert (row["recommendation"], row["arm_id"], row["status"]) == (
        kind,
        arm,
        "waits for a person",
    )
    checks = rows(database, "select * from allot.recommendation_checks")
    rule = kind.removeprefix("stop_")
    deciding = [
        c for c in checks if c["rule"] == rule and c["arm_id"] in (None, arm or c["arm_id"])
    ]
    assert len(deciding) >= 4
    assert {check["state"] for check in deciding} == {"met"}
    evidence = {
        row["arm_id"]: row
        for row in rows(database, "select * from allot.verdict_evidence where family = 'control'")
    }
    ends = {"lower_end": "lo", "upper_end": "hi"}
    for check in (check for check in checks if check["condition"] in ends):
        assert check["value"] == evidence[check["arm_id"]][ends[check["condition"]]]


def test_the_threshold_is_the_declared_share_of_the_control(database: Settings) -> None:
    fed(database, BETTER)
    decide(database)
    checks = rows(database, "select * from allot.recommendation_checks where condition = 'uplift'")
    control = sum(counts[0] for counts in BETTER) / 300
    assert [check["threshold"] for check in checks] == [pytest.approx(0.1 * control)] * 2


def test_nothing_to_see_keeps_running_until_the_longest_duration(database: Settings) -> None:
    fed(database, FLAT, maximum_days=4)
    key = decide(database)
    assert rows(database, "select kind from allot.recommendation") == [{"kind": "keep_running"}]
    assert questions(database, [_row(key, "keep_running")]) == []
    observe(database, "2019-11-27", [50, 50, 50])
    decide(database)
    (row,) = rows(database, "select * from allot.recommendations")
    assert (row["recommendation"], row["days"]) == ("stop_duration", 4)


def test_repeating_and_two_at_once_write_one_row(database: Settings) -> None:
    fed(database, BETTER)
    at_once(lambda: decide(database))
    decide(database)
    assert len(rows(database, "select * from allot.recommendation")) == 1


def test_a_judgement_at_another_level_is_not_what_ships(database: Settings) -> None:
    fed(database, BETTER)
    judge_and_store(database, "shop", dag_run="form", code_revision="abc", alpha=0.4)
    key = decide(database)
    found = rows(
        database,
        f"select alpha from allot.judgement where statistics_hash = '{key.judgement_hash}'",
    )
    assert found == [{"alpha": 0.05}]


def test_units_that_were_lost_block_shipping(database: Settings) -> None:
    from dataclasses import replace

    from include.stores.reports.statistics import write_batch_statistics
    from tests.support.declared import NOON, sums

    registered(database, declared())
    for batch in BATCHES:
        lost = [replace(r, n=700) if r.arm == 1 else r for r in sums([50, 50, 400], views=1000)]
        write_batch_statistics(database, "shop", batch, lost, lake_version=1, observed_at=NOON)
    decide(database)
    (row,) = rows(database, "select * from allot.recommendations")
    assert row["recommendation"] == "keep_running"
    states = rows(
        database,
        "select state from allot.recommendation_checks where condition = 'sample_ratio'",
    )
    assert {one["state"] for one in states} == {"not met"}


def test_before_the_first_batch_there_is_nothing_to_decide(database: Settings) -> None:
    registered(database, declared())
    with pytest.raises(NoFeedbackError, match="nothing to decide"):
        decide(database)


def test_an_approval_ends_the_experiment_with_its_winner(database: Settings) -> None:
    fed(database, BETTER)
    key, before = decide(database), chain(database)
    told = approve(database, key)
    update_experiment(database, "shop")
    with connect(database) as connection:
        assert state_of(connection, "shop") == "concluded"
        ended = read(connection, "shop")
        assert undecided(connection) == []
        newest = history(connection, "shop")[-1]
    assert (ended.number, ended.submitted_by) == (told.revision, "ana")
    assert "convincing" in ended.reason
    assert ended.experiment.policy.name == "fixed"
    assert ended.experiment.default_arm == "item-2"
    assert newest.content.buckets("*", 0) == (0, 0, 10_000)
    assert chain(database)[: len(before)] == before
    (row,) = rows(database, "select * from allot.recommendations")
    assert (row["status"], row["answered_by"], row["answered_at"]) == ("ended", "ana", WHEN)


def test_floor_and_holdout_stay_where_declared_and_go_on_being_drawn(database: Settings) -> None:
    fed(database, BETTER, floor_after=0.01, holdout_share=0.05)
    approve(database, decide(database))
    update_experiment(database, "shop")
    with connect(database) as connection:
        assert state_of(connection, "shop") == "running"
        assert undecided(connection) == []
        buckets = history(connection, "shop")[-1].content.buckets("*", 0)
    assert buckets[0] == 500
    assert 100 <= buckets[1] < buckets[2]


def test_a_stop_goes_back_to_the_default_shares(database: Settings) -> None:
    fed(database, WORSE)
    approve(database, decide(database))
    update_experiment(database, "shop")
    with connect(database) as connection:
        assert state_of(connection, "shop") == "concluded"
        kept = history(connection, "shop")
    assert kept[-1].content.buckets("*", 0) == kept[0].content.buckets("*", 0)


def test_a_rejection_is_kept_and_the_next_batch_asks_again(database: Settings) -> None:
    fed(database, BETTER)
    key = decide(database)
    answer(database, key, "rejected", answered_by="ben", reason="wait for sunday", dag_run="manual")
    with connect(database) as connection:
        assert open_question(connection, "shop") is None
        assert undecided(connection) == ["shop"]
        assert len(revisions(connection, "shop")) == 1
    observe(database, "2019-11-27", [21, 20, 61])
    again = decide(database)
    assert again != key
    assert questions(database, [_row(again, "ship")]) == [again]
    (row,) = rows(database, "select * from allot.verdict_answer")
    assert (row["answer"], row["answered_by"], row["reason"]) == (
        "rejected",
        "ben",
        "wait for sunday",
    )


def test_what_waits_is_asked_once_not_every_day(database: Settings) -> None:
    fed(database, BETTER)
    first = decide(database)
    observe(database, "2019-11-27", [21, 20, 61])
    assert questions(database, [_row(decide(database), "ship")]) == [first]


def test_two_answers_at_once_end_as_one(database: Settings) -> None:
    fed(database, BETTER)
    key = decide(database)
    given: list[Any] = []
    at_once(lambda: given.append(approve(database, key, by=threading.current_thread().name)))
    assert given[0] == given[1]
    with connect(database) as connection:
        assert len(revisions(connection, "shop")) == 2
    approve(database, key)
    assert len(rows(database, "select * from allot.verdict_answer")) == 1


def test_an_approval_of_what_has_ended_is_superseded(database: Settings) -> None:
    fed(database, BETTER)
    key = decide(database)
    with connect(database) as connection:
        change_state(connection, "shop", "concluded", changed_by="cem", reason="season is over")
        connection.commit()
    assert approve(database, key).answer == "superseded"
    with connect(database) as connection:
        assert len(revisions(connection, "shop")) == 1


def test_automatic_needs_nobody(database: Settings) -> None:
    fed(database, BETTER, ship="automatic")
    key = decide(database)
    assert questions(database, [_row(key, "ship", automatic=True)]) == []
    assert end_automatically(database, key, dag_run="manual").revision == 2


def test_an_old_batch_restated_after_the_verdict_changes_no_history(database: Settings) -> None:
    fed(database, BETTER)
    approve(database, decide(database))
    update_experiment(database, "shop")
    tables = ("recommendation", "verdict_answer", "experiment_revision", "weights_snapshot")
    before = {t: rows(database, f"select * from allot.{t} order by 1, 2, 3") for t in tables}
    shares = _live(database)
    observe(database, BATCHES[0], [90, 5, 1])
    update_experiment(database, "shop")
    judge_and_store(database, "shop", dag_run="backfill", code_revision="abc")
    for table in tables:
        now = rows(database, f"select * from allot.{table} order by 1, 2, 3")
        assert now[: len(before[table])] == before[table]
    assert _live(database) == shares


@pytest.mark.parametrize("table", ["recommendation", "verdict_answer", "experiment_plan"])
def test_rows_cannot_be_changed(database: Settings, table: str) -> None:
    fed(database, BETTER)
    plan_declared(database)
    approve(database, decide(database))
    with connect(database) as connection:
        assert connection.execute(f"select 1 from allot.{table}".encode()).fetchall()
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(f"delete from allot.{table}".encode())


def test_the_form_shows_the_evidence_as_a_table(database: Settings) -> None:
    fed(database, BETTER)
    key = decide(database)
    shown = form(database, key)
    assert shown is not None
    assert shown["subject"] == "shop: ship item-2?"
    (evidence,) = rows(
        database,
        "select * from allot.verdict_evidence where family = 'control' and arm_id = 'item-2'",
    )
    assert f"{evidence['lo']:.4g}" in shown["body"]
    assert shown["body"].count("\n|") >= 10
    assert "not met" not in shown["body"]
    approve(database, key)
    assert form(database, key) is None


def test_the_file_of_an_ended_experiment_is_left_alone(database: Settings, tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text(TOML)
    settings = database.model_copy(update={"experiments_dir": tmp_path})
    sync_experiment(settings, "shop", submitted_by="tests")
    for batch, counts in zip(BATCHES, BETTER, strict=True):
        observe(settings, batch, counts)
    approve(settings, decide(settings))
    assert "verdict ended it" in sync_experiment(settings, "shop", submitted_by="tests")


def test_creation_warns_where_power_is_low_and_stays_silent_where_it_is_not(
    database: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # The API, served in the same process by an earlier test, sets the level of all logs.
    caplog.set_level(logging.WARNING)
    for slug, traffic in (("weak", 100), ("strong", 20_000)):
        expected = {"base_rate": 0.05, "traffic": traffic}
        registered(
            database, experiment(slug=slug, verdict={"minimum_uplift": 0.2, "planned": expected})
        )
    registered(database, experiment(slug="silent"))
    plans = plan_declared(database)
    assert plan_declared(database) == {}
    assert "power" in plans["weak"].warning
    assert plans["weak"].power is not None
    assert plans["weak"].power < 0.5
    assert "weak: the planner gives" in caplog.text
    assert plans["strong"].warning == ""
    assert plans["strong"].maximum_days == 28
    assert (plans["silent"].power, plans["silent"].maximum_days) == (None, 28)


def test_a_run_names_what_failed() -> None:
    row = _row(Key("a", "2026-01-01", "0" * 64), "ship")
    with pytest.raises(Exception, match=r"1 of 2 experiments were decided on; failed: b\."):
        report_decisions(["a", "b"], [row])
    report_decisions(["a"], [row])


TOML = """
slug = "shop"
title = "a shop"
owner = "tests"
arms = ["item-0", "item-1", "item-2"]
control = "item-0"
source = { kind = "open_bandit", campaign = "men" }
verdict = { minimum_days = 2, minimum_uplift = 0.1 }
"""


def _row(key: Key, kind: str, *, automatic: bool = False) -> Any:
    return {**key._asdict(), "kind": kind, "arm": "item-2", "automatic": automatic}


def _live(settings: Settings) -> tuple[int, ...]:
    with connect(settings) as connection:
        return history(connection, "shop")[-1].content.buckets("*", 0)


def at_once(call: Callable[[], object]) -> None:
    """Run a call in two threads that start together."""
    gate = threading.Barrier(2)

    def run(_: int) -> None:
        gate.wait()
        call()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(run, range(2)))
