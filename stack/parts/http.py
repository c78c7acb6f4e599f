"""One plain HTTP question to a part on loopback, never by way of a proxy."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What came back, or why nothing did."""

    status: int
    body: bytes
    problem: str

    @property
    def ok(self) -> bool:
        """Whether the part says that it is well."""
        return self.status == 200

    def json(self) -> Any:  # noqa: ANN401
        """Parse the body."""
        return json.loads(self.body)


def get(url: str) -> Answer:
    """Ask a URL; a refused connection is an answer, too."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as error:
        return Answer(0, b"", f"no answer: {error}")
    finally:
        connection.close()
    said = body[:200].decode(errors="replace")
    return Answer(response.status, body, f"answers {response.status}: {said}")
