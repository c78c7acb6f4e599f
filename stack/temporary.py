"""Stacks for tests: in a folder that goes away, on ports that nobody has."""

from pathlib import Path

from stack.config import StackConfig
from stack.ports import free_ports


def temporary_config(state_dir: Path, **changes: object) -> StackConfig:
    """Return a configuration for a stack beside others: free ports, all folders under one."""
    free = free_ports()
    ports = {
        name: next(free)
        for name in StackConfig.model_fields
        if name.endswith("_port") and "database" not in name
    }
    folders = dict.fromkeys(
        ("postgres_dir", "store_dir", "s3_dir", "airflow_home", "log_dir", "serving_dir")
    )
    given = {"min_free_mb": 100, **ports, **folders, **changes}
    return StackConfig(state_dir=state_dir, **given)  # type: ignore[arg-type]
