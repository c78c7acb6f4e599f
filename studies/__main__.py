"""Run studies: all of them, or those that are named."""

import argparse
import importlib
import sys
import time
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from studies.table import Study

NAMES: Final = (
    "null",
    "null_five",
    "null_ten",
    "decide",
    "gate",
    "lifted",
    "coverage",
    "ope_coverage",
    "moving",
    "returning",
    "srm",
    "delay",
    "drift",
    "low_rates",
    "small_counts",
    "metrics",
)
FOLDER: Final = Path(__file__).parent.parent / "docs" / "studies"


def main() -> int:
    """Run, write the tables, and fail where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m studies", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="study", help=f"any of {', '.join(NAMES)}")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    asked = parser.parse_args()
    names = asked.names or list(NAMES)
    if unknown := sorted(set(names) - set(NAMES)):
        parser.error(f"no study {', '.join(unknown)}; there are {', '.join(NAMES)}")
    broken: list[str] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns) as progress:
        task = progress.add_task("studies", total=len(names))
        for name in names:
            progress.update(task, description=f"{name:12}")
            broken += _run(name, asked.folder, progress)
            progress.advance(task)
    for promise in broken:
        sys.stderr.write(f"broken: {promise}\n")
    return 1 if broken else 0


def _run(name: str, folder: Path, progress: Progress) -> list[str]:
    started = time.perf_counter()
    study: Study = importlib.import_module(f"studies.{name}").study()
    study.write(folder)
    progress.console.print(
        f"{name:12} {time.perf_counter() - started:6.1f} s  "
        f"{'every promise kept' if study.kept else 'PROMISE BROKEN'}"
    )
    return [f"{name}: {promise}" for promise, ok in study.promises.items() if not ok]


if __name__ == "__main__":
    sys.exit(main())
