"""The serving API."""

import sys
from functools import partial

from stack.config import HOST, StackConfig
from stack.part import Part
from stack.parts.http import get


def environment(config: StackConfig) -> dict[str, str]:
    """Where the API listens and what it keeps on disk."""
    return {
        "ALLOT_SERVING_HOST": HOST,
        "ALLOT_SERVING_PORT": str(config.serving_port),
        "ALLOT_SERVING_WORKERS": str(config.serving_workers),
        "ALLOT_SERVING_SNAPSHOT_DIR": str(config.folder("serving")),
        "ALLOT_SERVING_SPOOL_DIR": str(config.folder("serving") / "spool"),
        # The stack listens on the loopback alone.
        "ALLOT_SERVING_REQUIRE_KEYS": "false",
        "ALLOT_SERVING_URL": f"http://{HOST}:{config.serving_port}",
    }


def _prepare(config: StackConfig) -> None:
    config.folder("serving").mkdir(parents=True, exist_ok=True)


def _health(config: StackConfig) -> str | None:
    answer = get(f"http://{HOST}:{config.serving_port}/health")
    return None if answer.ok else answer.problem


def part(config: StackConfig) -> Part:
    """Return serving as a part of the stack; its weights come later, its store must be there."""
    return Part(
        name="serving",
        command=(sys.executable, "-m", "serving"),
        env={},
        health=partial(_health, config),
        ports={"ALLOT_SERVING_PORT": (config.serving_port,)},
        needs=("store", "allot-schema"),
        prepare=partial(_prepare, config),
        grace=15.0,
        url=f"http://{HOST}:{config.serving_port}/docs",
    )
