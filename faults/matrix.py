"""Which faults hit which parts, and what clients may then go without."""

from dataclasses import dataclass
from typing import Final, Literal

Tolerates = Literal["nothing", "the fault"]


@dataclass(frozen=True, slots=True)
class Row:
    """A fault of a part.

    Attributes
    ----------
    target
        One worker, the whole API, or a part of the stack.
    kind
        Name of an injury.
    tolerates
        ``nothing``: every client is answered by the API all the time; ``the fault``: there may be
        answers of the client alone, but only while the fault lasts and a little longer.
    """

    target: str
    kind: str
    tolerates: Tolerates = "nothing"

    @property
    def name(self) -> str:
        """As shown, and as chosen on the command line."""
        return f"{self.target}: {self.kind}"


MATRIX: Final = (
    Row("worker", "kill"),
    Row("worker", "freeze"),
    Row("api", "kill", "the fault"),
    Row("api", "freeze", "the fault"),
    Row("api", "full disk", "the fault"),
    Row("api", "lost replies"),
    Row("store", "kill"),
    Row("store", "freeze"),
    Row("store", "full disk"),
    Row("store", "lost replies"),
    Row("postgres", "kill"),
    Row("postgres", "freeze"),
    Row("postgres", "full disk"),
    Row("postgres", "lost replies"),
    Row("s3", "kill"),
    Row("s3", "freeze"),
    Row("s3", "full disk"),
    Row("s3", "lost replies"),
    Row("scheduler", "kill"),
    Row("scheduler", "freeze"),
)
"""The whole of it. A full disk or lost replies of a single worker are those of the API; the
scheduler's disk and database are PostgreSQL's."""


def chosen(words: list[str]) -> list[Row]:
    """Return the rows whose name holds all of some words; all without any."""
    return [row for row in MATRIX if all(word in row.name for word in words)]
