import pytest

from include.contract.weights import BUCKETS
from tests.support.publishing import Publisher, published
from tests.support.served import Api, eventually

pytestmark = pytest.mark.services


def test_buckets_are_integers_that_sum_to_ten_thousand(api: Api) -> None:
    answer = api.get("/allocation", experiment_id="button").json()
    assert answer["buckets"] == {"blue": 3127, "green": 6873}
    assert sum(answer["buckets"].values()) == BUCKETS
    assert answer["weights"] == {"blue": 0.3127, "green": 0.6873}
    assert "positions" not in answer
    assert "cells" not in answer


def test_every_position_is_told_where_there_are_several(api: Api) -> None:
    answer = api.get("/allocation", experiment_id="slate").json()
    assert [each["position"] for each in answer["positions"]] == [0, 1, 2]
    assert all(sum(each["buckets"].values()) == BUCKETS for each in answer["positions"])
    assert answer["positions"][1]["weights"] == {"a": 0.0, "b": 0.0001, "c": 0.9999}
    assert answer["buckets"] == answer["positions"][0]["buckets"]


def test_every_cell_is_told_where_some_are_declared(api: Api, publisher: Publisher) -> None:
    publisher.publish("celled", cells={"new": [(1, 9999)], "old": [(9999, 1)]})
    answer = api.get("/allocation", experiment_id="celled").json()
    assert answer["cells"]["new"][0]["buckets"] == {"blue": 1, "green": 9999}
    assert api.get("/decision", experiment_id="celled", unit_id="u").status_code == 422
    decision = api.get("/decision", experiment_id="celled", unit_id="u", cell="old").json()
    assert decision["cell"] == "old"


def test_lineage_names_what_the_weights_were_made_from(api: Api) -> None:
    answer = api.get("/allocation", experiment_id="button").json()
    snapshot = published("button", buckets=[(3127, 6873)])
    assert answer["content_hash"] == snapshot.content_hash
    assert answer["lineage"]["parent"] == snapshot.content.parent
    assert answer["provenance"] == snapshot.provenance
    assert answer["age_seconds"] > 0
    assert answer["confirmed_seconds_ago"] < 5
    assert answer["stale"] is False


@pytest.mark.parametrize("form", ["{}", 'W/"other", {}', "*"])
def test_a_client_that_has_it_gets_304(api: Api, form: str) -> None:
    first = api.get("/allocation", experiment_id="button")
    headers = {"if-none-match": form.format(first.headers["etag"])}
    again = api.client.get("/allocation?experiment_id=button", headers=headers)
    assert again.status_code == 304
    assert again.content == b""
    assert again.headers["etag"] == first.headers["etag"]
    assert "max-age=1" in again.headers["cache-control"]


def test_a_new_version_changes_the_tag(api: Api, publisher: Publisher) -> None:
    tag = api.get("/allocation", experiment_id="button").headers["etag"]
    publisher.publish("button", 1)
    headers = {"if-none-match": tag}
    eventually(
        lambda: (
            api.client.get("/allocation?experiment_id=button", headers=headers).status_code == 200
        )
    )
    assert api.get("/allocation", experiment_id="button").json()["version"] == 1
