"""Views against a real PostgreSQL and an independent computation from the same rows."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.migrate import SQL, migrate
from include.tasks.evaluate import evaluate_experiment
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.silver import BATCHES, skewed_log, uniform_log, write_silver

pytestmark = pytest.mark.services

VIEWS = sorted(path.stem for path in (SQL / "views").glob("*.sql"))
CLICKS = ([5, 10, 60], [5, 10, 70], [60, 5, 5])
RANDOM = uniform_log((0.2, 0.4, 0.6))
BTS = skewed_log((0.2, 0.4, 0.6), (0.6, 0.3, 0.1))
DOCS = Path(__file__).parents[2] / "docs" / "reports.md"


def _rows(settings: Settings, query: str) -> list[dict[str, Any]]:
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query.encode()).fetchall()


@pytest.fixture
def published(database: Settings) -> Settings:
    registered(database, experiment())
    for batch, clicks in zip(BATCHES, CLICKS, strict=True):
        observe(database, batch, clicks)
    update_experiment(database, "shop", provenance={"dag_run": "manual"})
    return database


def test_every_named_report_is_there() -> None:
    assert set(VIEWS) >= {
        "allocation_history",
        "arm_performance",
        "data_quality",
        "experiment_overview",
        "learning_curve",
        "lineage",
        "policy_values",
        "posterior_snapshots",
        "regret_curve",
        "self_grading",
    }


def test_every_column_of_every_view_says_what_it_is(database: Settings) -> None:
    found = _rows(
        database,
        "select c.relname, a.attname, col_description(c.oid, a.attnum) as said"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'allot'::regnamespace and c.relkind = 'v' and a.attnum > 0",
    )
    assert {row["relname"] for row in found} >= set(VIEWS)
    silent = [f"{row['relname']}.{row['attname']}" for row in found if not row["said"]]
    assert not silent


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_database_gives_an_empty_report(database: Settings, view: str) -> None:
    assert _rows(database, f"select * from allot.{view}") == []


def test_views_can_be_applied_again_over_their_rows(published: Settings) -> None:
    before = _rows(published, "select * from allot.arm_performance order by arm")
    assert migrate(published) == []
    assert _rows(published, "select * from allot.arm_performance order by arm") == before


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_cannot_be_written_to(published: Settings, view: str) -> None:
    with connect(published) as connection, pytest.raises(psycopg.Error):
        connection.execute(f"delete from allot.{view}".encode())


def test_people_may_read_every_view_and_write_none(published: Settings) -> None:
    rights = _rows(
        published,
        "select viewname, has_table_privilege('allot_reader', 'allot.' || viewname, 'select')"
        " as reads, has_table_privilege('allot_reader', 'allot.' || viewname,"
        " 'insert, update, delete, truncate') as writes"
        " from pg_views where schemaname = 'allot'",
    )
    found = {row["viewname"]: (row["reads"], row["writes"]) for row in rights}
    assert found == dict.fromkeys(VIEWS, (True, False))


def test_the_documents_describe_each_column_as_the_database_does(database: Settings) -> None:
    found = _rows(
        database,
        "select c.relname, a.attname, col_description(c.oid, a.attnum) as said"
        " from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'allot'::regnamespace and c.relkind = 'v' and a.attnum > 0",
    )
    text = DOCS.read_text("utf-8")
    for row in found:
        said = re.sub(r"\s+", " ", row["said"]).replace("|", "\\|")
        section = text.partition(f"\n## {row['relname']}\n")[2].partition("\n## ")[0]
        assert f"| `{row['attname']}` | {said} |" in section, f"{row['relname']}.{row['attname']}"


def test_arm_performance_is_the_sums_by_hand(published: Settings) -> None:
    rows = _rows(published, "select * from allot.arm_performance order by arm")
    assert [row["arm_id"] for row in rows] == ["item-0", "item-1", "item-2"]
    for arm, row in enumerate(rows):
        clicks = sum(batch[arm] for batch in CLICKS)
        mean = clicks / 300
        assert (row["observations"], row["rewards"]) == (300, clicks)
        assert row["naive_mean"] == pytest.approx(mean)
        # Equal propensities: correcting for them changes neither mean nor error.
        assert row["corrected_mean"] == pytest.approx(mean)
        half = 1.959964 * (mean * (1 - mean) / 300) ** 0.5
        assert row["naive_hi"] - row["naive_mean"] == pytest.approx(half)
        assert row["corrected_hi"] - row["corrected_mean"] == pytest.approx(half)
        assert row["posterior_mean"] == pytest.approx((clicks + 1) / (300 + 2))
        assert row["weights_version"] == 3
    assert sum(row["live_share"] for row in rows) == pytest.approx(1.0)


def test_a_restated_batch_counts_once(published: Settings) -> None:
    observe(published, BATCHES[0], [9, 9, 9])
    rows = _rows(published, "select arm, observations, rewards from allot.arm_performance")
    found = {row["arm"]: (row["observations"], row["rewards"]) for row in rows}
    assert found == {0: (300, 74), 1: (300, 24), 2: (300, 84)}


def test_the_overview_names_what_is_live(published: Settings) -> None:
    (row,) = _rows(published, "select * from allot.experiment_overview")
    assert (row["experiment"], row["policy"], row["arms"]) == ("shop", "thompson", 3)
    assert (row["batches"], row["first_batch"], row["last_batch"]) == (3, BATCHES[0], BATCHES[-1])
    assert (row["weights_version"], row["weights_batch"]) == (3, BATCHES[-1])
    assert (row["observations"], row["rewards"]) == (900, sum(map(sum, CLICKS)))
    assert row["leading_arm"] == "item-2"
    assert row["evaluated_batch"] is None


def test_allocation_history_adds_up_per_version_and_says_why(published: Settings) -> None:
    rows = _rows(published, "select * from allot.allocation_history order by version, arm")
    assert {row["version"] for row in rows} == {0, 1, 2, 3}
    for version in range(4):
        own = [row for row in rows if row["version"] == version]
        assert sum(row["buckets"] for row in own) == 10_000
        assert {row["reason"] for row in own} == {"created" if version == 0 else "batch"}
        assert all(row["explanation"] for row in own)
    first = {row["arm"]: row["buckets"] for row in rows if row["version"] == 1}
    for row in rows:
        if row["version"] == 2:
            assert row["shift"] == pytest.approx((row["buckets"] - first[row["arm"]]) / 10_000)
            assert row["limits_applied"]


def test_posteriors_are_prior_plus_sums(published: Settings) -> None:
    rows = _rows(published, "select * from allot.posterior_snapshots where version = 2")
    for row in rows:
        clicks = CLICKS[0][row["arm"]] + CLICKS[1][row["arm"]]
        assert row["parameters"] == {"alpha": 1 + clicks, "beta": 1 + 200 - clicks}
        assert row["batch_id"] == BATCHES[1]


def test_lineage_lists_every_folded_batch(published: Settings) -> None:
    observe(published, BATCHES[1], [9, 9, 9])
    rows = _rows(published, "select * from allot.lineage order by version, batch_id")
    folded = {
        version: [row["batch_id"] for row in rows if row["version"] == version]
        for version in range(4)
    }
    assert folded == {
        0: [None],
        1: list(BATCHES[:1]),
        2: list(BATCHES[:2]),
        3: list(BATCHES),
    }
    for row in rows:
        assert row["restated_since"] == (row["batch_id"] == BATCHES[1])
        assert (row["dag_run"] == "manual") == (row["version"] > 0)
        assert row["lake_version"] == (1 if row["version"] else None)


def _bronze(settings: Settings, sha256: str, lake_version: int | None, **changes: Any) -> None:
    given = {
        "source": "open_bandit-men",
        "policy": "random",
        "sha256": sha256,
        "key": f"open_bandit/men/random/{sha256}.csv",
        "lake": lake_version,
        "verdict": "refused" if lake_version is None else "accepted",
        "content": None if lake_version is None else sha256,
        **changes,
    }
    with connect(settings) as connection:
        connection.execute(
            "insert into allot.bronze_object values (%(source)s, %(policy)s, %(sha256)s, %(key)s,"
            " 10, 100, 'men.csv', 'etag', now())",
            given,
        )
        connection.execute(
            "insert into allot.validation (source, behavior_policy, sha256, verdict, reason,"
            " rows_in, rows_silver, rows_quarantined, lake_version, content_hash, docs_key,"
            " checked_at) values (%(source)s, %(policy)s, %(sha256)s, %(verdict)s, '', 100, 97, 3,"
            " %(lake)s, %(content)s, 'd', now())",
            given,
        )
        connection.execute(
            "insert into allot.quarantine_count values"
            " (%(source)s, %(policy)s, %(sha256)s, 'propensity_in_range', 1, 2),"
            " (%(source)s, %(policy)s, %(sha256)s, 'known_item', null, 1)",
            given,
        )
        connection.execute(
            "insert into allot.validation_result values"
            " (%(source)s, %(policy)s, %(sha256)s, 's', 'on_grid', 'warning', 'x', 100, 4, ''),"
            " (%(source)s, %(policy)s, %(sha256)s, 's', 'known_item', 'critical', 'x', 100, 1, '')",
            given,
        )
        connection.commit()


def test_lineage_ends_at_the_bronze_object_that_silver_held(published: Settings) -> None:
    _bronze(published, "a" * 64, 1)
    _bronze(published, "b" * 64, 2)
    _bronze(published, "c" * 64, 1, policy="bts")
    _bronze(published, "d" * 64, None)
    rows = _rows(published, "select * from allot.lineage where version > 0")
    assert {(row["behavior_policy"], row["sha256"]) for row in rows} == {("random", "a" * 64)}
    assert {row["object_key"] for row in rows} == {f"open_bandit/men/random/{'a' * 64}.csv"}


def test_data_quality_tells_refusals_by_name_and_arm(database: Settings) -> None:
    _bronze(database, "a" * 64, 1)
    (row,) = _rows(database, "select * from allot.data_quality")
    assert (row["rows_in"], row["rows_silver"], row["rows_quarantined"]) == (100, 97, 3)
    assert row["refused_share"] == pytest.approx(0.03)
    assert row["refusals"] == "known_item: 1, propensity_in_range: 2"
    assert row["most_refused_arm"] == 1
    assert (row["expectations"], row["warnings"]) == (2, "on_grid: 4")


def test_evaluation_views_show_the_newest_and_agree_with_silver(isolated: Settings) -> None:
    registered(isolated, experiment())
    write_silver(isolated, RANDOM[:200], "open_bandit-men", "random")
    write_silver(isolated, BTS, "open_bandit-men", "bts")
    evaluate_experiment(isolated, "shop", dag_run="old", code_revision="abc")
    write_silver(isolated, RANDOM, "open_bandit-men", "random")
    evaluate_experiment(isolated, "shop", dag_run="new", code_revision="abc")
    rows = _rows(
        isolated,
        "select * from allot.policy_values where log = 'bts' and evaluation_policy = 'uniform'"
        " and position = 'all' and estimator = 'ips' and interval_method = 'normal'",
    )
    weights = [1 / 3 / row.pscore for row in BTS]
    (row,) = rows
    assert row["value"] == pytest.approx(
        sum(w * one.reward for w, one in zip(weights, BTS, strict=True)) / len(BTS)
    )
    effective = sum(weights) ** 2 / sum(w * w for w in weights)
    assert row["effective_sample_size"] == pytest.approx(effective)
    assert row["mean_weight"] == pytest.approx(sum(weights) / len(BTS))
    assert row["largest_weight"] == pytest.approx(max(weights))
    assert (row["basis"], row["first_batch"], row["last_batch"]) == ("given", *BATCHES[::2])
    curve = _rows(
        isolated, "select * from allot.regret_curve where log = 'random' and policy = 'random'"
    )
    assert max(row["decisions"] for row in curve) == len(RANDOM)
    assert {row["best_arm_id"] for row in curve} == {"item-2"}
    learned = _rows(isolated, "select * from allot.learning_curve")
    assert max(row["rows_read"] for row in learned) == len(RANDOM)
    (grade,) = _rows(
        isolated,
        "select * from allot.self_grading where estimator = 'snips' and interval_method = 'normal'",
    )
    truth = sum(one.reward for one in RANDOM) / len(RANDOM)
    assert grade["on_policy_mean"] == pytest.approx(truth)
    assert grade["relative_error"] == pytest.approx(grade["error"] / truth)
