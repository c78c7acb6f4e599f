"""One set of names: settings, the example, the embedded stack and docker-compose agree."""

import re
from pathlib import Path

import pytest
import yaml

from include.settings import Settings
from serving.settings import ServingSettings
from stack.compose import COMPOSE, compose_config, main, required_variables
from stack.config import ROOT, StackConfig
from stack.init import ADMIN, READER, STEPS
from stack.parts import mlflow
from stack.platform import Stack
from stack.temporary import temporary_config

PREFIXES = ("ALLOT_", "AIRFLOW", "MLFLOW_", "AWS_")
# What the stack's own commands read, which containers do not run.
STACK_ONLY = {"ALLOT_STATE_DIR"}


def names_of(model: type[Settings | ServingSettings | StackConfig]) -> set[str]:
    return {f"ALLOT_{name.upper()}" for name in model.model_fields}


def ours(names: object) -> set[str]:
    return {name for name in names if name.startswith(PREFIXES)}  # type: ignore[attr-defined]


@pytest.fixture
def made(tmp_path: Path) -> Stack:
    return Stack(temporary_config(tmp_path))


@pytest.fixture
def services() -> dict[str, dict[str, object]]:
    """Compose's services with all anchors resolved."""
    found: dict[str, dict[str, object]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def test_the_example_lists_every_setting_and_nothing_else() -> None:
    listed = re.findall(r"^#? ?(ALLOT_\w+)=", (ROOT / ".env.example").read_text(), re.M)
    assert len(listed) == len(set(listed))
    known = names_of(Settings) | names_of(ServingSettings) | names_of(StackConfig)
    assert set(listed) == known | required_variables()


def test_the_example_sets_no_secret() -> None:
    assigned = re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.M)
    assert {name for name, _ in assigned} == required_variables()
    assert all(value == "" for _, value in assigned)


def test_compose_and_the_stack_set_the_same_names(
    made: Stack, services: dict[str, dict[str, object]]
) -> None:
    composed = set().union(*(ours(service.get("environment", ())) for service in services.values()))
    embedded = ours(made.environment) | ours(made.parts["mlflow"].env) | {ADMIN}
    # Host names other than the loopback's, and a revision that no .git says, are the images' alone.
    images_only = {
        "ALLOT_SERVING_TRUSTED_HOSTS", "MLFLOW_SERVER_ALLOWED_HOSTS", "ALLOT_CODE_REVISION"
    }  # fmt: skip
    assert composed - images_only == embedded - STACK_ONLY


def test_compose_runs_the_stack_s_own_entry_points(
    made: Stack, services: dict[str, dict[str, object]]
) -> None:
    for name in ("airflow-api", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"):
        assert list(made.parts[name].command[1:]) == services[name]["command"][1:]  # type: ignore[index]
    assert services["serving"]["command"] == ["python", *made.parts["serving"].command[1:]]
    assert services["init"]["command"] == ["python", "-m", "stack.init"]
    assert set(made.steps) == set(STEPS)


def test_the_pipeline_s_settings_are_complete_in_both(
    made: Stack, services: dict[str, dict[str, object]]
) -> None:
    required = {
        f"ALLOT_{name.upper()}"
        for name, field in Settings.model_fields.items()
        if field.is_required()
    }
    assert required
    assert required <= set(made.environment)
    assert required <= set(services["airflow-scheduler"]["environment"])  # type: ignore[call-overload]
    assert READER in made.environment


def test_only_the_server_of_mlflow_knows_its_keys(made: Stack) -> None:
    private = mlflow.server_environment(made.config, made.secrets)
    assert "AWS_SECRET_ACCESS_KEY" in private
    assert not set(private) & set(made.environment)


@pytest.mark.parametrize("missing", sorted(required_variables()))
def test_compose_has_no_default_password(missing: str) -> None:
    given = dict.fromkeys(required_variables() - {missing}, "placeholder")
    refused = compose_config(given, "--quiet")
    assert refused.returncode != 0
    assert missing in refused.stderr


def test_compose_file_and_dockerfiles_are_valid() -> None:
    assert main() == 0


def test_compose_publishes_on_loopback_alone(services: dict[str, dict[str, object]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", ())]  # type: ignore[attr-defined]
    assert len(ports) >= 6
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_waits_for_health_everywhere(services: dict[str, dict[str, object]]) -> None:
    running = {name: service for name, service in services.items() if name != "init"}
    assert all("healthcheck" in service for service in running.values())
    for name, service in running.items():
        waits = service.get("depends_on", {})
        assert waits or name in {"postgres", "dragonfly", "minio"}
        assert all("condition" in need for need in waits.values())  # type: ignore[attr-defined]
