"""Judgements against a real PostgreSQL: stored once, read by the views, shown as a run."""

from dataclasses import replace
from typing import Any

import pytest
from psycopg.rows import dict_row

from include.errors import NoFeedbackError
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.judgement import newest_judgement, read_judgement
from include.stores.tracking_content import points
from include.tasks.judge import judge_experiment
from include.tasks.judgement.store import decide_portfolio, judge_and_store
from include.tasks.judgement.track import content_of
from tests.support.declared import experiment, observe, registered
from tests.support.silver import BATCHES

pytestmark = pytest.mark.services

TABLES = (
    "judgement",
    "verdict",
    "confidence_sequence",
    "exact_sequence",
    "readout",
    "arm_belief",
    "fixed_time_interval",
)
CLICKS = ([10, 12, 60], [9, 12, 62], [11, 9, 58])


def _rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


@pytest.fixture(params=["item-0", None], ids=["control", "no control"])
def judged(database: Settings, request: pytest.FixtureRequest) -> Settings:
    registered(database, experiment(control=request.param))
    for batch, clicks in zip(BATCHES, CLICKS, strict=True):
        observe(database, batch, clicks)
    judge_and_store(database, "shop", dag_run="manual", code_revision="abc")
    return database


def test_twice_is_once(judged: Settings) -> None:
    kept = {t: _rows(judged, f"select * from allot.{t}") for t in TABLES}
    judge_and_store(judged, "shop", dag_run="manual", code_revision="abc")
    again = {t: _rows(judged, f"select * from allot.{t}") for t in TABLES}
    for table in TABLES:
        assert kept[table]
        for row in (*kept[table], *again[table]):
            row.pop("judged_at", None)
        assert sorted(map(str, kept[table])) == sorted(map(str, again[table]))


def test_the_evidence_is_that_of_the_judgement(judged: Settings) -> None:
    said: Any = judge_experiment(judged, "shop")["positions"]
    rows = _rows(judged, "select * from allot.verdict_evidence")
    assert {row["verdict"] for row in rows} == {"ship: item-2"}
    assert {row["verdict_p_value"] for row in rows} == {said[0]["p_value"]}
    assert said[0]["p_value"] < 0.05
    best = {row["arm_id"]: row for row in rows if row["family"] == "best"}
    assert best["item-2"]["answer"] == "better"
    assert best["item-2"]["lo"] > 0
    assert best["item-2"]["equal_lo"] is not None
    assert sum(row["best_probability"] for row in best.values()) == pytest.approx(1.0)
    effects = {row["arm_id"]: row for row in rows if row["family"] == "control"}
    for effect in said[0]["effects"]:
        row = effects[effect["arm"]]
        assert (row["answer"], row["estimate"]) == (effect["answer"], effect["estimate"])
        assert (row["lo"], row["hi"]) == (effect["lower"], effect["upper"])
        naive = said[0]["fixed_time"]["naive"][effect["arm"]]
        assert (row["naive_lo"], row["reference"]) == (naive["lower"], "control")
    if not effects:
        assert {row["reference"] for row in rows if row["reference"]} == {"leader"}


def test_every_look_is_there_and_the_unknown_ones_say_why(judged: Settings) -> None:
    query = "select * from allot.confidence_sequences where family = 'best' and method = {}"
    rows = _rows(judged, query.format("'asymptotic'"))
    assert {(row["look"], row["batch_id"]) for row in rows} == set(enumerate(BATCHES, 1))
    assert all(row["known"] == (row["reason"] == "") for row in rows)
    for arm in ("item-0", "item-1", "item-2"):
        own = sorted((row for row in rows if row["arm_id"] == arm), key=lambda row: row["look"])
        assert [row["p_value"] for row in own] == sorted((r["p_value"] for r in own), reverse=True)


@pytest.mark.parametrize("method", ["betting", "empirical-bernstein"])
def test_sequences_without_approximation_stand_beside_and_only_narrow(
    judged: Settings, method: str
) -> None:
    query = f"select * from allot.confidence_sequences where method = '{method}' order by look"
    rows = _rows(judged, query)
    control = any(row["family"] == "control" for row in rows)
    asymptotic = _rows(judged, "select * from allot.confidence_sequence where family = 'control'")
    assert control == bool(asymptotic)
    for family, arm in {(row["family"], row["arm_id"]) for row in rows}:
        own = [row for row in rows if (row["family"], row["arm_id"]) == (family, arm)]
        assert [row["look"] for row in own] == [1, 2, 3]
        lower = [row["lo"] for row in own]
        assert lower == sorted(lower)
        assert all((row["hi"] is None) == (family == "best") for row in own)
    best = {r["arm_id"]: r["lo"] for r in rows if (r["family"], r["look"]) == ("best", 3)}
    assert max(best, key=lambda arm: best[arm]) == "item-2"
    # 180 of 300 against 35: betting is sure without any approximation.
    assert method != "betting" or best["item-2"] > 0


