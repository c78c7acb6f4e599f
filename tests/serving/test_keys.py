"""Keys: who may do what, and that nothing of a refusal says what the key was."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from include.errors import SettingsError
from include.settings import Settings
from serving.keys import __main__ as command
from serving.settings import serving_settings
from tests.support.declared import experiment, registered
from tests.support.logged import rows
from tests.support.publishing import Publisher
from tests.support.served import Api, Serve, eventually

MakeKey = Callable[..., str]


@pytest.fixture
def make_key(database: Settings, capsys: pytest.CaptureFixture[str]) -> MakeKey:
    def make(*scopes: str, experiments: tuple[str, ...] = ()) -> str:
        words = ["create", "--name", "tests"]
        for scope in scopes:
            words += ["--scope", scope]
        for slug in experiments:
            words += ["--experiment", slug]
        assert command.main(words) == 0
        return capsys.readouterr().out.strip()

    return make


@pytest.fixture
def closed(serve: Serve, store_address: str, publisher: Publisher) -> Iterator[Api]:
    publisher.publish("button")
    publisher.publish("other")
    with serve(store_address, serving_require_keys=True) as api:
        yield api


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def calls(api: Api, token: str) -> dict[str, int]:
    """Status of one call per scope, with a key."""
    headers = bearer(token)
    sent = {
        "decide": api.client.get("/decision?experiment_id=button", headers=headers),
        "reward": api.client.post(
            "/reward",
            json={"experiment_id": "button", "arm_id": "blue", "reward": 1},
            headers=headers,
        ),
        "manage": api.client.post(
            "/experiments", json={"experiment_id": "new", "arm_ids": ["a", "b"]}, headers=headers
        ),
        "read": api.client.get("/experiments", headers=headers),
    }
    return {scope: answer.status_code for scope, answer in sent.items()}


@pytest.mark.services
def test_a_key_does_what_its_scopes_say_and_no_more(closed: Api, make_key: MakeKey) -> None:
    assert calls(closed, make_key("decide")) == {
        "decide": 200, "reward": 403, "manage": 403, "read": 403,
    }  # fmt: skip
    assert calls(closed, make_key("reward", "read")) == {
        "decide": 403, "reward": 200, "manage": 403, "read": 200,
    }  # fmt: skip
    assert calls(closed, make_key("manage"))["manage"] == 201


@pytest.mark.services
def test_a_release_of_publishing_needs_manage_and_keeps_the_name_of_the_key(
    closed: Api, make_key: MakeKey, database: Settings
) -> None:
    registered(database, experiment(slug="button"))
    path, body = "/experiments/button/release", {"reason": "mended"}
    for scope, status in (("decide", 403), ("reward", 403), ("read", 403), ("manage", 200)):
        token = make_key(scope)
        answer = closed.client.post(path, json=body, headers=bearer(token))
        assert answer.status_code == status, scope
    elsewhere = make_key("manage", experiments=("other",))
    assert closed.client.post(path, json=body, headers=bearer(elsewhere)).status_code == 403
    written = rows(database, "select by, why, through from allot.publishing_hold")
    assert written == [{"by": "tests", "why": "mended", "through": None}]


@pytest.mark.services
def test_without_a_key_nothing_but_probes_and_documentation_answers(
    closed: Api, make_key: MakeKey
) -> None:
    token = make_key("decide")
    document = closed.get("/openapi.json").json()
    assert document["security"] == [{"key": []}]
    for path, operations in document["paths"].items():
        for method in operations:
            answer = closed.client.request(method, path.replace("{experiment_id}", "button"))
            if path in ("/health", "/ready"):
                assert answer.status_code == 200
                continue
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
    for wrong in (token[:-1] + ("a" if token[-1] != "a" else "b"), "allot_x", "' or 1=1 --"):
        answer = closed.client.get("/decision?experiment_id=button", headers=bearer(wrong))
        assert answer.status_code == 401
    assert closed.client.get(
        "/decision?experiment_id=button", headers={"x-api-key": token}
    ).is_success


@pytest.mark.services
def test_a_restricted_key_reaches_its_experiments_alone(closed: Api, make_key: MakeKey) -> None:
    token = make_key("decide", "reward", "manage", "read", experiments=("button", "mine"))
    headers = bearer(token)

    def send(method: str, path: str, **given: Any) -> httpx.Response:
        return closed.client.request(method, path, headers=headers, **given)

    body = {"experiment_id": "other"}
    refused = [
        send("GET", "/decision?experiment_id=other"),
        send("GET", "/allocation?experiment_id=other"),
        send("POST", "/decision", json=body),
        send("POST", "/reward", json={**body, "arm_id": "blue", "reward": 1}),
        send("POST", "/experiments", json={**body, "arm_ids": ["a", "b"]}),
        send("POST", "/events", json={**body, "events": [
            {"date": "2026-01-01", "arm_id": "a", "impressions": 1, "clicks": 1}
        ]}),
        send("GET", "/experiments/other"),
        send("PATCH", "/experiments/other", json={}),
        send("POST", "/experiments/other/pause"),
        send("GET", "/experiments/..%2Fmine"),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused[:-1]] == [403] * 9
    assert refused[-1].status_code in (403, 404)
    made = send("POST", "/experiments", json={"experiment_id": "mine", "arm_ids": ["a", "b"]})
    assert (made.status_code, made.json()["submitted_by"]) == (201, "tests")
    listed = send("GET", "/experiments").json()["experiments"]
    assert [each["experiment_id"] for each in listed] == ["mine"]


@pytest.mark.services
def test_reports_are_read_by_keys_with_that_scope_and_of_that_experiment(
    closed: Api, make_key: MakeKey
) -> None:
    token = make_key("manage")
    body = {"experiment_id": "mine", "arm_ids": ["a", "b"]}
    assert closed.client.post("/experiments", json=body, headers=bearer(token)).is_success
    paths = [
        path.replace("{experiment_id}", "mine").replace("{version}", "0")
        for path, operations in closed.get("/openapi.json").json()["paths"].items()
        if "get" in operations and path.startswith("/experiments/{experiment_id}/")
    ]
    assert len(paths) >= 10

    def statuses(*scopes: str, experiments: tuple[str, ...] = ()) -> set[int]:
        headers = bearer(make_key(*scopes, experiments=experiments))
        return {closed.client.get(path, headers=headers).status_code for path in paths}

    assert statuses("decide", "reward") == {403}
    assert statuses("read", experiments=("other",)) == {403}
    assert statuses("read", experiments=("mine",)) == {200}
    assert statuses("read") == {200}


@pytest.mark.services
def test_a_revoked_key_is_refused_soon_and_no_secret_is_kept(
    closed: Api, make_key: MakeKey, database: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    token = make_key("decide")
    headers = bearer(token)
    assert closed.client.get("/decision?experiment_id=button", headers=headers).is_success
    key_id = token.split("_")[1]
    assert command.main(["revoke", key_id]) == 0
    eventually(
        lambda: (
            closed.client.get("/decision?experiment_id=button", headers=headers).status_code == 401
        )
    )
    assert command.main(["revoke", key_id]) == 1
    assert command.main(["list"]) == 0
    said = capsys.readouterr()
    assert key_id in said.out
    secret = token.split("_", 2)[2]
    assert secret not in said.out + said.err + str(rows(database, "select * from allot.api_key"))


@pytest.mark.services
def test_who_asks_too_often_waits_and_others_do_not(
    serve: Serve, store_address: str, publisher: Publisher, make_key: MakeKey
) -> None:
    publisher.publish("button")
    often, seldom = make_key("decide"), make_key("decide")
    with serve(store_address, serving_require_keys=True, serving_key_rate=0.01) as api:
        first, second = (
            api.client.get("/allocation?experiment_id=button", headers=bearer(often))
            for _ in range(2)
        )
        assert (first.status_code, second.status_code) == (200, 429)
        assert 1 <= int(second.headers["retry-after"]) <= 100
        assert second.json()["type"] == "urn:allot:problem:too-many-requests"
        other = api.client.get("/allocation?experiment_id=button", headers=bearer(seldom))
        assert other.status_code == 200


@pytest.mark.parametrize(
    ("host", "required", "starts"),
    [
        ("127.0.0.1", "false", True),
        ("::1", "false", True),
        ("localhost", "false", True),
        ("0.0.0.0", "false", False),
        ("10.1.2.3", "false", False),
        ("0.0.0.0", "true", True),
    ],
)
def test_beyond_loopback_nobody_is_served_without_a_key(
    monkeypatch: pytest.MonkeyPatch, host: str, required: str, *, starts: bool
) -> None:
    given = {"HOST": host, "REQUIRE_KEYS": required}
    for name, value in given.items():
        monkeypatch.setenv(f"ALLOT_SERVING_{name}", value)
    monkeypatch.setenv("ALLOT_STORE_URL", "redis://127.0.0.1:1")
    monkeypatch.setenv("ALLOT_DATABASE_URL", "postgresql://127.0.0.1:1/none")
    serving_settings.cache_clear()
    if starts:
        assert serving_settings().serving_host == host
    else:
        with pytest.raises(SettingsError, match="ALLOT_SERVING_REQUIRE_KEYS"):
            serving_settings()
    serving_settings.cache_clear()


def test_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ALLOT_DATABASE_URL", raising=False)
    assert command.main(["list"]) == 1
    assert "ALLOT_DATABASE_URL" in capsys.readouterr().err
