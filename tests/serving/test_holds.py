"""A hold of publishing over the API: seen, released with who and why, as the DAG would."""

from collections.abc import Iterator
from typing import Any

import pytest

from include.settings import Settings
from include.stores.reports import holds
from include.stores.reports.connection import transaction
from include.tasks.rollback import release, roll_back
from include.tasks.update import update_experiment
from serving.examples import HOLD
from serving.schemas import HoldAnswer, HoldList
from tests.support.declared import NOON, experiment, observe, registered
from tests.support.logged import rows
from tests.support.served import Api, Serve

pytestmark = pytest.mark.services
CLICKS = {"2026-01-01": (5, 10, 60), "2026-01-02": (5, 10, 70)}


@pytest.fixture
def shop(serve: Serve, store_address: str, database: Settings) -> Iterator[Api]:
    """``shop``: two batches, the first of which was rolled back by hand, and one that is open."""
    registered(database, experiment())
    for batch, clicks in CLICKS.items():
        observe(database, batch, clicks, observed_at=NOON)
        update_experiment(database, "shop", provenance={})
    # Of the day on which it was read: it may miss rewards.
    observe(database, "2026-01-10", (1, 1, 1), observed_at=NOON)
    roll_back(database, "shop", to="default", by="ana", why="the page broke")
    with serve(store_address) as api:
        yield api


def let_go(api: Api, **body: Any) -> dict[str, Any]:
    answer = api.client.post("/experiments/shop/release", json=body)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def stops(database: Settings) -> str | None:
    with transaction(database) as connection:
        return holds.standing(connection, "shop").stops


def test_a_release_is_a_row_with_who_and_why_and_publishing_goes_on(
    shop: Api, database: Settings
) -> None:
    assert stops(database) == "publishing is held by ana: the page broke"
    before = rows(database, "select max(version) as v from allot.weights_snapshot")
    done = let_go(shop, reason="the page is mended")
    assert done.keys() == HOLD.keys()
    HoldAnswer.model_validate(done)
    assert (done["number"], done["held"], done["through"]) == (2, False, "2026-01-02")
    assert (done["by"], done["why"]) == ("api", "the page is mended")
    assert stops(database) is None
    observe(database, "2026-01-03", (5, 10, 70), observed_at=NOON)
    update_experiment(database, "shop", provenance={})
    after = rows(database, "select max(version) as v from allot.weights_snapshot")
    assert after[0]["v"] == before[0]["v"] + 1


def test_it_writes_what_the_dag_writes(shop: Api, database: Settings) -> None:
    let_go(shop, reason="mended")
    release(database, "shop", by="api", why="mended")
    let_go(shop, reason="mended")
    found = rows(
        database, "select held, by, why, through from allot.publishing_hold where number > 1"
    )
    assert len(found) == 3
    assert found[0] == found[1] == found[2]


def test_summary_explanation_and_events_say_who_holds_it(shop: Api) -> None:
    hold = shop.get("/experiments/shop/summary").json()["publishing_hold"]
    assert (hold["by"], hold["why"]) == ("ana", "the page broke")
    explained = shop.get("/experiments/shop/versions/3/explain").json()["publishing_hold"]
    assert explained == hold
    let_go(shop, reason="mended")
    assert shop.get("/experiments/shop/summary").json()["publishing_hold"] is None
    assert shop.get("/experiments/shop/versions/3/explain").json()["publishing_hold"] is None
    events = shop.get("/experiments/shop/events").json()["events"]
    told = [
        (each["number"], each["by"], each["details"]) for each in events if each["kind"] == "hold"
    ]
    assert told == [
        (2, "api", {"held": False, "through": "2026-01-02"}),
        (1, "ana", {"held": True, "through": None}),
    ]
    history = shop.get("/experiments/shop/holds").json()
    HoldList.model_validate(history)
    assert (history["held"], [each["held"] for each in history["holds"]]) == (False, [True, False])


@pytest.mark.parametrize("reason", [None, "", "  ", "nul \0"])
def test_without_a_reason_nothing_is_released(
    shop: Api, database: Settings, reason: str | None
) -> None:
    body = {} if reason is None else {"reason": reason}
    answer = shop.client.post("/experiments/shop/release", json=body)
    assert (answer.status_code, answer.json()["field"]) == (422, "reason")
    assert stops(database) is not None


def test_what_does_not_exist_has_no_holds(shop: Api) -> None:
    answer = shop.client.post("/experiments/nobody/release", json={"reason": "mended"})
    assert answer.status_code == 404
    assert shop.get("/experiments/nobody/holds").status_code == 404
