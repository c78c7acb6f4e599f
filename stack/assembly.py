"""All parts and steps of the stack, put together from one configuration."""

from collections.abc import Mapping
from functools import partial

from stack import init
from stack.config import StackConfig
from stack.environment import base_environment, stack_environment
from stack.part import Part, Step
from stack.parts import airflow, mlflow, postgres, s3, serving, store
from stack.secrets import Secrets

SERVICES = ("postgres", "store", "s3")
SERVICE_STEPS = ("databases", "buckets")


def assemble(
    config: StackConfig, secrets: Secrets, overrides: Mapping[str, str]
) -> tuple[dict[str, str], list[Part], list[Step]]:
    """Put the stack together: its environment, its parts, its steps."""
    environment = stack_environment(config, secrets, overrides)
    parts = [
        postgres.part(config, secrets),
        store.part(config, secrets),
        s3.part(config, secrets),
        mlflow.part(config, secrets, environment),
        *airflow.parts(config, secrets),
        serving.part(config),
    ]
    return environment, parts, _steps(config, secrets, environment)


def _steps(config: StackConfig, secrets: Secrets, environment: Mapping[str, str]) -> list[Step]:
    """Make `stack.init`'s functions steps, with what only they may know in their environment."""
    full = {
        **base_environment(),
        **environment,
        **mlflow.server_environment(config, secrets),
        init.ADMIN: postgres.admin_url(config, secrets),
    }
    needs = {
        "databases": ("postgres",), "buckets": ("s3",), "allot-schema": ("databases",),
        "mlflow-schema": ("databases",), "airflow-schema": ("databases",),
        "airflow-login": (),
    }  # fmt: skip
    return [Step(name, partial(run, full), needs[name]) for name, run in init.STEPS.items()]
