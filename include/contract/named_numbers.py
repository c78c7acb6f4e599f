"""Named numbers of a record as text: one text for equal numbers, whatever wrote them."""

import json
from collections.abc import Iterable
from math import fsum

from include.contract.canonical import canonical_json


def added_text(given: Iterable[str]) -> str:
    """Add up JSON objects of numbers by name, exactly and in any order, as canonical JSON."""
    found: dict[str, list[float]] = {}
    for text in given:
        for name, value in json.loads(text).items():
            found.setdefault(name, []).append(float(value))
    # Adding 0.0 turns −0.0 into 0.0.
    return canonical_json({name: fsum(values) + 0.0 for name, values in found.items()}).decode()
