"""A small TCP proxy that loses replies: what was asked for happens, nobody hears of it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class LossyProxy:
    """Forwards bytes to a server until a reply is to be lost, then closes both sides.

    Attributes
    ----------
    loses_reply_to
        Told every chunk that a client sends; once it says True, the chunk still goes to the
        server, and the server's answer is read but never forwarded.
    losses
        How many replies were lost so far.
    """

    target: tuple[str, int]
    loses_reply_to: Callable[[bytes], bool]
    losses: int = 0
    _listener: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port on which the proxy listens, on loopback."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """Stop accepting connections."""
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self.target) as server:
            for side in (client, server):
                # Else small packets wait for each other's acknowledgement, 40 ms at a time.
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            lost = threading.Event()
            back = threading.Thread(target=self._answer, args=(server, client, lost), daemon=True)
            back.start()
            with suppress(OSError):
                while chunk := client.recv(65_536):
                    if self.loses_reply_to(chunk):
                        lost.set()
                    server.sendall(chunk)
            with suppress(OSError):
                server.shutdown(socket.SHUT_WR)
            back.join(timeout=5)

    def _answer(self, server: socket.socket, client: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while chunk := server.recv(65_536):
                if lost.is_set():
                    # The server has answered, so it has applied what it was asked.
                    self.losses += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(chunk)
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def lossy_proxy(
    target: tuple[str, int], loses_reply_to: Callable[[bytes], bool]
) -> Iterator[LossyProxy]:
    """Run a proxy for a while; it listens once the block is entered."""
    proxy = LossyProxy(target, loses_reply_to)
    try:
        yield proxy
    finally:
        proxy.close()


def once(marker: bytes, nth: int = 1) -> Callable[[bytes], bool]:
    """Return a predicate that is True for the n-th chunk that holds the marker, once.

    Parameters
    ----------
    marker
        Bytes to look for, in any case.
    nth
        Counts from 1.
    """
    seen = 0

    def decides(chunk: bytes) -> bool:
        nonlocal seen
        here = marker.lower() in chunk.lower()
        seen += here
        return here and seen == nth

    return decides
