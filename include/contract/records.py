"""Decision and reward records: their ids, and what may stand in them."""

import hashlib
from typing import Final

from include.contract.canonical import canonical_json

MAX_UNIT_LENGTH: Final = 256
# Named numbers beside a reward or a decision: how many, and how large; squares of sums stay finite.
MOST_VALUES: Final = 20
LARGEST_VALUE: Final = 1e12
_VARIANT: Final = 0b10 << 62
_NANOSECONDS: Final = 1_000_000


def time_ordered_id(nanoseconds: int, random_bits: int) -> str:
    """Make a UUIDv7 (RFC 9562) whose text sorts by time.

    Parameters
    ----------
    nanoseconds
        Unix time. The 48 leading bits are its milliseconds, the next 12 the fraction of
        the millisecond (method 3 of section 6.2), so that ids of one process keep their order.
    random_bits
        At least 62 random bits.
    """
    milliseconds, rest = divmod(nanoseconds, _NANOSECONDS)
    high = (milliseconds & 0xFFFF_FFFF_FFFF) << 16 | 7 << 12 | rest * 4096 // _NANOSECONDS
    return _text(high << 64 | _VARIANT | random_bits & 0x3FFF_FFFF_FFFF_FFFF)


def derived_id(experiment: str, request_id: str) -> str:
    """Make the UUIDv8 that a request id always leads to, whichever process answers it.

    Parameters
    ----------
    experiment
        Slug; request ids are unique within their experiment only.
    request_id
        The caller's name for the request.
    """
    digest = hashlib.sha256(canonical_json(["allot.decision/1", experiment, request_id])).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    return _text(number & ~(0b11 << 62) | _VARIANT)


def unit_fault(unit: str) -> str | None:
    """Tell why a text cannot be a unit id; ``None`` when it can.

    Every Unicode text of 1 to 256 characters is one, except with NUL or a lone
    surrogate, which neither UTF-8 nor PostgreSQL can hold.
    """
    if not unit:
        return "is empty; leave it out where there is no unit"
    if len(unit) > MAX_UNIT_LENGTH:
        return f"has {len(unit)} characters, more than {MAX_UNIT_LENGTH}"
    if "\0" in unit:
        return "contains NUL"
    if not unit.isascii() and any("\ud800" <= character <= "\udfff" for character in unit):
        return "contains a lone surrogate"
    return None


def value_fault(value: object) -> str | None:
    """Tell why something cannot be a named number of a record; ``None`` when it can."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "is to be a number"
    # Not within also where it is no number at all.
    if not -LARGEST_VALUE <= value <= LARGEST_VALUE:
        return f"is to be within ±{LARGEST_VALUE:.0e}"
    return None


def _text(number: int) -> str:
    digits = f"{number:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
