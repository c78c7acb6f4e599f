"""Ports: whether they are free, who has them, and free ones for tests."""

import random
import socket
from collections.abc import Iterator

import psutil

from include.errors import StackError
from stack.config import HOST, S3_PORTS
from stack.part import Part

# Below the kernel's range for outgoing connections, so that none of those takes one meanwhile.
LOWEST, HIGHEST = 20000, 32000


def is_free(port: int) -> bool:
    """Whether a port of the loopback address can be listened on now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr.port == port
            and connection.pid
        ):
            return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return "a process of another user"


def check_free(part: Part) -> None:
    """Refuse to start a part whose port somebody else has.

    Raises
    ------
    StackError
        Naming the port, its holder and the variable that moves the part.
    """
    for variable, numbers in part.ports.items():
        for port in numbers:
            if not is_free(port):
                raise StackError(
                    f"port {port} of {part.name} is taken by {_holder(port)}; "
                    f"stop it, or set {variable} to another port"
                )


def free_ports() -> Iterator[int]:
    """Yield ports that were free a moment ago, each the first of a block as SeaweedFS needs."""
    starts = list(range(LOWEST, HIGHEST, S3_PORTS))
    random.SystemRandom().shuffle(starts)
    for start in starts:
        if all(is_free(port) for port in range(start, start + S3_PORTS)):
            yield start
