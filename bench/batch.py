"""One batch of 100 experiments of 10 arms: task time from statistics to publish to reports.

``python -m bench.batch [--experiments N] [--before N]``. What the mapped tasks of
`update_allocation`, `judge_experiments` and `decide_experiments` do, without Airflow, in two
processes that live on, as its workers would; the log is in silver before the clock starts.
"""

import argparse
import logging
import multiprocessing
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from bench._services import services

EXPERIMENTS: Final = 100
ARMS: Final = 10
DECISIONS: Final = 5_000
PROCESSES: Final = 2
SECONDS_TO_REACH: Final = 60.0
START: Final = datetime(2026, 3, 2, tzinfo=UTC)
RUN: Final = "bench"

_DECISIONS: Final = """
insert into allot.decision (
    experiment, decision_id, unit, cell, version, content_hash, strategy,
    arms, arm_ids, shares, buckets, decided_at
)
select
    %(slug)s, gen_random_uuid(), 'unit-' || i, '*', %(version)s, %(hash)s, 'thompson',
    array[arm], array['arm-' || arm], array[(%(shares)s::smallint[])[arm + 1]], array[bucket],
    %(start)s::timestamptz + i * interval '1 day' / %(rows)s
from (
    select i, bucket, (%(arms)s::smallint[])[width_bucket(bucket, %(starts)s::integer[])] as arm
    from (
        select i, floor(random() * 10000)::smallint as bucket
        from generate_series(0, %(rows)s - 1) as i
    ) as hashed
) as drawn
"""
_REWARDS: Final = """
insert into allot.reward (experiment, reward_id, decision_id, value, occurred_at)
select experiment, 'decision/' || decision_id, decision_id, 1, decided_at + interval '1 minute'
from allot.decision
where experiment = %(slug)s and decided_at >= %(start)s and random() < 0.1 + 0.002 * arm
"""

Task = Callable[[str, dict[str, Any]], dict[str, Any]]
Measured = list[tuple[str, float]]


