"""The client can be taken alone: it imports httpx and tenacity, and nothing else of Allot."""

import subprocess
import sys

OTHERS = {"include", "serving", "stack", "pydantic", "fastapi", "psycopg", "redis", "numpy"}


def test_the_client_imports_nothing_of_the_platform() -> None:
    program = "import sys, allot_client; print(*sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    roots = {name.partition(".")[0] for name in result.stdout.split()}
    assert {"allot_client", "httpx", "tenacity"} <= roots
    assert roots & OTHERS == set()
