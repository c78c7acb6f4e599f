"""The page on adding a policy is run as it stands: the file, the line, the test, the TOML."""

import importlib
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from include.bandit import policies
from include.bandit.policies import POLICIES, Policy, method_of
from include.experiments.schema import Experiment
from tests.support.sums import declare

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "add-a-policy.md"
BLOCK = re.compile(r"```(python|toml)\n(?:# (\S+)\n)?(.*?)```", re.S)
BLOCKS = {name or kind: code for kind, name, code in BLOCK.findall(PAGE.read_text("utf-8"))}
FILE = "include/bandit/policies/boltzmann.py"
LINE = "include/bandit/policies/__init__.py"
TEST = "tests/bandit/policies/test_boltzmann.py"


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put the page's file beside the policies, and its line into the registry."""
    (tmp_path / "boltzmann.py").write_text(BLOCKS[FILE], "utf-8")
    monkeypatch.setattr(policies, "__path__", [*policies.__path__, str(tmp_path)])
    module = importlib.import_module("include.bandit.policies.boltzmann")
    line = eval("{" + BLOCKS[LINE] + "}", {"Policy": Policy, "boltzmann": module})
    for name, policy in line.items():
        monkeypatch.setitem(POLICIES, name, policy)
    yield
    del sys.modules["include.bandit.policies.boltzmann"]
    del policies.boltzmann  # type: ignore[attr-defined]


def test_the_page_has_its_parts() -> None:
    assert set(BLOCKS) == {FILE, LINE, TEST, "toml"}


@pytest.mark.usefixtures("added")
def test_the_pages_own_test_passes() -> None:
    namespace: dict[str, object] = {}
    exec(compile(BLOCKS[TEST], TEST, "exec"), namespace)
    tests = [value for name, value in namespace.items() if name.startswith("test_")]
    assert tests
    for test in tests:
        test()  # type: ignore[operator]


@pytest.mark.usefixtures("added")
def test_the_toml_declares_the_policy() -> None:
    document = declare().document() | tomllib.loads(BLOCKS["toml"])
    experiment = Experiment.model_validate(document)
    assert method_of(experiment.policy.name) == "boltzmann/1"
    parsed = policies.find(experiment.policy.name, experiment.policy.params)[1]
    assert parsed.model_dump()["temperature"] == 0.005
