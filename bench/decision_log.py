"""1 million logged decisions through ingest to weights: seconds and memory, step by step.

Each step runs in a process of its own, as a task; its start and imports count.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench._measured import own_peak
from bench._services import services

ROWS = 1_000_000
SECONDS_TO_REACH = 60.0
SLUG = "bench-log"
ARMS = 5

_DECISIONS = """
insert into allot.decision (
    experiment, decision_id, unit, cell, version, content_hash, strategy,
    arms, arm_ids, shares, buckets, decided_at
)
select
    %(slug)s, gen_random_uuid(), 'unit-' || (i %% (%(rows)s / 3 + 1)), '*', 0, %(hash)s,
    'thompson', array[arm], array['arm-' || arm], array[2000], array[arm * 2000],
    %(start)s + i * interval '1 hour' / %(rows)s
from (
    select i, ((i %% (%(rows)s / 3 + 1))::bigint * 7919 %% %(arms)s)::smallint as arm
    from generate_series(1, %(rows)s) as i
) as drawn
"""
_REWARDS = """
insert into allot.reward (experiment, reward_id, decision_id, value, occurred_at)
select experiment, 'decision/' || decision_id, decision_id, 1, decided_at + interval '1 minute'
from allot.decision
where experiment = %(slug)s and random() < 0.02 * (arm + 1)
"""


@dataclass(frozen=True)
class Step:
    """One step of the way: what a task of that name does."""

    run: Callable[[], Any]


def main() -> int:
    """Measure; fail if the target is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.decision_log", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--step", choices=tuple(STEPS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step is not None:
        STEPS[given.step].run()
        sys.stdout.write(f"\n{json.dumps(own_peak())}\n")
        return 0
    with tempfile.TemporaryDirectory(prefix="allot-bench-") as folder:  # noqa: SIM117
        with services(Path(folder)) as environment:
            _fill(environment, given.rows)
            sys.stdout.write(f"{given.rows:,} decisions are in the log\n")
            sys.stdout.flush()
            found = {name: _run(name, environment) for name in STEPS}
            _check(environment, given.rows)
    return _conclude(found, given.rows)


def _fill(environment: dict[str, str], rows: int) -> None:
    """Write the log as the API would have, a day ago."""
    from include.experiments.schema import Experiment
    from include.settings import Settings
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import Submission, register
    from include.stores.reports.weights import head

    settings = _settings(environment)
    assert isinstance(settings, Settings)
    declared = Experiment.model_validate(
        {
            "slug": SLUG,
            "title": "a bench",
            "owner": "bench",
            "arms": [f"arm-{arm}" for arm in range(ARMS)],
            "source": {"kind": "decision_log"},
            "batch": "PT1H",
            "reward": {"kind": "bernoulli", "window": "PT1H"},
        }
    )
    register(settings, declared, Submission("toml", "bench", "bench"))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=24)
    with transaction(settings, statement_seconds=600) as connection:
        name = head(connection, SLUG).content_hash
        values = {"slug": SLUG, "rows": rows, "arms": ARMS, "hash": name, "start": start}
        connection.execute(_DECISIONS, values)
        connection.execute(_REWARDS, values)


def _settings(environment: dict[str, str]) -> Any:  # noqa: ANN401 - its import is slow
    from include.settings import settings

    os.environ.update(environment)
    settings.cache_clear()
    return settings()


def _check(environment: dict[str, str], rows: int) -> None:
    """Everything that was logged stands in the sums."""
    from include.stores.reports.connection import transaction

    with transaction(_settings(environment)) as connection:
        row = connection.execute(
            "select sum(decisions)::bigint, sum(sum_r), (select count(*) from allot.reward)"
            " from allot.arm_statistics where experiment = %s",
            (SLUG,),
        ).fetchone()
    # Decisions of a unit that came back in a later batch under one version are not drawn anew.
    if row is None or not 0 < row[0] <= rows or not 0 < row[1] <= row[2]:
        raise RuntimeError(f"sums hold {row}, of {rows} decisions")
    sys.stdout.write(f"sums: {row[0]:,} decisions, {row[1]:,.0f} of {row[2]:,} rewards\n")


def _run(step: str, environment: dict[str, str]) -> tuple[float, float]:
    begin = time.perf_counter()
    result = subprocess.run(
        [sys.executable, "-m", "bench.decision_log", "--step", step],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    seconds = time.perf_counter() - begin
    peak = float(json.loads(result.stdout.splitlines()[-1]))
    sys.stdout.write(f"{step:<12} {seconds:7.1f} s  peak {peak / 1e9:5.2f} GB\n")
    sys.stdout.flush()
    return seconds, peak


def _conclude(found: dict[str, tuple[float, float]], rows: int) -> int:
    total = sum(seconds for seconds, _ in found.values())
    target = SECONDS_TO_REACH * max(1.0, rows / ROWS)
    sys.stdout.write(f"total        {total:7.1f} s; to reach: {target:.0f} s\n")
    return int(total > target)


def _export() -> None:
    from include.settings import settings
    from include.tasks.decision_log.export import export_log

    export_log(settings(), SLUG)


def _silver() -> None:
    from include.settings import settings
    from include.tasks.decision_log.silver import make_silver

    make_silver(settings(), SLUG, datetime.now(UTC).isoformat())


def _learn() -> None:
    from include.settings import settings
    from include.tasks.update_run import aggregate_experiment, publish_row, update_row

    row = aggregate_experiment(settings(), SLUG)
    publish_row(settings(), update_row(settings(), row, until=None, dag_run="bench"))


STEPS = {"export": Step(_export), "silver": Step(_silver), "learn": Step(_learn)}


if __name__ == "__main__":
    sys.exit(main())
