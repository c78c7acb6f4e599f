"""``python -m include.tasks.report EXPERIMENT``: render its report and say where it is."""

import argparse
import logging
import sys
from pathlib import Path

from include.errors import AllotError
from include.settings import settings
from include.tasks.report.render import render_report


def main() -> int:
    """Render one report."""
    parser = argparse.ArgumentParser(prog="make report", description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("--to", type=Path, default=Path(".allot/reports"), metavar="FOLDER")
    asked = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        report = render_report(settings(), asked.experiment, asked.to)
    except AllotError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{report.path.resolve()}\n")
    if report.link:
        sys.stdout.write(f"{report.link}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
