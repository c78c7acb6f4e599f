"""Query strings, read strictly: a misspelt, repeated or undecodable parameter is refused."""

from collections.abc import Set as AbstractSet
from urllib.parse import unquote_to_bytes

from include.contract.names import is_name
from include.contract.records import unit_fault
from serving.answers import unprocessable


def parameters(raw: bytes, allowed: AbstractSet[str]) -> dict[str, str]:
    """Parse a query string.

    Parameters
    ----------
    raw
        The query string as it came.
    allowed
        Names of the route's parameters.

    Raises
    ------
    Problem
        422, naming the parameter.
    """
    found: dict[str, str] = {}
    for part in raw.split(b"&") if raw else ():
        encoded_name, _, encoded = part.partition(b"=")
        name = _text(encoded_name, "a parameter's name")
        if name not in allowed:
            known = ", ".join(sorted(allowed))
            raise unprocessable(name, f"is not a parameter of this route, which takes {known}")
        if name in found:
            raise unprocessable(name, "is given more than once")
        found[name] = _text(encoded, name)
    return found


def experiment_of(found: dict[str, str]) -> str:
    """Return the experiment's slug, checked against the one pattern of names.

    Raises
    ------
    Problem
        422 if it is missing or cannot be a slug.
    """
    slug = found.get("experiment_id")
    if slug is None:
        raise unprocessable("experiment_id", "is required")
    if not is_name(slug):
        raise unprocessable("experiment_id", "is not a slug (a-z, 0-9, _ and -, at most 63)")
    return slug


def unit_of(found: dict[str, str]) -> str | None:
    """Return the unit's id, or ``None`` where the caller has no unit.

    Raises
    ------
    Problem
        422 if it cannot be a unit id.
    """
    unit = found.get("unit_id")
    if unit is not None and (fault := unit_fault(unit)) is not None:
        raise unprocessable("unit_id", fault)
    return unit


def _text(encoded: bytes, name: str) -> str:
    if b"%" in encoded or b"+" in encoded:
        encoded = unquote_to_bytes(encoded.replace(b"+", b" "))
    try:
        return encoded.decode("utf-8")
    except UnicodeDecodeError:
        raise unprocessable(name, "is not valid UTF-8") from None
