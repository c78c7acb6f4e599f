"""Check docker-compose.yaml and the Dockerfiles without a container engine."""

import os
import re
import subprocess
import sys

from stack.config import ROOT
from stack.parts.programs import program

COMPOSE = ROOT / "docker-compose.yaml"
REQUIRED = re.compile(r"\$\{(\w+):\?")


def required_variables() -> set[str]:
    """Return the variables without which compose refuses to start."""
    return set(REQUIRED.findall(COMPOSE.read_text()))


def compose_config(environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    """Run Compose's own check, with every profile, in nothing but this environment."""
    command = [program("docker-compose"), "--project-directory", str(ROOT), "-f", str(COMPOSE)]
    return subprocess.run(
        [*command, "--env-file", os.devnull, "--profile", "*", "config", *options],
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> int:
    """Run all three checks; exit with 1 when one of them finds something."""
    placeholders = dict.fromkeys(required_variables(), "placeholder")
    checked = compose_config(placeholders, "--quiet")
    sys.stderr.write(checked.stderr)
    codes = [checked.returncode]
    files = [str(path) for path in sorted((ROOT / "docker").glob("*.Dockerfile"))]
    schema = ["--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    commands = [program("check-jsonschema"), *schema], [program("hadolint"), *files]
    codes += [subprocess.run(command, check=False).returncode for command in commands]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
