"""Canonical JSON: one encoding per value, and names that do not move."""

import hashlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.contract.canonical import canonical_json, content_hash

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
json_values = st.recursive(
    scalars | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abü", max_size=4), inner),
    max_leaves=4,
)


def test_by_hand() -> None:
    assert canonical_json({"b": [1, 2.5, None], "a": "ü"}) == '{"a":"ü","b":[1,2.5,null]}'.encode()


def test_the_hash_is_that_of_the_bytes_and_pinned() -> None:
    value = {"b": [1, 2.5, None], "a": "ü"}
    assert content_hash(value) == hashlib.sha256('{"a":"ü","b":[1,2.5,null]}'.encode()).hexdigest()  # type: ignore[arg-type]
    assert content_hash([]) == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json([number])


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(UnicodeEncodeError):
        canonical_json("\ud800")


@settings(max_examples=30)
@given(st.dictionaries(st.text("abc", max_size=3), json_values, max_size=4))
def test_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    turned = dict(reversed(value.items()))
    assert canonical_json(value) == canonical_json(turned)  # type: ignore[arg-type]
