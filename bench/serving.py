"""The API beside a naive one (FastAPI, a Redis round trip per request), in one run.

One core for the server, another for the load (`wrk`) and PostgreSQL. Both sides answer a decision
only once its record is committed: the naive one by an INSERT of its own over a pool.
``python -m bench.serving`` prints requests per second, median latency, ratios.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

import redis

from bench._services import services
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.experiments import Submission, register
from include.tasks.reconcile import reconcile_all
from stack.ports import free_ports

SECONDS = 5
# Enough that a group commit has a group.
CONNECTIONS = 128
# One position, since the naive service knows no slates.
EXPERIMENT = "bench-serving"
ARMS = 34
ALLOCATION = f"/allocation?experiment_id={EXPERIMENT}"
DECISION = f"/decision?experiment_id={EXPERIMENT}&unit_id=user-1234"
# A whole run's target; the machine's other work moves both sides alike.
TARGETS = {ALLOCATION: 6.0, DECISION: 8.0}

NAIVE = """
import json, os, random, uuid
from contextlib import asynccontextmanager
import redis.asyncio as redis
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel

pool = AsyncConnectionPool(
    os.environ["ALLOT_DATABASE_URL"], min_size=16, max_size=16, open=False,
    kwargs={"autocommit": True, "prepare_threshold": 0},
)

@asynccontextmanager
async def lifespan(_):
    await pool.open(wait=True)
    async with pool.connection() as connection:
        await connection.execute(
            "create table if not exists naive (decision_id uuid primary key, experiment text,"
            " unit text, arm text, propensity float, decided_at timestamptz default now())"
        )
    yield
    await pool.close()

app = FastAPI(lifespan=lifespan)
store = redis.from_url(os.environ["ALLOT_STORE_URL"], max_connections=512)

class Allocation(BaseModel):
    experiment_id: str
    weights: dict[str, float]

class Decision(BaseModel):
    experiment_id: str
    unit_id: str
    arm_id: str
    propensity: float

@app.get("/allocation")
async def allocation(experiment_id: str) -> Allocation:
    weights = json.loads(await store.get("naive:" + experiment_id))
    return Allocation(experiment_id=experiment_id, weights=weights)

@app.get("/decision")
async def decision(experiment_id: str, unit_id: str) -> Decision:
    weights = json.loads(await store.get("naive:" + experiment_id))
    arm = random.choices(list(weights), list(weights.values()))[0]
    share = weights[arm]
    async with pool.connection() as connection:
        await connection.execute(
            "insert into naive values (%s, %s, %s, %s, %s)",
            (uuid.uuid4(), experiment_id, unit_id, arm, share),
        )
    return Decision(experiment_id=experiment_id, unit_id=unit_id, arm_id=arm, propensity=share)
"""


class Measured(NamedTuple):
    """What wrk reports."""

    per_second: float
    median_ms: float


def main() -> int:
    """Measure both and return 0 if the ratios reach their targets."""
    if shutil.which("wrk") is None:
        sys.stdout.write("needs wrk, the load generator: apt-get install wrk\n")
        return 2
    failed = 0
    with (
        tempfile.TemporaryDirectory(prefix="allot-bench-") as folder,
        services(Path(folder)) as environment,
    ):
        _declare(environment)
        for path, target in TARGETS.items():
            naive, ours = _pair(path, environment, Path(folder))
            ratio = ours.per_second / naive.per_second
            failed += ratio < target
            sys.stdout.write(
                f"{path.partition('?')[0]:12} naive {naive.per_second:8,.0f}/s "
                f"{naive.median_ms:6.2f} ms   allot {ours.per_second:8,.0f}/s "
                f"{ours.median_ms:6.2f} ms   ratio {ratio:5.1f} (target {target:g})\n"
            )
    return int(failed > 0)


def _declare(environment: Mapping[str, str]) -> None:
    settings = _settings(environment)
    declared = Experiment.model_validate(
        {
            "slug": EXPERIMENT,
            "title": "a bench",
            "owner": "bench",
            "arms": [f"item-{arm}" for arm in range(ARMS)],
            "source": {"kind": "decision_log"},
        }
    )
    register(settings, declared, Submission("toml", "bench", "bench"))
    reconcile_all(settings)


def _settings(environment: Mapping[str, str]) -> Settings:
    named = {name.removeprefix("ALLOT_").lower(): value for name, value in environment.items()}
    return Settings.model_validate(named)


def _pair(path: str, environment: dict[str, str], folder: Path) -> tuple[Measured, Measured]:
    (folder / "naive.py").write_text(NAIVE)
    ports = free_ports()
    naive_port, port = next(ports), next(ports)
    naive = [
        *("uvicorn", "naive:app", "--port", str(naive_port), "--loop", "uvloop"),
        *("--http", "httptools", "--no-access-log", "--log-level", "warning"),
    ]
    ours = {**environment, "ALLOT_SERVING_PORT": str(port), "ALLOT_SERVING_LOG_LEVEL": "WARNING"}
    with (
        _server(naive, naive_port, {**environment, "PYTHONPATH": str(folder)}),
        _server(["serving"], port, ours),
    ):
        _same_weights(environment, port)
        return _load(naive_port, path), _load(port, path)


def _same_weights(environment: dict[str, str], port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{ALLOCATION}", timeout=10) as answer:
        weights = json.load(answer)["weights"]
    with redis.Redis.from_url(environment["ALLOT_STORE_URL"]) as client:
        client.set(f"naive:{EXPERIMENT}", json.dumps(weights))


@contextmanager
def _server(module: list[str], port: int, environment: dict[str, str]) -> Iterator[None]:
    command = ["taskset", "-c", "0", sys.executable, "-m", *module]
    with subprocess.Popen(command, env={**os.environ, **environment}) as process:
        try:
            _wait(port)
            yield
        finally:
            process.terminate()


def _wait(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=1).close()
        except (URLError, TimeoutError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def _load(port: int, path: str) -> Measured:
    core = str(max(os.sched_getaffinity(0)))
    command = [
        *("taskset", "-c", core, "wrk", "-t1", f"-c{CONNECTIONS}", "--latency"),
        *(f"-d{SECONDS}", f"http://127.0.0.1:{port}{path}"),
    ]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in report:
        raise RuntimeError(f"the server refused requests:\n{report}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", report)
    median = re.search(r"50%\s+([\d.]+)(us|ms|s)", report)
    if rate is None or median is None:
        raise RuntimeError(f"wrk reported nothing:\n{report}")
    scale = {"us": 1e-3, "ms": 1.0, "s": 1e3}[median[2]]
    return Measured(float(rate[1]), float(median[1]) * scale)


if __name__ == "__main__":
    sys.exit(main())
