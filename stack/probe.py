"""Ask one health route, for containers: ``python -m stack.probe URL [component]``."""

import sys

from stack.parts.http import get


def main() -> int:
    """Exit with 0 when the route, and the named component in its answer, is healthy."""
    url, *components = sys.argv[1:]
    answer = get(url)
    sick = [
        name for name in components if not answer.ok or answer.json()[name]["status"] != "healthy"
    ]
    if not answer.ok or sick:
        sys.stderr.write(f"{url}: {answer.problem} {sick}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
