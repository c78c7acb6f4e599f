"""One strict pattern for every name a user may give, and the store keys built from them."""

import re
from typing import Final

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]{0,62}$"
_NAME: Final = re.compile(NAME_PATTERN)

ANNOUNCEMENTS: Final = "allot:announcements"
EXPERIMENTS: Final = "allot:experiments"


def is_name(text: str) -> bool:
    """Tell whether a slug, arm or cohort name is safe in SQL, S3 keys, store keys, labels, HTML."""
    # fullmatch, since "$" alone would admit a trailing newline.
    return _NAME.fullmatch(text) is not None


def head_key(experiment: str) -> str:
    """Return the store key of an experiment's pointer to its live weights version."""
    return f"allot:weights:{experiment}:head"


def version_key(experiment: str, version: int) -> str:
    """Return the store key of one immutable weights snapshot."""
    return f"allot:weights:{experiment}:v{version}"
