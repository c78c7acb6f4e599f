"""A gateway before the API that can be too busy, too slow, or gone."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BUSY = (
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 0\r\ncontent-length: 0\r\n"
    b"connection: close\r\n\r\n"
)


@dataclass
class Gateway:
    """Forwards connections to a server.

    Attributes
    ----------
    busy
        How many of the next connections are answered 429.
    seconds
        How long every answer is held back.
    connections
        How many came so far.
    """

    target: tuple[str, int]
    busy: int = 0
    seconds: float = 0.0
    connections: int = 0
    _listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Refuse connections from now on."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self.busy -= 1
                threading.Thread(
                    target=self._serve, args=(client, self.busy >= 0), daemon=True
                ).start()

    def _serve(self, client: socket.socket, busy: bool) -> None:
        with client, suppress(OSError):
            if busy:
                client.recv(65_536)
                client.sendall(BUSY)
                return
            with socket.create_connection(self.target) as server:
                back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
                back.start()
                while chunk := client.recv(65_536):
                    server.sendall(chunk)
                server.shutdown(socket.SHUT_WR)
                back.join(timeout=5)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while chunk := server.recv(65_536):
                time.sleep(self.seconds)
                client.sendall(chunk)


@contextmanager
def before(port: int) -> Iterator[Gateway]:
    """Put a gateway before a server on loopback."""
    gateway = Gateway(("127.0.0.1", port))
    try:
        yield gateway
    finally:
        gateway.close()
