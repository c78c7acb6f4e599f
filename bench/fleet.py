"""10,000 experiments of 100 arms in one process of the API: time to load, memory, latency.

Written to the store as the publisher writes them; ``python -m bench.fleet [EXPERIMENTS] [ARMS]``.
"""

import json
import os
import random
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from subprocess import Popen
from typing import Final
from urllib.error import HTTPError, URLError

import psutil
import redis

from bench._services import services
from include.contract.canonical import Json
from include.contract.names import EXPERIMENTS, head_key, version_key
from include.contract.published import Published
from include.contract.weights import POOLED_CELL, WeightsContent, contiguous_slot, derive_salt
from stack.ports import free_ports

REVISION: Final = "4f" * 32
EXPERIMENT_COUNT: Final = 10_000
ARMS: Final = 100
ASKED: Final = 500
PATIENCE: Final = 300.0


def main() -> int:
    """Load them, ask for some, print what it took; return 0 if every request was answered."""
    given = [int(each) for each in sys.argv[1:3]]
    count, arms = (*given, *(EXPERIMENT_COUNT, ARMS)[len(given) :])
    with (
        tempfile.TemporaryDirectory(prefix="allot-bench-") as folder,
        services(Path(folder)) as environment,
    ):
        with redis.Redis.from_url(environment["ALLOT_STORE_URL"]) as client:
            _fill(client, count, arms)
        port = next(iter(free_ports()))
        own = {
            **environment,
            "ALLOT_SERVING_PORT": str(port),
            "ALLOT_SERVING_LOG_LEVEL": "WARNING",
        }
        started = time.monotonic()
        with Popen([sys.executable, "-m", "serving"], env={**os.environ, **own}) as server:
            try:
                _wait_for(port, count)
                loaded = time.monotonic() - started
                memory = psutil.Process(server.pid).memory_info().rss / 2**20
                sys.stdout.write(
                    f"{count:,} experiments of {arms} arms: loaded in {loaded:.1f} s,"
                    f" {memory:,.0f} MiB\n"
                )
                for path in ("/allocation", "/decision"):
                    milliseconds = sorted(_ask(port, path, count))
                    tail = milliseconds[int(len(milliseconds) * 0.99)]
                    sys.stdout.write(
                        f"{path:12} {ASKED} answered, median {median(milliseconds):.2f} ms,"
                        f" 99 % within {tail:.2f} ms\n"
                    )
            finally:
                server.terminate()
    return 0


def _fill(client: redis.Redis, count: int, arms: int) -> None:
    pipe = client.pipeline(transaction=False)
    for number in range(count):
        snapshot = _snapshot(f"experiment-{number}", arms)
        name = snapshot.content.experiment
        pipe.set(version_key(name, 0), snapshot.value())
        pipe.set(head_key(name), snapshot.pointer().head())
        pipe.sadd(EXPERIMENTS, name)
        if number % 500 == 499:
            pipe.execute()
    pipe.execute()


def _snapshot(name: str, arms: int) -> Published:
    whole, rest = divmod(10_000, arms)
    slot = contiguous_slot([whole + (arm < rest) for arm in range(arms)])
    content = WeightsContent(
        experiment=name,
        revision=REVISION,
        parent=REVISION,
        batch=None,
        statistics=None,
        method="thompson/1",
        salt=derive_salt("rerandomise", name, REVISION, REVISION, None),
        arms=tuple(f"arm-{arm}" for arm in range(arms)),
        cells={POOLED_CELL: (slot,)},
    )
    moment: dict[str, Json] = {"version": 0, "effective_from": "2026-01-10T12:00:00+00:00"}
    return Published(content, content.hash(), moment)


def _wait_for(port: int, count: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            told = json.loads(_get(port, "/ready"))
            if told["experiments"] == count:
                return
        except (HTTPError, URLError, TimeoutError, ConnectionError):
            pass
        if time.monotonic() > deadline:
            raise TimeoutError(f"{count} experiments were not loaded in {PATIENCE:g} s")
        time.sleep(0.2)


def _ask(port: int, path: str, count: int) -> Iterator[float]:
    draw = random.Random(7)  # noqa: S311 - which ones are asked for
    for number in range(ASKED):
        name = f"experiment-{draw.randrange(count)}"
        unit = f"&unit_id=u{number}" if path == "/decision" else ""
        started = time.perf_counter()
        _get(port, f"{path}?experiment_id={name}{unit}")
        yield (time.perf_counter() - started) * 1e3


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        body: bytes = answer.read()
    return body


if __name__ == "__main__":
    sys.exit(main())
