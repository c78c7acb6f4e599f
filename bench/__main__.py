"""Run the benches, each in a process of its own so that peak memory is its own.

``python -m bench`` runs all; ``python -m bench ope serving`` runs the named ones.
"""

import argparse
import subprocess
import sys
from pathlib import Path

NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_")
)


def main() -> int:
    """Run the benches and return how many failed."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", default=NAMES, metavar="NAME")
    failed = 0
    for name in parser.parse_args().names:
        sys.stdout.write(f"\n── {name} " + "─" * (70 - len(name)) + "\n")
        sys.stdout.flush()
        failed += (
            subprocess.run([sys.executable, "-m", f"bench.{name}"], check=False).returncode != 0
        )
    return failed


if __name__ == "__main__":
    sys.exit(main())
