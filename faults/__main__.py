"""Run the matrix of faults, or some of its rows: ``python -m faults postgres kill``."""

import argparse
import json
import logging
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import structlog
from rich.console import Console

from faults.ground import may_mount
from faults.matrix import Row, chosen
from faults.run import Outcome, run_row
from include.errors import AllotError


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("words", nargs="*", help="only rows whose name holds all of these")
    parser.add_argument("--seconds", type=float, default=120.0, help="of load, per row")
    parser.add_argument("--rate", type=float, default=40.0, help="decisions per second")
    parser.add_argument("--json", type=Path, help="where the summary is written, default: nowhere")
    parser.add_argument("--keep", type=Path, help="folder that keeps ledgers and logs")
    return parser.parse_args()


def main() -> int:
    """Run the rows one after another; 0 if every identity of every row holds."""
    arguments = _arguments()
    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    console = Console(width=None if sys.stdout.isatty() else 160, highlight=False)
    rows = chosen(arguments.words)
    if not rows:
        console.print(f"[red]✗[/] no row of the matrix holds {' '.join(arguments.words)}")
        return 2
    told = [_run(row, arguments, console) for row in rows]
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps(told, indent=1))
    good = sum(bool(each["holds"]) for each in told)
    console.print(f"{good} of {len(rows)} rows hold")
    return 0 if good == len(rows) else 1


def _run(row: Row, arguments: argparse.Namespace, console: Console) -> dict[str, object]:
    """Run one row and print its line; a row that cannot be run does not hold."""
    if row.kind == "full disk" and not may_mount():
        console.print(f"[yellow]–[/] {row.name}: not run, small disks need root")
        return {"name": row.name, "holds": False, "error": "small disks need root"}
    with tempfile.TemporaryDirectory(prefix="allot-faults-") as temporary:
        folder = arguments.keep / f"{time.time_ns()}" if arguments.keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            outcome = run_row(row, folder, seconds=arguments.seconds, per_second=arguments.rate)
        except AllotError as error:
            console.print(f"[red]✗[/] {row.name}: {error}")
            return {"name": row.name, "holds": False, "error": str(error)}
    _show(outcome, console)
    return {**asdict(outcome), "holds": outcome.holds}


def _show(outcome: Outcome, console: Console) -> None:
    mark = "[green]✓[/]" if outcome.holds else "[red]✗[/]"
    console.print(
        f"{mark} {outcome.name}: fault {outcome.fault_seconds:.0f} s,"
        f" {outcome.answered:,} answered, {outcome.away} not,"
        f" steps failed {outcome.step_failures} times, quiet {outcome.quiet_after:.0f} s after"
    )
    for each in outcome.identities:
        if not each.holds:
            console.print(f"    [red]✗ {each.name}[/]: {each.told}")


if __name__ == "__main__":
    sys.exit(main())
