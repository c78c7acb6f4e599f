"""Notifications: a real server receives them, and no secret is in them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from pydantic import SecretStr

from include import settings as settings_module
from include.notify import HIDDEN, Event, notify, redacted, text_of
from include.settings import Settings

PATH = "/services/T0/B0/quite-secret-token"


class Hook(BaseHTTPRequestHandler):
    """Takes messages as Slack does."""

    received: ClassVar[list[dict[str, Any]]] = []
    answer: ClassVar[int] = 200

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).received.append({"path": self.path, **json.loads(body)})
        self.send_response(type(self).answer)
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.received.clear()
    Hook.answer = 200
    server = HTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{PATH}"
    server.shutdown()
    thread.join()
    server.server_close()


def settings(webhook: str = "") -> Settings:
    return Settings(
        database_url=SecretStr("postgresql://allot:pg%2Fpass-word@127.0.0.1:5432/allot"),
        store_url=SecretStr("redis://:store-password@127.0.0.1:6379/0"),
        s3_endpoint="127.0.0.1:9000",
        s3_access_key=SecretStr("access-key-1"),
        s3_secret_key=SecretStr("secret-key-2"),
        mlflow_url="http://127.0.0.1:5000",
        airflow_url="http://127.0.0.1:8080",
        serving_url="http://127.0.0.1:8000",
        notify_webhook_url=SecretStr(webhook),
        timeout_seconds=5,
    )


SECRETS = (
    *("pg%2Fpass-word", "pg/pass-word", "store-password", "access-key-1", "secret-key-2"),
    *(PATH, "quite-secret-token"),
)
EVENT = Event("rollback", "rolled back to v3", "error rate 4 %", "shop", facts={"by": "ana"})


def test_a_server_receives_the_message(hook: str) -> None:
    assert notify(settings(hook), EVENT)
    (message,) = Hook.received
    assert message["path"] == PATH
    for word in ("rollback", "shop", "rolled back to v3", "error rate 4 %", "ana"):
        assert word in message["text"]


def test_the_log_has_it_without_a_webhook(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert not notify(settings(), EVENT)
    assert "rolled back to v3" in caplog.text


def test_no_secret_is_in_message_or_log(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    given = settings(hook)
    addresses = [
        given.database_url.get_secret_value(),
        given.store_url.get_secret_value(),
        hook,
        "mysql://somebody:else@10.0.0.1/db",
    ]
    leaking = Event(
        "verdict",
        f"failed at {addresses[0]}",
        " ".join((*addresses, *SECRETS)),
        facts={"store": addresses[1]},
        link=hook,
    )
    notify(given, leaking)
    (message,) = Hook.received
    for secret in (*SECRETS, "somebody:else"):
        assert secret not in message["text"], secret
        assert secret not in caplog.text, secret
    assert HIDDEN in message["text"]


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/secret-path", "ftp://x/secret-path", "x"])
def test_a_webhook_that_fails_fails_nothing_and_stays_secret(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert not notify(settings(address), EVENT)
    assert "cannot be reached" in caplog.text
    assert "secret-path" not in caplog.text


def test_a_refusal_is_logged_by_its_number(hook: str, caplog: pytest.LogCaptureFixture) -> None:
    Hook.answer = 404
    assert not notify(settings(hook), EVENT)
    assert "answered 404" in caplog.text
    assert "quite-secret-token" not in caplog.text


def test_nobody_is_called_by_what_people_wrote() -> None:
    text = text_of(settings(), Event("verdict", "<!channel> & more", facts={"why": "<http://x|y>"}))
    assert "<" not in text
    assert "&lt;!channel&gt; &amp; more" in text


def test_short_settings_do_not_take_a_text_apart() -> None:
    given = settings().model_copy(update={"s3_access_key": SecretStr("a")})
    assert redacted(given, "a banana") == "a banana"


@pytest.fixture
def environment(hook: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in settings(hook).model_dump(mode="python").items():
        plain = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        monkeypatch.setenv(f"ALLOT_{name.upper()}", plain)
    settings_module.settings.cache_clear()
    yield
    settings_module.settings.cache_clear()


def test_a_missed_deadline_is_told_from_where_airflow_runs_it(environment: None) -> None:
    from datetime import timedelta

    from airflow.sdk._shared.module_loading import import_string

    from dags.deadlines import ends_within

    callback = ends_within(timedelta(minutes=30), "look at it").callback
    notifier = import_string(callback.path)
    context = {"dag_run": {"dag_id": "update_allocation", "dag_run_id": "scheduled-1"}}

    async def run() -> None:
        # As the triggerer does.
        await notifier(**callback.kwargs, context=context)

    asyncio.run(run())
    (message,) = Hook.received
    for word in ("deadline", "30 minutes", "look at it", "update_allocation", "scheduled-1"):
        assert word in message["text"]


def test_the_notifier_renders_what_a_task_knows(environment: None) -> None:
    from plugins.allot_notifier import AllotNotifier

    notifier = AllotNotifier("approval", "{{ asked }}?", experiment="{{ params.experiment }}")
    notifier({"asked": "shop: ship b", "params": {"experiment": "shop"}})
    (message,) = Hook.received
    assert "shop: ship b?" in message["text"]
    assert "`shop`" in message["text"]
