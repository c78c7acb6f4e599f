"""A study's table: rows of measured rates with their Monte-Carlo error, as Markdown and CSV."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

Cell = str | int | float
SOURCE: Final = (
    "Simulated by `python -m studies {name}`, seed {seed}. Rates are followed by their 95 % "
    "Monte-Carlo error."
)


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate over independent runs.

    Attributes
    ----------
    hits
        Runs in which it happened.
    runs
        All runs.
    """

    hits: int
    runs: int

    @classmethod
    def of(cls, happened: ArrayLike) -> "Rate":
        """Count runs in which something happened."""
        happened = np.asarray(happened, np.bool_)
        return cls(int(np.count_nonzero(happened)), int(happened.size))

    @property
    def value(self) -> float:
        """The observed rate."""
        return self.hits / self.runs

    @property
    def error(self) -> float:
        """Half-width of the 95 % normal interval: the Monte-Carlo error."""
        return float(1.96 * np.sqrt(self.value * (1.0 - self.value) / self.runs))

    def lower(self, level: float = 0.99) -> float:
        """Return the exact one-sided lower bound (Clopper & Pearson 1934)."""
        if self.hits == 0:
            return 0.0
        return float(betaincinv(self.hits, self.runs - self.hits + 1, 1.0 - level))

    def at_most(self, promise: float) -> bool:
        """Tell whether the data allow the promise: the 99 % lower bound does not exceed it."""
        return self.lower() <= promise

    def at_least(self, promise: float) -> bool:
        """Tell whether the data allow the promise from the other side."""
        return Rate(self.runs - self.hits, self.runs).at_most(1.0 - promise)

    def __str__(self) -> str:
        """Write as per cent with Monte-Carlo error."""
        return f"{100 * self.value:.1f} % ± {100 * self.error:.1f}"


@dataclass(frozen=True, slots=True)
class Study:
    """What a study found.

    Attributes
    ----------
    name
        File name without suffix.
    title
        Headline.
    question
        What was asked, and how it was simulated.
    rows
        The table; every row has the same columns.
    promises
        What was promised and whether the data allow it.
    reading
        What the reader should take from it, limits included.
    source
        By what it was simulated, with places for name and seed.
    """

    name: str
    title: str
    question: str
    seed: int
    rows: Sequence[Mapping[str, Cell | Rate]]
    promises: Mapping[str, bool] = field(default_factory=dict)
    reading: str = ""
    source: str = SOURCE

    @property
    def kept(self) -> bool:
        """Whether every promise is kept."""
        return all(self.promises.values())

    def markdown(self) -> str:
        """Write the page that the docs show."""
        columns = list(self.rows[0])
        lines = [
            f"# {self.title}",
            "",
            self.question,
            "",
            self.source.format(name=self.name, seed=self.seed),
            "",
            f"| {' | '.join(columns)} |",
            f"|{'---|' * len(columns)}",
        ]
        lines += [f"| {' | '.join(_text(row[c]) for c in columns)} |" for row in self.rows]
        if self.promises:
            lines += ["", "Promised, and judged at the 99 % bound of the observed rates:", ""]
            lines += [f"- {'kept' if ok else '**broken**'}: {p}" for p, ok in self.promises.items()]
        if self.reading:
            lines += ["", self.reading]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path) -> None:
        """Write ``<name>.md`` and ``<name>.csv``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.name}.md").write_text(self.markdown(), "utf-8")
        with (folder / f"{self.name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            for row in self.rows:
                writer.writerow({k: _number(v) for k, v in row.items()})


def _text(cell: Cell | Rate) -> str:
    return f"{cell:.4g}" if isinstance(cell, float) else str(cell)


def _number(cell: Cell | Rate) -> Cell:
    if isinstance(cell, Rate):
        return round(cell.value, 6)
    return round(cell, 6) if isinstance(cell, float) else cell
