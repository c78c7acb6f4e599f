"""The page on the client is run as it stands."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import Api

pytestmark = pytest.mark.services
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "use-the-client.md"


def test_the_code_of_the_page_runs(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 5
    names: dict[str, Any] = {"url": f"http://127.0.0.1:{api.port}", "key": None}
    for block in blocks:
        exec(block, names)
    names["allot"].close()
    assert names["decision"].logged
    assert "blue" in capsys.readouterr().out
