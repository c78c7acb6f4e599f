"""What clients may send: hosts, sizes, times; and that both ways to an answer agree."""

import json
import socket
from typing import Any

import pytest

from tests.support.served import Api, Serve

pytestmark = pytest.mark.services


def raw(api: Api, request: bytes, seconds: float = 5.0) -> bytes:
    """Send bytes and read until the server closes or pauses."""
    with socket.create_connection(("127.0.0.1", api.port), timeout=seconds) as connection:
        connection.sendall(request)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def test_another_host_is_refused(api: Api) -> None:
    for path in ("/decision?experiment_id=button", "/health", "/docs"):
        answer = api.client.get(path, headers={"host": "evil.example"})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80"])
def test_loopback_hosts_are_accepted_with_any_port(api: Api, host: str) -> None:
    assert api.client.get("/health", headers={"host": host}).status_code == 200


def test_two_hosts_or_none_are_refused(api: Api) -> None:
    for hosts in (b"host: localhost\r\nhost: evil\r\n", b""):
        answer = raw(api, b"GET /health HTTP/1.1\r\n" + hosts + b"connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 421")


def test_a_body_that_is_too_large_is_refused(serve: Serve, store_address: str) -> None:
    with serve(store_address, serving_max_body_bytes=1000) as api:
        answer = api.client.post("/nowhere", content=b"x" * 1001)
        assert answer.status_code == 413
        assert answer.json()["type"] == "urn:allot:problem:body-too-large"


@pytest.mark.parametrize("pieces", [1, 50])
def test_headers_that_are_too_large_are_refused(
    serve: Serve, store_address: str, pieces: int
) -> None:
    with serve(store_address, serving_max_header_bytes=2000) as api:
        big = b"".join(b"x-%d: %b\r\n" % (n, b"y" * (3000 // pieces)) for n in range(pieces))
        answer = raw(api, b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + big + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "start",
    [b"", b"GET /hea", b"POST /x HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nab"],
)
def test_a_request_that_is_never_complete_is_ended(
    serve: Serve, store_address: str, start: bytes
) -> None:
    with serve(store_address, serving_receive_seconds=0.2) as api:
        answer = raw(api, start)
        assert answer == b"" or b" 408 " in answer or b" 404 " in answer


def test_a_request_id_comes_back_and_is_made_where_it_is_not_safe(api: Api) -> None:
    for path in ("/decision?experiment_id=button", "/health", "/nowhere"):
        answer = api.client.get(path, headers={"x-request-id": "abc-1"})
        assert answer.headers["x-request-id"] == "abc-1"
        for unsafe in ("a b", "x" * 65, '"'):
            answer = api.client.get(path, headers={"x-request-id": unsafe})
            assert answer.headers["x-request-id"] != unsafe


def test_pipelined_requests_are_answered_in_order(api: Api) -> None:
    """Prompt answers must not overtake those that wait."""
    paths = ["/health", "/decision?experiment_id=button", "/allocation?experiment_id=slate"] * 4
    lines = b"".join(
        b"GET %b HTTP/1.1\r\nhost: localhost\r\n\r\n" % path.encode() for path in paths
    )
    received = raw(
        api, lines + b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    bodies = [
        json.loads(part.split(b"\r\n\r\n", 1)[1]) for part in received.split(b"HTTP/1.1 200 OK")[1:]
    ]
    kinds = [
        "health" if set(body) == {"status"} else "ready" if "missing" in body
        else "decision" if "decision_id" in body else "allocation"
        for body in bodies
    ]  # fmt: skip
    assert kinds == ["health", "decision", "allocation"] * 4 + ["ready"]


def test_old_clients_get_their_connection_closed(api: Api) -> None:
    request = b"GET /decision?experiment_id=button HTTP/1.0\r\nhost: localhost\r\n\r\n"
    answer = raw(api, request)
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer


@pytest.mark.parametrize(
    "path",
    [
        "/allocation?experiment_id=slate",
        "/decision?experiment_id=button&unit_id=u",
        "/decision?experiment_id=button&unit_id=%ff",
        "/decision?experiment_id=unknown",
        "/allocation",
    ],
)
def test_the_prompt_way_and_the_ordinary_way_agree(api: Api, path: str) -> None:
    """A GET is answered in the protocol, unless it waits behind another on its connection."""
    prompt = api.client.get(path)
    first = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n"
    second = b"GET %b HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n" % path.encode()
    head, _, body = raw(api, first + second).rpartition(b"\r\n\r\n")
    ordinary = json.loads(body)
    assert f" {prompt.status_code} ".encode() in head.split(b"\r\n\r\n")[-1].partition(b"HTTP/")[2]
    assert _lasting(ordinary) == _lasting(prompt.json())


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    passing = {"decision_id", "request_id", "age_seconds", "confirmed_seconds_ago"}
    return {name: value for name, value in answer.items() if name not in passing}


@pytest.mark.parametrize(
    "request_line",
    [b"GET /\xff HTTP/1.1", b"GET /%ff HTTP/1.1", b"GET /..%2f..%2fetc/passwd HTTP/1.1", b"\x00"],
)
def test_odd_request_lines_end_in_a_refusal(api: Api, request_line: bytes) -> None:
    answer = raw(api, request_line + b"\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    assert api.client.get("/health").status_code == 200
