"""Canonical JSON and its SHA-256: the name of everything immutable in Allot."""

import hashlib
import json
from typing import Final, TypeAlias

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None

HASH_LENGTH: Final = 64


def canonical_json(value: Json) -> bytes:
    """Encode a value so that equal values give equal bytes.

    Keys are sorted, separators carry no space, text is UTF-8 without escapes of
    non-ASCII, and floats use their shortest round-trip form.

    Parameters
    ----------
    value
        A JSON value.

    Returns
    -------
    bytes
        The canonical encoding.

    Raises
    ------
    ValueError
        If a number is NaN or infinite, which JSON cannot hold.
    UnicodeEncodeError
        If a string holds a lone surrogate.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def content_hash(value: Json) -> str:
    """Name a value by the SHA-256 of its canonical JSON (64 lower-case hex digits)."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
