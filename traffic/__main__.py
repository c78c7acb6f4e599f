"""Play users against the running stack: ``python -m traffic --minutes 3``."""

import argparse
import asyncio
import os
import sys
import time
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from allot_client import AllotError as ClientError
from include.errors import AllotError
from stack.config import StackConfig
from stack.platform import Stack
from stack.progress import StartProgress
from traffic.play import Played, declare, play
from traffic.report import show
from traffic.wake import FOLLOWING, LOG_DAG, finish, waking

CLOSING_SECONDS = 36.0
MOST_PER_SECOND = 200.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m traffic", description=__doc__)
    parser.add_argument("--users", type=float, default=20.0, help="per second, up to 200")
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--experiment", help="default: a new one, named by the time")
    arguments = parser.parse_args()
    if not 0 < arguments.users <= MOST_PER_SECOND or arguments.minutes <= 0:
        parser.error("--users is above 0 and at most 200, --minutes above 0")
    return arguments


def main() -> int:
    """Play, follow, and show; an error that was foreseen is one message."""
    arguments = _arguments()
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    stack = Stack(StackConfig(), os.environ)
    experiment = arguments.experiment or f"traffic-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    try:
        with StartProgress(console) as progress:
            stack.up(progress=progress)
        played = _play(stack, experiment, arguments, console)
    except (AllotError, ClientError) as error:
        Console(stderr=True).print(f"[red]✗[/] {error}", highlight=False)
        return 1
    show(console, stack.environment["ALLOT_READER_DATABASE_URL"], experiment, played)
    url = stack.environment["ALLOT_SERVING_URL"]
    console.print(f"More: {url}/experiments/{experiment}/summary")
    return 0


def _play(stack: Stack, experiment: str, arguments: argparse.Namespace, console: Console) -> Played:
    url, seconds = stack.environment["ALLOT_SERVING_URL"], 60 * arguments.minutes
    with stack.airflow() as airflow:
        for dag in (LOG_DAG, *FOLLOWING):
            airflow.wait_for_dag(dag)
        asyncio.run(declare(url, experiment))
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with waking(airflow), Progress(*columns, console=console) as bar:
            shown, begun = bar.add_task(experiment, total=seconds), time.monotonic()

            def tell(played: Played) -> None:
                version = played.shown[-1].version if played.shown else 0
                told = f"{len(played.shown):,} users, {played.rewards:,} rewards, v{version}"
                bar.update(shown, completed=time.monotonic() - begun, description=told)

            played = asyncio.run(
                play(
                    url, experiment, per_second=arguments.users, seconds=seconds,
                    seed=arguments.seed, progress=tell,
                )
            )  # fmt: skip
            console.print("waiting until the last batch has closed …")
            time.sleep(CLOSING_SECONDS)
        finish(airflow)
    return played


if __name__ == "__main__":
    sys.exit(main())
