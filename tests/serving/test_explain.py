"""The whole chain of a version and of a decision, as a person asks for it."""

import pytest

from include.contract.assignment import assign
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.weights import history
from include.tasks.update import update_experiment
from tests.support.decided import drawn, settled, write
from tests.support.declared import experiment, observe, registered
from tests.support.served import Serve

pytestmark = pytest.mark.services


def test_a_version_and_a_decision_are_told_from_declaration_to_bucket(
    serve: Serve, store_address: str, database: Settings
) -> None:
    registered(database, experiment())
    observe(database, "2026-01-01", (5, 9, 2))
    observe(database, "2026-01-02", (1, 2, 3))
    update_experiment(database, "shop")
    with transaction(database) as connection:
        head = history(connection, "shop")[-1]
    mine, forced, forged = write(
        database,
        [
            drawn(head, "ana", "one"),
            settled(head, "forced", 2, "two"),
            drawn(head, "ben", "three") | {"buckets": [1]},
        ],
    )
    with serve(store_address) as api:
        told = api.get("/experiments/shop/versions/2/explain").json()
        why = api.get(f"/decisions/{mine}/explain").json()
        aside = api.get(f"/decisions/{forced}/explain", experiment_id="shop").json()
        wrong = api.get(f"/decisions/{forged}/explain").json()
        nothing = api.get("/experiments/shop/versions/99/explain")
        nobody = api.get("/decisions/00000000-0000-7000-8000-000000000000/explain")
        elsewhere = api.get(f"/decisions/{mine}/explain", experiment_id="other")
        zero = api.get("/experiments/shop/versions/0/explain").json()

    assert told["content_hash"] == head.content_hash
    assert told["content_hash_holds"] is True
    assert [batch["batch_id"] for batch in told["newest_batches"]] == ["2026-01-02", "2026-01-01"]
    assert [row["sum_r"] for row in told["statistics_of_batch"]] == [1.0, 2.0, 3.0]
    assert [row["sum_r"] for row in told["statistics_of_all_batches"]] == [6.0, 11.0, 5.0]
    assert [arm["buckets"] for arm in told["arms"]] == list(head.content.buckets())
    assert all(0 <= arm["best_probability"] <= 1 and arm["parameters"] for arm in told["arms"])
    assert told["revision"]["declaration"]["arms"] == ["item-0", "item-1", "item-2"]
    assert sum(part["last"] - part["first"] + 1 for part in told["buckets"]["*"][0]) == 10_000

    expected = assign(head.content, "ana")
    assert why["buckets"] == [expected.bucket]
    assert why["recomputed"] == {"holds": True, "faults": []}
    assert f"bucket {expected.bucket:,} of 10,000" in why["in_words"][0]
    assert why["weights"]["salt"] == head.content.salt
    assert aside["recomputed"]["holds"] is True
    assert "item-2 without a draw, as it was forced" in aside["in_words"][0]
    assert wrong["recomputed"]["holds"] is False
    assert {fault["what"] for fault in wrong["recomputed"]["faults"]} >= {"bucket"}
    assert zero["statistics_of_batch"] == []
    assert [answer.status_code for answer in (nothing, nobody, elsewhere)] == [404, 404, 404]


def test_an_erased_decision_is_told_without_its_unit(
    serve: Serve, store_address: str, database: Settings
) -> None:
    from include.tasks.retention.erase import erase_unit

    registered(database, experiment())
    with connect(database) as connection:
        head = history(connection, "shop")[-1]
    (name,) = write(database, [drawn(head, "ana", "one")])
    erase_unit(database, "shop", "ana", requested_by="ticket 9", reason="asked")
    with serve(store_address) as api:
        why = api.get(f"/decisions/{name}/explain").json()
    assert (why["unit"], why["request_id"], why["erased"]) == (None, None, True)
    assert why["recomputed"]["holds"] is True
    assert "which was erased since" in why["in_words"][0]