def main() -> int:
    """Measure; fail if the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.batch", description=__doc__)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--before", type=int, default=7, help="batches that were folded before")
    given = parser.parse_args()
    slugs = [f"bench-{number:03}" for number in range(given.experiments)]
    with (
        tempfile.TemporaryDirectory(prefix="allot-bench-") as folder,
        services(Path(folder)) as environment,
    ):
        os.environ.update(environment)
        # Their clients must not be shared, so each process imports and connects by itself.
        context = multiprocessing.get_context("spawn")
        with context.Pool(PROCESSES, initializer=_quiet) as pool:
            begin = time.perf_counter()
            pool.map(_declared, slugs, chunksize=1)
            for batch in range(given.before + 1):
                if batch:
                    pool.map(_updated, slugs, chunksize=1)
                pool.map(partial(_logged, batch=batch), slugs, chunksize=1)
            say(f"{len(slugs)} experiments × {given.before + 1} batches of {DECISIONS:,} decisions")
            say(f"in silver after {time.perf_counter() - begin:.0f} s\n")
            begin = time.perf_counter()
            seconds = Counter[str]()
            for tasks in (_updated, _judged, _portfolio, _decided):
                for measured in pool.map(tasks, slugs if tasks is not _portfolio else [""], 1):
                    seconds.update(dict(measured))
            wall = time.perf_counter() - begin
        _check(slugs, given.before + 1)
    return _conclude(seconds, wall, len(slugs))


def _conclude(seconds: Counter[str], wall: float, experiments: int) -> int:
    for task, taken in seconds.items():
        say(f"{task:<10} {taken:6.1f} s of task time, {1000 * taken / experiments:6.1f} ms each")
    total = sum(seconds.values())
    say(f"total      {total:6.1f} s of task time; {wall:.1f} s by the clock")
    say(f"to reach:  {SECONDS_TO_REACH:.0f} s of task time")
    return int(total > SECONDS_TO_REACH)


def _quiet() -> None:
    logging.disable(logging.WARNING)


def _declared(slug: str) -> None:
    from include.experiments.schema import Experiment
    from include.settings import settings
    from include.stores.reports.experiments import Submission, register

    declared = Experiment.model_validate(
        {
            "slug": slug,
            "title": "a bench",
            "owner": "bench",
            "arms": [f"arm-{arm}" for arm in range(ARMS)],
            "control": "arm-0",
            "source": {"kind": "decision_log"},
            "reward": {"kind": "bernoulli", "window": "PT1H"},
            "limits": {"probability_floor": 0.02},
        }
    )
    register(settings(), declared, Submission("toml", "bench", "bench"))


def _logged(slug: str, batch: int) -> None:
    """Write a batch of the log, drawn by the live shares, and bring it to silver."""
    from include.settings import settings
    from include.stores.reports.connection import transaction
    from include.stores.reports.weights import head
    from include.tasks.decision_log.export import export_log
    from include.tasks.decision_log.silver import make_silver

    start = START + timedelta(days=batch)
    with transaction(settings(), statement_seconds=600) as connection:
        live = head(connection, slug)
        [ranges] = live.content.cells["*"]
        values = {
            "slug": slug,
            "rows": DECISIONS,
            "start": start,
            "version": live.version,
            "hash": live.content_hash,
            "shares": list(live.content.buckets()),
            "starts": [first for first, _, _ in ranges],
            "arms": [arm for _, _, arm in ranges],
        }
        connection.execute(_DECISIONS, values)
        connection.execute(_REWARDS, values)
    # The other process's transaction may hold back the horizon: until all is in bronze.
    while export_log(settings(), slug).decisions == 0:
        time.sleep(0.05)
    make_silver(settings(), slug, (start + timedelta(days=2)).isoformat())


def _updated(slug: str) -> Measured:
    return list(_timed(slug, _UPDATE))


def _judged(slug: str) -> Measured:
    return list(_timed(slug, {"judge": _judge}))


def _decided(slug: str) -> Measured:
    return list(_timed(slug, {"decide": _decide, "end": _end}))


def _portfolio(_: str) -> Measured:
    from include.settings import settings
    from include.tasks.judgement.store import decide_portfolio

    begin = time.perf_counter()
    decide_portfolio(settings())
    return [("portfolio", time.perf_counter() - begin)]


def _timed(slug: str, tasks: dict[str, Task]) -> Iterator[tuple[str, float]]:
    row: dict[str, Any] = {}
    for name, task in tasks.items():
        begin = time.perf_counter()
        row = task(slug, row)
        yield name, time.perf_counter() - begin


def _aggregate(slug: str, _: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.update_run import aggregate_experiment

    return dict(aggregate_experiment(settings(), slug))


def _guard(_: str, row: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.guard_run import guard_row

    return dict(guard_row(settings(), row, until=None, dag_run=RUN))  # type: ignore[arg-type]


def _update(_: str, row: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.update_run import update_row

    return dict(update_row(settings(), row, until=None, dag_run=RUN))  # type: ignore[arg-type]


def _publish(_: str, row: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.update_run import publish_row

    return dict(publish_row(settings(), row))  # type: ignore[arg-type]


def _judge(slug: str, row: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.judgement.store import judge_and_store

    judge_and_store(settings(), slug, dag_run=RUN)
    return row


def _decide(slug: str, _: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.decide.follow import decide_row

    return dict(decide_row(settings(), slug, dag_run=RUN))


def _end(_: str, row: dict[str, Any]) -> dict[str, Any]:
    from include.settings import settings
    from include.tasks.decide.follow import end_row

    end_row(settings(), row, dag_run=RUN)  # type: ignore[arg-type]
    return row


_UPDATE: Final[dict[str, Task]] = {
    "aggregate": _aggregate,
    "guard": _guard,
    "update": _update,
    "publish": _publish,
}


def _check(slugs: list[str], batches: int) -> None:
    """Every experiment learned from every batch, is served, was judged and decided on."""
    from include.settings import settings
    from include.stores.reports.connection import transaction
    from include.stores.weights import WeightsStore

    settings.cache_clear()
    with transaction(settings()) as connection, WeightsStore(settings()) as store:
        for slug in slugs:
            row = connection.execute(
                "select (select max(version) from allot.weights_snapshot where experiment = %(s)s),"
                " (select count(*) from allot.recommendation where experiment = %(s)s)",
                {"s": slug},
            ).fetchone()
            pointer = store.pointer(slug)
            if row != (batches, 1) or pointer is None or pointer.version != batches:
                raise RuntimeError(f"{slug}: (version, recommendations) {row}, served {pointer}")


def say(line: str) -> None:
    """Print at once, so that a long run shows how far it is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
