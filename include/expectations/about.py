"""What every expectation says of itself; findings and reports are built from it."""

from typing import Any


def about(name: str, says: str, *, warns: bool = False, shows: str | None = None) -> dict[str, Any]:
    """Describe an expectation; ``shows`` is the column whose values tell what was found."""
    severity = "warning" if warns else "critical"
    meta = {"name": name, "says": says, "severity": severity, "shows": shows}
    return {"meta": meta, "severity": severity}
