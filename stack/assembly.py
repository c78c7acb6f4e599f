"""All parts and steps of the stack, put together from one configuration."""

from collections.abc import Mapping

from include.settings import Settings
from stack.config import StackConfig
from stack.environment import allot_environment
from stack.part import Part, Step
from stack.parts import postgres, s3, store
from stack.secrets import Secrets

MLFLOW_BUCKET = "mlflow"


def assemble(
    config: StackConfig, secrets: Secrets, outer: Mapping[str, str]
) -> tuple[dict[str, str], list[Part], list[Step]]:
    """Put the stack together: its environment, its parts, its steps."""
    environment = allot_environment(config, secrets, outer)
    own = {key.removeprefix("ALLOT_").lower(): value for key, value in environment.items()}
    settings = Settings(**own)  # type: ignore[arg-type]
    parts = [
        postgres.part(config, secrets),
        store.part(config, secrets),
        s3.part(config, secrets),
    ]
    steps = [
        postgres.bootstrap(config, secrets),
        s3.buckets(settings, (MLFLOW_BUCKET,)),
    ]
    return environment, parts, steps
