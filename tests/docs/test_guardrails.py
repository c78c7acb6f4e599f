"""The page's declaration is one, and its table says the defaults."""

import re
import tomllib
from pathlib import Path

from include.experiments.guardrails import GUARDRAILS
from tests.support.guarded import own

PAGE = (Path(__file__).parents[2] / "docs" / "howto" / "guardrails.md").read_text("utf-8")


def test_the_declaration_on_the_page_can_be_declared() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    declared = own(**tomllib.loads(block)).guardrails
    assert declared.critical == ("reward_drop", "srm")
    assert declared.custom["least-clicks"].arm == "new"


def test_the_page_names_every_guardrail() -> None:
    assert set(GUARDRAILS) <= set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
