"""The page on declaring an experiment says what the schema does."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from include.errors import InfeasibleLimitsError
from include.experiments.schema import Experiment, LimitsDeclaration

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "declare-an-experiment.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text("utf-8")


@pytest.fixture(scope="module")
def document(page: str) -> dict[str, Any]:
    found = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return tomllib.loads(found.group(1))


def test_the_example_can_be_declared(document: dict[str, Any]) -> None:
    assert Experiment.model_validate(document).default_buckets() == (5000, 2500, 2500)


def test_the_clash_is_told_as_the_page_says(page: str, document: dict[str, Any]) -> None:
    clashing = {**document, "limits": {"probability_floor": 0.4}}
    with pytest.raises(InfeasibleLimitsError) as refused:
        Experiment.model_validate(clashing)
    told = str(refused.value).partition("'shop-banner': ")[2]
    assert told
    assert told in page.replace("\n", " ")


def test_every_limit_is_listed(page: str) -> None:
    listed = set(re.findall(r"^\| `(\w+)|, `(\w+)` \|", page, re.MULTILINE))
    names = {name for pair in listed for name in pair}
    assert set(LimitsDeclaration.model_fields) <= names


def test_every_field_is_listed(page: str) -> None:
    for name in Experiment.model_fields:
        assert f"`{name}" in page, name


def test_the_command_of_the_page_runs(page: str) -> None:
    found = re.search(r'python -c "(.*?)"\n', page)
    assert found is not None
    exec(compile(found.group(1), str(PAGE), "exec"), {})
