"""A real server in this process, so that tests can look at both of its sides."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from serving.app import create_app
from serving.edge import Edge
from serving.protocol import BoundedProtocol
from serving.settings import ServingSettings


@dataclass(frozen=True)
class Api:
    """A running server and a client for it."""

    client: httpx.Client
    port: int
    app: Edge

    def get(self, path: str, **params: str) -> httpx.Response:
        """Send a GET."""
        return self.client.get(path, params=params)

    def metric(self, name: str) -> float:
        """Return one series' value, 0 where it does not exist."""
        for line in self.client.get("/metrics").text.splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        return 0.0


Serve = Callable[..., Any]


@contextmanager
def running(settings: ServingSettings) -> Iterator[Api]:
    app = create_app(settings)
    config = uvicorn.Config(
        app, http=BoundedProtocol, ws="none", log_config=None, access_log=False,
        server_header=False, proxy_headers=False, limit_concurrency=settings.serving_concurrency,
    )  # fmt: skip
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            eventually(lambda: server.started or not thread.is_alive())
            assert server.started
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as client:
                yield Api(client, port, app)
        finally:
            server.should_exit = True
            thread.join(timeout=20)
            assert not thread.is_alive()


def eventually(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds, and fail if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)
