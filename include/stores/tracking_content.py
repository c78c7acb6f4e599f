"""What a tracked run holds: numbers, curves, tables and figures, before any server sees them."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from include.contract.canonical import Json, content_hash

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Charts of MLflow sample about this many points; more only slows them.
POINTS_PER_CURVE: Final = 300
DOTS_PER_INCH: Final = 144

Row = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Curve:
    """A metric with explicit steps, ascending.

    The run shows at most 300 of its points; the whole curve goes beside it as a CSV file.
    """

    name: str
    steps: Sequence[int]
    values: Sequence[float]

    def __post_init__(self) -> None:
        if len(self.steps) != len(self.values):
            raise ValueError(
                f"curve {self.name!r}: {len(self.steps)} steps, {len(self.values)} values"
            )

    def thinned(self, most: int = POINTS_PER_CURVE) -> Iterator[tuple[int, float]]:
        """Yield at most ``most`` points, evenly spread, the first and the last among them."""
        count = len(self.steps)
        if count <= most:
            yield from zip(self.steps, self.values, strict=True)
            return
        for index in range(most):
            place = round(index * (count - 1) / (most - 1))
            yield self.steps[place], self.values[place]


@dataclass(frozen=True, slots=True)
class RunContent:
    """Everything that one run shows.

    Attributes
    ----------
    title
        Name of the run for people.
    params
        What was asked for; runs are compared by them.
    tags
        Where it came from: DAG run, weights version, lake version, code revision.
    metrics
        Single numbers, at ``step``; what is unknown is left out.
    curves
        Metrics with their own steps.
    tables
        File name without suffix to its rows, stored as CSV.
    documents
        File name without suffix to a JSON value.
    figures
        File name without suffix to a figure, stored as PNG; `Drawn` draws them when needed.
    """

    title: str
    step: int = 0
    params: Mapping[str, Json] = field(default_factory=dict)
    tags: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    documents: Mapping[str, Json] = field(default_factory=dict)
    figures: "Mapping[str, Figure]" = field(default_factory=dict)


class Drawn(Mapping[str, "Figure"]):
    """Figures that are drawn when they are looked at: a run that is complete needs none."""

    def __init__(self, drawings: "Mapping[str, Callable[[], Figure]]") -> None:
        self._drawings = drawings

    def __getitem__(self, name: str) -> "Figure":
        """Draw a figure."""
        return self._drawings[name]()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, drawing nothing."""
        return iter(self._drawings)

    def __len__(self) -> int:
        """Return how many figures there are."""
        return len(self._drawings)


def points(content: RunContent) -> Iterator[tuple[str, int, float]]:
    """Yield every metric point as (name, step, value)."""
    for name, value in content.metrics.items():
        yield name, content.step, value
    for curve in content.curves:
        for step, value in curve.thinned():
            yield curve.name, step, value


def digest(content: RunContent) -> str:
    """Name the content, without its tags: who logs it again does not change what it says."""
    return content_hash(
        [
            content.title,
            dict(content.params),
            [list(point) for point in points(content)],
            {name: [dict(row) for row in rows] for name, rows in content.tables.items()},
            dict(content.documents),
            list[Json](sorted(content.figures)),
        ]
    )


def write_artifacts(folder: Path, content: RunContent) -> None:
    """Write tables, whole curves, documents and figures below a folder."""
    for curve in content.curves:
        rows = zip(curve.steps, curve.values, strict=True)
        pairs = [{"step": step, "value": value} for step, value in rows]
        _write_table(folder / "curves" / f"{_file_name(curve.name)}.csv", pairs)
    for name, table in content.tables.items():
        _write_table(folder / "tables" / f"{name}.csv", table)
    for name, document in content.documents.items():
        text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
        _place(folder / f"{name}.json").write_text(text + "\n", "utf-8")
    for name, figure in content.figures.items():
        figure.savefig(_place(folder / "figures" / f"{name}.png"), dpi=DOTS_PER_INCH)


def _write_table(path: Path, rows: Sequence[Row]) -> None:
    names = list(dict.fromkeys(name for row in rows for name in row))
    with _place(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows({name: _safe(value) for name, value in row.items()} for row in rows)


def _safe(value: Json) -> Json:
    # A spreadsheet would run text that starts so as a formula.
    if isinstance(value, str) and value[:1] in "=+-@\t\r" and value:
        return f"'{value}"
    return json.dumps(value, sort_keys=True) if isinstance(value, (dict, list)) else value


def _file_name(metric: str) -> str:
    return metric.replace("/", ".")


def _place(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
