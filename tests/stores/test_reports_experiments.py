"""Experiments against a real PostgreSQL: immutable revisions, conflicts refused."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from include.errors import ExperimentConflictError, ExperimentError, UnknownExperimentError
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.experiments import (
    Revision,
    Submission,
    read,
    register,
    revisions,
    slugs,
)
from include.stores.reports.weights import head
from tests.support.declared import experiment, observe, registered

pytestmark = pytest.mark.services

FLOOR = {"limits": {"probability_floor": 0.1}}


def _by_api(settings: Settings, declared: Experiment, based_on: str) -> Revision:
    return register(settings, declared, Submission("api", "ana", "less floor", based_on))


def test_the_first_declaration_writes_version_zero(database: Settings) -> None:
    revision = registered(database, experiment())
    with connect(database) as connection:
        zero = head(connection, "shop")
    assert (revision.number, zero.version, zero.content.parent) == (1, 0, revision.revision_hash)
    assert zero.content.buckets() == (3334, 3333, 3333)
    assert zero.content_hash == zero.content.hash()


def test_declared_default_shares_are_version_zero(database: Settings) -> None:
    shares = {"item-0": 0.5, "item-1": 0.3, "item-2": 0.2}
    registered(database, experiment(default_shares=shares, positions=2))
    with connect(database) as connection:
        zero = head(connection, "shop").content
    assert [zero.buckets(slot=slot) for slot in range(2)] == [(5000, 3000, 2000)] * 2


def test_the_same_declaration_again_changes_nothing(database: Settings) -> None:
    first = registered(database, experiment())
    assert registered(database, experiment()) == first


def test_a_changed_file_is_a_new_revision_and_the_old_one_is_kept(database: Settings) -> None:
    registered(database, experiment())
    registered(database, experiment(**FLOOR))
    with connect(database) as connection:
        kept = revisions(connection, "shop")
        assert read(connection, "shop") == kept[-1]
    floors = [revision.experiment.limits.probability_floor for revision in kept]
    assert floors == [0.05, 0.1]


def test_a_file_does_not_undo_what_came_by_the_api(database: Settings) -> None:
    first = registered(database, experiment())
    _by_api(database, experiment(**FLOOR), first.revision_hash)
    with pytest.raises(ExperimentConflictError) as refused:
        registered(database, experiment())
    message = str(refused.value)
    assert "revision 2 is in force, submitted by ana (api: less floor)" in message
    assert "limits.probability_floor: in force 0.1, submitted 0.05" in message


def test_a_submission_names_the_revision_that_it_saw(database: Settings) -> None:
    first = registered(database, experiment())
    _by_api(database, experiment(**FLOOR), first.revision_hash)
    with pytest.raises(ExperimentConflictError, match="revision 2 is in force"):
        _by_api(database, experiment(title="renamed"), first.revision_hash)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"reward": {"kind": "real"}}, "reward.kind: in force 'bernoulli', submitted 'real'"),
        ({"reward": {"window": "P1D"}}, "reward.window: in force 'PT0S', submitted 'P1D'"),
        ({"control": "item-0"}, "control: in force nothing, submitted 'item-0'"),
        ({"batch": "PT1H"}, "batch: in force 'P1D', submitted 'PT1H'"),
        ({"positions": 2}, "positions: in force 1, submitted 2"),
        ({"arms": ["item-1", "item-0", "item-2"]}, "arms: in force"),
        ({"arms": ["item-0", "item-1"]}, "arms: in force"),
    ],
)
def test_what_decisions_fixed_cannot_change(
    database: Settings, change: dict[str, object], named: str
) -> None:
    registered(database, experiment())
    observe(database, "2019-11-24", [1, 2, 3])
    with pytest.raises(ExperimentConflictError) as refused:
        registered(database, experiment(**change))
    assert "has decisions" in str(refused.value)
    assert named in str(refused.value)


def test_before_the_first_decision_anything_may_change(database: Settings) -> None:
    registered(database, experiment())
    changed = experiment(reward={"kind": "real"}, control="item-1")
    assert registered(database, changed).number == 2


def test_an_arm_may_be_added_at_the_end(database: Settings) -> None:
    registered(database, experiment())
    observe(database, "2019-11-24", [1, 2, 3])
    assert (
        registered(database, experiment(arms=[*experiment().arms, "item-3"])).experiment.arms[-1]
        == "item-3"
    )


def test_infeasible_limits_are_refused_and_leave_no_trace(database: Settings) -> None:
    with pytest.raises(ExperimentError, match=r"limits\.probability_floor"):
        registered(database, experiment(limits={"probability_floor": 0.4}))
    with connect(database) as connection:
        assert slugs(connection) == []


def test_registrars_at_once_write_one_revision(database: Settings) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: registered(database, experiment()), range(16)))
    assert {revision.number for revision in found} == {1}


def test_an_unknown_experiment_is_named(database: Settings) -> None:
    with connect(database) as connection:
        for slug in ("nobody", "no\x00body", "'; drop table"):
            with pytest.raises(UnknownExperimentError):
                read(connection, slug)


def test_a_document_that_is_not_its_hash_is_refused(database: Settings) -> None:
    registered(database, experiment())
    with connect(database) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "insert into allot.experiment_revision (experiment, revision, revision_hash, canonical,"
            " origin, submitted_by, reason)"
            " select experiment, 2, revision_hash, canonical || ' ', origin, 'eve', 'forged'"
            " from allot.experiment_revision"
        )
