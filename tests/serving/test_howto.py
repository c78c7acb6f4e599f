"""The how-to's commands are run as a reader would run them."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.served import Api

pytestmark = pytest.mark.services
PAGE = Path(__file__).parents[2] / "docs" / "howto" / "call-the-api.md"


def test_every_command_of_the_page_works(api: Api) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 10
    outputs = []
    for block in blocks[1:]:
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            env={**os.environ, "ALLOT_API": f"http://127.0.0.1:{api.port}"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout
        outputs.append(result.stdout)
    together = "\n".join(outputs)
    for told in (
        '"arm_id"',
        "Zoë & friends",
        '"buckets"',
        "304",
        "my-request-1",
        "ready",
        "forced",
        "recorded",
    ):
        assert told in together
