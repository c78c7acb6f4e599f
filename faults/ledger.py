"""What clients asked and were told, kept outside the system: a file that is only appended to."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

ASKED: Final = "asked"
DECIDED: Final = "decided"
REWARDING: Final = "rewarding"
REWARDED: Final = "rewarded"
AWAY: Final = "away"


class Ledger:
    """A line per fact, in the order of the facts.

    A question is noted before it is sent, and an acknowledgement once it is there: what the system
    may hold lies between the two.

    Parameters
    ----------
    path
        File; created, or continued.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._file = path.open("a", encoding="utf-8")

    def note(self, what: str, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Append a fact."""
        line = json.dumps({"what": what, "at": time.time(), **facts})
        with self._lock:
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        """Append nothing any more."""
        self._file.close()

    def facts(self, what: str) -> Iterator[dict[str, Any]]:
        """Yield the facts of one kind, oldest first."""
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                fact = json.loads(line)
                if fact["what"] == what:
                    yield fact
