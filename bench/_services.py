"""Embedded services for benches that need them: migrated, with the shipped experiments."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from include.stores.reports.migrate import migrate
from include.tasks.experiments import declared, sync_experiment
from stack.assembly import SERVICE_STEPS, SERVICES
from stack.platform import Stack
from stack.temporary import temporary_config


@contextmanager
def services(folder: Path) -> Iterator[dict[str, str]]:
    """Run PostgreSQL, Valkey and S3 for a while; yields the environment that names them."""
    stack = Stack(temporary_config(folder / "stack"))
    stack.up(SERVICES, SERVICE_STEPS, owner=os.getpid())
    try:
        migrate(stack.settings)
        for name in declared(stack.settings):
            sync_experiment(stack.settings, name, submitted_by="bench")
        yield stack.environment
    finally:
        stack.down()