def test_the_winner_is_read_out_by_what_allows_for_its_having_been_picked(judged: Settings) -> None:
    rows = _rows(judged, "select * from allot.winner_readout")
    assert {(row["arm_id"], row["picked"]) for row in rows} == {("item-2", "winner")}
    assert {row["basis"] for row in rows} == {"sequence", "uniform log"}
    against = {row["against"] for row in rows}
    assert against in ({"item-0"}, {"item-0", "item-1"})
    truth = {"item-0": 0.6 - 0.1, "item-1": 0.6 - 0.12}
    for row in rows:
        assert row["lo"] < row["naive_estimate"] < row["hi"]
        assert row["naive_estimate"] == pytest.approx(truth[row["against"]], abs=0.02)


def test_judgements_before_the_newest_keep_their_newest_look_alone(database: Settings) -> None:
    registered(database, experiment(control="item-0"))
    for batch, clicks in zip(BATCHES, CLICKS, strict=True):
        observe(database, batch, clicks)
        judge_and_store(database, "shop", dag_run="manual", code_revision="abc")
    for table, look in (
        ("confidence_sequence", "look"),
        ("exact_sequence", "look"),
        ("sample_ratio", "step"),
    ):
        query = f"select distinct batch_id, {look} from allot.{table}"
        found = sorted((row["batch_id"], row[look]) for row in _rows(database, query))
        # Rows grow with the batches, not with their square.
        assert found == [
            (BATCHES[0], 1),
            (BATCHES[1], 2),
            *((BATCHES[2], look) for look in (1, 2, 3)),
        ], table
    assert len(_rows(database, "select * from allot.verdict")) == 3


def test_a_restated_batch_is_another_judgement_and_the_views_show_it(judged: Settings) -> None:
    observe(judged, BATCHES[-1], [0, 0, 0])
    judge_and_store(judged, "shop", dag_run="later", code_revision="abc")
    assert len(_rows(judged, "select * from allot.judgement")) == 2
    rows = _rows(judged, "select * from allot.confidence_sequences where look = 3")
    (stored,) = _rows(judged, "select v.* from allot.judgement as v where dag_run = 'later'")
    with connect(judged) as connection:
        assert newest_judgement(connection, "shop") == (
            stored["batch_id"],
            stored["statistics_hash"],
        )
    assert rows


def test_a_run_steps_by_look_and_draws_each_family(judged: Settings) -> None:
    with connect(judged) as connection:
        name = newest_judgement(connection, "shop")
        assert name is not None
        content = content_of(read_judgement(connection, "shop", *name))
    steps = {
        step for metric, step, _ in points(content) if metric == "sequence_estimate/best/0/item-2"
    }
    assert steps == {1, 2, 3}
    assert content.tags["winner.0"] == "item-2"
    assert {metric for metric, _, _ in points(content)} >= {
        "sequence_lo_betting/best/0/item-2",
        "sequence_lo_empirical_bernstein/best/0/item-2",
        "readout_lo/sequence/0/item-2/item-0",
    }
    assert "confidence_sequence_best_0" in content.figures
    for figure in content.figures.values():
        assert figure.axes[0].lines


def test_units_that_were_lost_are_named_with_their_arm(database: Settings) -> None:
    from include.stores.reports.statistics import write_batch_statistics
    from tests.support.declared import NOON, sums

    registered(database, experiment())
    for batch in BATCHES:
        rows = [replace(r, n=700) if r.arm == 1 else r for r in sums([50, 50, 50], views=1000)]
        write_batch_statistics(database, "shop", batch, rows, lake_version=1, observed_at=NOON)
    judge_and_store(database, "shop", dag_run="manual", code_revision="abc")
    found = _rows(database, "select * from allot.srm order by step")
    assert [row["units"] for row in found] == [2700] * 3
    assert (found[-1]["mismatch"], found[-1]["arm_id"]) == (True, "item-1")
    assert found[-1]["excess"] < 0


def test_the_portfolio_spends_by_order_and_unknown_wins_nothing(judged: Settings) -> None:
    registered(judged, experiment(slug="empty"))
    rows = decide_portfolio(judged)
    assert decide_portfolio(judged) == rows
    found = _rows(judged, "select * from allot.portfolio order by place")
    assert [row["experiment"] for row in found] == ["shop", "empty"]
    assert [row["discovery"] for row in found] == [True, False]
    assert (found[0]["winners"], found[1]["winners"]) == ("0: item-2", "")
    assert found[1]["p_value"] == 1.0
    assert found[0]["p_value"] <= found[0]["level"]


def test_nothing_closed_is_nothing_to_judge(database: Settings) -> None:
    registered(database, experiment())
    with pytest.raises(NoFeedbackError, match="no closed batch"):
        judge_and_store(database, "shop", dag_run="manual", code_revision="abc")
