"""An intact log passes; whatever is changed afterwards is found, and named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, LiteralString

import pytest

from include.contract.published import Published
from include.errors import AuditError
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.weights import history
from include.tasks import update
from include.tasks.audit.run import AuditRow, audit_experiment, report_audits
from include.tasks.update import update_experiment
from tests.support.decided import drawn, log_decisions, settled, write
from tests.support.declared import experiment, observe, registered
from tests.support.logged import rows

pytestmark = pytest.mark.services


@pytest.fixture
def chain(database: Settings) -> list[Published]:
    """Three published versions with fifty decisions each, forced ones among them."""
    registered(database, experiment(positions=2))
    for day, clicks in (("2026-01-01", (5, 9, 2)), ("2026-01-02", (4, 12, 3))):
        observe(database, day, clicks)
        update_experiment(database, "shop")
    with transaction(database) as connection:
        found = history(connection, "shop")
    for published in found:
        log_decisions(database, published, [None, *(f"únit {number}" for number in range(50))])
    write(database, [settled(found[2], "forced", 1, "forced")])
    return found


def tamper(settings: Settings, table: LiteralString, change: LiteralString) -> None:
    """Change rows as somebody could who owns the database."""
    with connect(settings) as connection:
        connection.execute(f"alter table allot.{table} disable trigger user".encode())
        assert connection.execute(f"update allot.{table} {change}".encode()).rowcount > 0
        connection.execute(f"alter table allot.{table} enable trigger user".encode())


def findings(settings: Settings) -> list[dict[str, Any]]:
    return rows(
        settings,
        "select f.* from allot.audit_finding as f natural join (select experiment,"
        " max(number) as number from allot.audit group by experiment) as newest order by entry",
    )


def test_an_intact_log_passes_and_is_not_recomputed_again(
    database: Settings, chain: list[Published]
) -> None:
    first = audit_experiment(database, "shop")
    assert first == AuditRow(
        experiment="shop", audit=1, decisions=154, versions=3, differing=0, unknown=0
    )
    report_audits(["shop"], [first])
    log_decisions(database, chain[2], ["somebody else"])
    assert audit_experiment(database, "shop") == {
        **first, "audit": 2, "decisions": 1, "versions": 0,
    }  # fmt: skip
    again = audit_experiment(database, "shop", everything=True)
    assert (again["decisions"], again["versions"], again["differing"]) == (155, 3, 0)


CHANGES: tuple[tuple[LiteralString, set[str]], ...] = (
    ("set arms = array[mod(arms[1] + 1, 3)::smallint, arms[2]]", {"arm", "name"}),
    ("set arm_ids = array['item-9', arm_ids[2]]", {"name"}),
    ("set shares = array[shares[1], shares[2] + 1]", {"share"}),
    ("set unit = 'somebody'", {"bucket"}),
    ("set content_hash = repeat('ab', 32)", {"snapshot"}),
    ("set version = 99", {"snapshot"}),
    ("set cell = 'nowhere'", {"cell"}),
    ("set arms = arms[:1]", {"slots"}),
    ("set request_id = 'another'", {"id"}),
    ("set flag = 'paused', shares = '{10000,10000}', buckets = '{-1,-1}'", {"default", "flag"}),
    ("set flag = 'outside', arms = '{0,1}', arm_ids = '{item-0,item-1}'",
     {"share", "bucket", "participation"}),
)  # fmt: skip


def test_every_changed_decision_is_found_and_named(
    database: Settings, chain: list[Published]
) -> None:
    expected = {}
    with connect(database) as connection:
        connection.execute("alter table allot.decision disable trigger user")
        connection.execute("alter table allot.decision drop constraint slots_agree")
        for number, (change, what) in enumerate(CHANGES):
            changed = connection.execute(
                f"update allot.decision {change} where request_id = %s returning decision_id",
                (f"v1/únit {number}",),
            )
            expected[str(changed.fetchall()[0][0])] = what
    audit = audit_experiment(database, "shop")
    found: dict[str, set[str]] = {}
    for finding in findings(database):
        found.setdefault(finding["name"], set()).add(finding["what"])
    assert found == expected
    with pytest.raises(AuditError, match=f"shop: {len(CHANGES)} differ"):
        report_audits(["shop"], [audit])
    # It stays red until the rows are right again.
    assert audit_experiment(database, "shop")["differing"] == len(CHANGES)


def test_changed_sums_are_found(database: Settings, chain: list[Published]) -> None:
    tamper(database, "arm_statistics", "set sum_r = sum_r + 1 where batch_id = '2026-01-02'")
    audit = audit_experiment(database, "shop")
    assert audit["differing"] == 1
    (found,) = findings(database)
    assert (found["name"], found["what"]) == ("v2", "statistics")


def test_a_rewritten_version_is_found_though_its_hash_fits(
    database: Settings, chain: list[Published]
) -> None:
    forged = (
        chain[2].content.canonical().decode().replace('"method":"thompson', '"method":"thomps0n')
    )
    assert forged != chain[2].content.canonical().decode()
    moved = _moved(chain[2])
    with connect(database) as connection:
        connection.execute("alter table allot.weights_snapshot disable trigger user")
        connection.execute(
            "update allot.weights_snapshot set content = %(new)s, content_hash ="
            " encode(sha256(convert_to(%(new)s, 'UTF8')), 'hex') where version = 2",
            {"new": moved},
        )
    audit_experiment(database, "shop")
    versions = [found for found in findings(database) if found["subject"] == "version"]
    assert [(found["name"], found["what"]) for found in versions] == [("v2", "content")]
    assert "cells is" in versions[0]["explanation"]


def _moved(published: Published) -> str:
    """Give the first bucket of the first range after another to its neighbour."""
    content = published.content
    (start, stop, arm), (_, end, other), *rest = content.cells["*"][0]
    slot = ((start, stop - 1, arm), (stop - 1, end, other), *rest)
    moved = replace(content, cells={"*": (slot, *content.cells["*"][1:])})
    return moved.canonical().decode()


def test_a_changed_trail_is_found(database: Settings, chain: list[Published]) -> None:
    tamper(database, "posterior_snapshot", "set mean = mean * 2 where version = 1 and arm = 0")
    tamper(database, "allocation", "set proposed = 0.5 where version = 2 and arm = 0 and slot = 1")
    audit_experiment(database, "shop")
    assert [(found["name"], found["what"]) for found in findings(database)] == [
        ("v1", "posterior"),
        ("v2", "allocation"),
    ]


def test_a_version_of_another_method_is_unknown_and_does_not_fail(
    database: Settings, chain: list[Published], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest: Callable[..., Any] = update.build_snapshot

    def of_tomorrow(*arguments: Any) -> Any:
        new = honest(*arguments)
        return replace(new, content=replace(new.content, method="thompson/99"))

    monkeypatch.setattr(update, "build_snapshot", of_tomorrow)
    audit = audit_experiment(database, "shop")
    assert (audit["differing"], audit["unknown"]) == (0, 2)
    report_audits(["shop"], [audit])


def test_an_experiment_that_was_not_audited_fails_the_run() -> None:
    with pytest.raises(AuditError, match="not audited: shop"):
        report_audits(["shop"], [])


def test_a_record_keeps_the_hash_of_what_it_was_drawn_from(
    database: Settings, chain: list[Published]
) -> None:
    record = drawn(chain[1], "unit", "one more") | {"shares": [10_000, 10_000]}
    write(database, [record])
    audit_experiment(database, "shop")
    assert {(found["name"], found["what"]) for found in findings(database)} == {
        (record["decision_id"], "share")
    }
