"""A unit that was erased is nowhere in PostgreSQL, and the audit still holds."""

import psycopg
import pytest

from include.contract.published import Published
from include.errors import ErasureError
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.decision_log import next_range
from include.stores.reports.log_copy import copy_range
from include.stores.reports.weights import history
from include.tasks.audit.run import audit_experiment
from include.tasks.retention.erase import chosen_experiments, erase_unit
from tests.support.decided import drawn, log_decisions, write
from tests.support.declared import experiment, registered
from tests.support.logged import rows

pytestmark = pytest.mark.services
UNIT = "ana@example.org"
TABLES = (
    *("decision", "reward", "exposure", "decision_superseded", "reward_superseded", "unit_key"),
    "erasure",
)


@pytest.fixture
def published(database: Settings) -> Published:
    registered(database, experiment())
    with transaction(database) as connection:
        (found,) = history(connection, "shop")
    log_decisions(database, found, [UNIT, "somebody else"])
    write(database, [drawn(found, UNIT, f"{UNIT}/2")])
    with connect(database) as connection:
        connection.execute(
            "insert into allot.reward"
            " (experiment, reward_id, decision_id, unit, value, occurred_at)"
            " values ('shop', 'order 1', null, %(unit)s, 1, '2026-01-11'),"
            " ('shop', 'too early', null, %(unit)s, 1, '2025-01-11'),"
            " ('shop', %(unit)s || '/7', (select decision_id from allot.decision"
            " where request_id = %(unit)s || '/2'), null, 1, '2026-01-11'),"
            " ('shop', 'order 2', null, 'somebody else', 0, '2026-01-11')",
            {"unit": UNIT},
        )
        connection.execute(
            "insert into allot.exposure (experiment, decision_id, occurred_at)"
            " select experiment, decision_id, decided_at from allot.decision"
        )
        connection.execute(
            "insert into allot.decision_superseded (experiment, decision_id, record_hash, record)"
            " select 'shop', gen_random_uuid(), encode(sha256(convert_to(r, 'UTF8')), 'hex'), r"
            " from (select json_build_object('unit', %s::text)::text as r) as records",
            (UNIT,),
        )
        connection.execute("insert into allot.unit_key (unit) values (%s)", (UNIT,))
    return found


def erase(settings: Settings) -> dict[str, object]:
    return dict(erase_unit(settings, "shop", UNIT, requested_by="ticket 9", reason="asked"))


def test_nothing_of_it_is_left_and_the_audit_holds(
    database: Settings, published: Published
) -> None:
    before = rows(
        database,
        "select arm, buckets, shares from allot.decision order by decided_at, arm, buckets",
    )
    done = erase(database)
    assert done == {
        "experiment": "shop", "number": 1, "decisions": 2, "rewards": 3, "superseded": 1,
    }  # fmt: skip
    for table in TABLES:
        text = rows(
            database,
            f"select coalesce(string_agg(t::text, ' '), '') as all from allot.{table} as t",
        )
        assert UNIT not in text[0]["all"], table
    after = rows(
        database,
        "select arm, buckets, shares from allot.decision order by decided_at, arm, buckets",
    )
    assert after == before
    # What was shown names a decision, and no unit.
    assert (
        len(
            rows(
                database,
                "select 1 from allot.exposure inner join allot.decision"
                " using (experiment, decision_id)",
            )
        )
        == 3
    )
    audit = audit_experiment(database, "shop")
    assert (audit["decisions"], audit["differing"]) == (3, 0)


def test_its_rewards_keep_their_decisions_and_others_are_untouched(
    database: Settings, published: Published
) -> None:
    count = (
        "select outcome, count(*) as n from allot.reward_outcome group by outcome order by outcome"
    )
    before = rows(database, count)
    erase(database)
    assert rows(database, count) == before
    (kept,) = rows(database, "select reward_id, unit from allot.reward where unit is not null")
    assert kept == {"reward_id": "order 2", "unit": "somebody else"}


def test_an_erased_row_with_another_arm_is_still_found(
    database: Settings, published: Published
) -> None:
    erase(database)
    with connect(database) as connection:
        connection.execute("alter table allot.decision disable trigger user")
        connection.execute(
            "update allot.decision set arms = array[mod(arms[1] + 1, 3)::smallint]"
            " where erasure is not null"
        )
    assert audit_experiment(database, "shop")["differing"] == 2


@pytest.mark.parametrize(
    "change",
    [
        "set unit = null",
        "set unit = null, erasure = 1",
        "set arms = '{2}', unit = null, erasure = 1",
        "set shares = '{1}'",
    ],
)
def test_without_its_record_the_log_allows_no_change(
    database: Settings, published: Published, change: str
) -> None:
    erase(database)
    with connect(database) as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(f"update allot.decision {change} where unit = 'somebody else'".encode())


def test_an_erasure_within_its_transaction_changes_nothing_but_the_unit(
    database: Settings, published: Published
) -> None:
    with connect(database) as connection:
        connection.execute(
            "insert into allot.erasure (experiment, number, decisions, rewards, superseded,"
            " requested_by, reason) values ('shop', 1, 1, 0, 0, 'x', 'x')"
        )
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(
                "update allot.decision set erasure = 1, unit = null, arms = '{2}' where unit = %s",
                (UNIT,),
            )


def test_it_waits_for_an_export_that_has_begun(database: Settings, published: Published) -> None:
    begun = next_range(database, "shop")
    assert b"".join(copy_range(database, begun, "decision"))  # type: ignore[arg-type]
    with pytest.raises(ErasureError, match="export to the lake has begun"):
        erase(database)
    assert rows(database, "select 1 from allot.erasure") == []


def test_what_may_not_be_kept_or_does_not_exist_is_refused(
    database: Settings, published: Published
) -> None:
    with pytest.raises(ErasureError, match="must not hold the unit"):
        erase_unit(database, "shop", UNIT, requested_by=UNIT, reason="asked")
    with pytest.raises(ErasureError, match="there is no experiment nowhere"):
        chosen_experiments(["shop"], ["nowhere"])
    assert chosen_experiments(["bar", "shop"], []) == ["bar", "shop"]
    assert (
        erase_unit(database, "shop", "nobody", requested_by="ticket 9", reason="asked")["decisions"]
        == 0
    )
