"""The gate on a real PostgreSQL: from the shadow over the ramp to a new revision, and back."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.contract.shadow import ShadowContent
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import Submission, read, register, revisions
from include.stores.reports.lifecycle import change_state
from include.stores.reports.shadows import insert_shadow, shadow_of
from include.tasks.gate import PROMOTER, gate_experiment
from include.tasks.guard import guard_experiment
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.gated import (
    CHALLENGER,
    again,
    batch,
    chain,
    faults,
    gated,
    gates,
    ramped,
    reasons,
    run,
    shares,
)

pytestmark = pytest.mark.services


@pytest.fixture
def shop(database: Settings) -> Settings:
    """A database with a challenger that is neither better nor worse."""
    registered(database, gated())
    return database


def test_a_shadow_is_frozen_with_its_version_before_any_decision_of_it(shop: Settings) -> None:
    run(shop, 0)
    with connect(shop) as connection:
        row = connection.execute(
            "select w.published_at, w.xmin::text, s.xmin::text from allot.weights_snapshot as w"
            " join allot.shadow_allocation as s using (experiment, version) where version = 1"
        ).fetchone()
        found = shadow_of(connection, "shop", 1)
    assert row is not None
    assert row[1] == row[2]
    assert found is not None
    shadow, name = found
    assert shadow.hash() == name
    assert shadow.weights == chain(shop)[1].content_hash
    assert shadow.buckets("incumbent", "*", 0) == chain(shop)[1].content.buckets() == (7400, 2600)
    assert shadow.buckets("challenger", "*", 0) == (2600, 7400)
    assert shadow.policy == {"name": "fixed", "params": {"shares": [0.2, 0.8]}}


def test_a_shadow_cannot_be_added_or_changed_afterwards(shop: Settings) -> None:
    run(shop, 0)
    with connect(shop) as connection:
        found = shadow_of(connection, "shop", 1)
    assert found is not None
    late = ShadowContent.from_json({**found[0].as_json(), "weights": chain(shop)[0].content_hash})
    refused = psycopg.errors.RestrictViolation
    with pytest.raises(refused, match="not frozen with its version"), transaction(shop) as writing:
        insert_shadow(writing, 0, late)
    with pytest.raises(refused, match="append-only"), transaction(shop) as writing:
        writing.execute("update allot.shadow_allocation set share = 0")


def test_what_was_decided_before_the_first_shadow_never_counts(shop: Settings) -> None:
    _, gate, _ = run(shop, 0)
    assert (gate.verdict, gate.written) == ("unknown", True)
    assert "nothing was drawn yet" in gate.explanation
    _, gate, _ = run(shop, 1)
    assert gates(shop)[-1]["batches"] == 1
    assert gates(shop)[-1]["observations"] == 10_000
    assert gate.verdict == "wait"


def test_a_pass_climbs_the_ramp_and_ends_in_a_new_revision(shop: Settings) -> None:
    moves = [run(shop, number)[1] for number in range(6)]
    states = [(one.after.state, one.after.share) for one in moves if one.after is not None]
    assert states == [
        ("shadow", 0.0),
        ("shadow", 0.0),
        ("ramp", 0.1),
        ("ramp", 0.5),
        ("ramp", 1.0),
        ("promoted", 1.0),
    ]
    assert shares(shop) == [None, 0.0, 0.0, 0.1, 0.5, 1.0, None, None]
    versions = chain(shop)
    # 0.9 · 7,400 + 0.1 · 2,600 and so on: the propensity is the realised bucket share.
    assert [version.content.buckets()[0] for version in versions[1:]] == [
        *(7400, 7400, 6920, 5000, 2600),
        *(2600, 2600),
    ]
    assert reasons(shop)[1:] == [*["batch"] * 5, "revision", "batch"]
    with connect(shop) as connection:
        now = read(connection, "shop")
    assert (now.number, now.submitted_by) == (2, PROMOTER)
    assert now.experiment.policy.model_dump() == CHALLENGER
    assert now.experiment.challenger is None
    assert "fixed passed its gate" in now.reason
    assert faults(shop) == []
    newest = gates(shop)[-1]
    assert newest["newest"]
    assert newest["state"] == "promoted"
    assert newest["lower"] > -0.02
    assert newest["effective_sample_size"] > 1000
    assert newest["mean_weight"] == pytest.approx(1.0, abs=1e-3)
    assert newest["support"] == 1.0
    assert again(shop)[1].explanation == "it has no challenger"


def test_history_and_reasons_say_which_version_is_a_step(shop: Settings) -> None:
    ramped(shop, 3)
    with connect(shop) as connection:
        history_row = connection.execute(
            "select challenger_share, limits_applied, explanation from allot.allocation_history"
            " where version = 3 and arm_id = 'old'"
        ).fetchone()
        why = connection.execute(
            "select why from allot.allocation_reasons where version = 3 and arm_id = 'old'"
        ).fetchone()
    assert history_row is not None
    assert why is not None
    assert history_row[0] == 0.1
    assert history_row[1].endswith("buckets, ramp")
    assert "Ramp: λ = 0.1 for fixed." in history_row[2]
    assert "ramp → 69.20 %" in why[0]
    assert chain(shop)[3].content.method == "fixed/1+fixed/1@0.1"


def test_running_it_again_writes_nothing(shop: Settings) -> None:
    ramped(shop)
    before, told = chain(shop), gates(shop)
    for _ in range(2):
        _, gate, update = again(shop)
        assert (gate.written, update.written) == (False, ())
    assert (chain(shop), gates(shop)) == (before, told)


def test_two_gates_at_once_write_one_step(shop: Settings) -> None:
    ramped(shop, 2)
    batch(shop, 2)
    guard_experiment(shop, "shop", dag_run="test")
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: gate_experiment(shop, "shop", dag_run="test"), range(4)))
    assert [report.moved for report in reports].count(True) == 1
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: update_experiment(shop, "shop", guarded=True), range(4)))
    assert shares(shop) == [None, 0.0, 0.0, 0.1]


def test_two_promotions_at_once_make_one_revision(shop: Settings) -> None:
    ramped(shop, 5)
    batch(shop, 5)
    guard_experiment(shop, "shop", dag_run="test")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: gate_experiment(shop, "shop", dag_run="test"), range(4)))
    with connect(shop) as connection:
        assert len(revisions(connection, "shop")) == 2
    assert reasons(shop).count("revision") == 1


def test_a_challenger_that_joins_later_begins_with_the_next_version(database: Settings) -> None:
    registered(database, gated(challenger=None))
    for number in range(3):
        run(database, number)
    assert shares(database) == [None] * 4
    with connect(database) as connection:
        now = read(connection, "shop")
    register(database, gated(), Submission("api", "ann", "try it", now.revision_hash))
    again(database)
    # The revision's own version is the first with a shadow.
    assert shares(database)[-1] == 0.0
    run(database, 3)
    assert gates(database)[-1]["batches"] == 1
    assert gates(database)[-1]["since"] == 2


def test_another_challenger_begins_anew_and_other_changes_do_not(shop: Settings) -> None:
    ramped(shop, 3)
    with connect(shop) as connection:
        now = read(connection, "shop")
    renamed = gated(title="another title")
    register(shop, renamed, Submission("api", "ann", "a name", now.revision_hash))
    _, gate, _ = run(shop, 3)
    assert gate.after is not None
    assert gate.after.share == 0.5
    assert gates(shop)[-1]["since"] == 1
    other = gated(challenger={"name": "uniform"})
    register(shop, other, Submission("api", "ann", "no", renamed.revision_hash()))
    _, gate, _ = run(shop, 4)
    assert (gate.verdict, gate.challenger) == ("unknown", "uniform")
    assert gates(shop)[-1]["since"] == 3
    assert shares(shop)[-1] == 0.0
    assert faults(shop) == []


def test_what_does_not_run_or_stays_as_declared_is_not_judged(shop: Settings) -> None:
    ramped(shop, 3)
    with transaction(shop) as connection:
        change_state(connection, "shop", "paused", changed_by="ann", reason="a holiday")
    _, gate, update = run(shop, 3)
    assert gate.explanation == "it is paused: a holiday"
    assert update.written == ()


def test_an_a_a_experiment_promotes_nothing(database: Settings) -> None:
    registered(database, gated(mode="aa"))
    for number in range(4):
        _, gate, _ = run(database, number)
    assert gate.explanation.startswith("A/A")
    assert gates(database) == []
    assert {version.content.buckets() for version in chain(database)} == {(5000, 5000)}


def test_on_a_foreign_log_a_batch_is_judged_by_the_shares_before_it(database: Settings) -> None:
    registered(database, experiment(gate=True, challenger={"name": "ucb1"}))
    for number in range(7):
        observe(database, f"2019-11-{24 + number}", [number % 3, 2, number])
    update_experiment(database, "shop")
    gate = gate_experiment(database, "shop", dag_run="test")
    # Nothing was frozen before the first batch; six others have a version before them.
    assert gates(database)[-1]["batches"] == 6
    assert gates(database)[-1]["observations"] == 6 * 300
    assert gates(database)[-1]["mean_weight"] == pytest.approx(1.0)
    assert gate.verdict == "unknown"
    assert "effective sample size" in gate.explanation
    assert faults(database) == []


def test_a_changed_shadow_is_found_by_the_audit(shop: Settings) -> None:
    ramped(shop, 3)
    with transaction(shop) as connection:
        connection.execute("alter table allot.shadow_allocation disable trigger immutable")
        connection.execute(
            "update allot.shadow_allocation as s set content = c.told,"
            " content_hash = encode(sha256(convert_to(c.told, 'UTF8')), 'hex')"
            " from (select version, replace(content, '2600,7400', '2500,7500') as told"
            " from allot.shadow_allocation) as c where c.version = s.version and s.version = 2"
        )
    assert [fault.split(":")[0] for fault in faults(shop)] == ["v2 differs shadow"]
