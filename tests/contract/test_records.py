import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.contract.records import derived_id, time_ordered_id, unit_fault

MOMENTS = st.integers(0, 2**47 * 1_000_000)


@given(MOMENTS, st.integers(0, 2**80))
def test_ids_are_version_7_and_carry_their_time(nanoseconds: int, bits: int) -> None:
    parsed = uuid.UUID(time_ordered_id(nanoseconds, bits))
    assert (parsed.version, parsed.variant) == (7, uuid.RFC_4122)
    assert parsed.int >> 80 == nanoseconds // 1_000_000


@given(MOMENTS, st.integers(1_000, 10**12), st.integers(0, 2**62), st.integers(0, 2**62))
def test_later_ids_sort_later(start: int, gap: int, first: int, second: int) -> None:
    assert time_ordered_id(start, first) < time_ordered_id(start + gap, second)


def test_a_request_leads_to_one_id_everywhere() -> None:
    # Pinned: other processes, and other versions of this code, derive the same.
    assert derived_id("button", "r-1") == "822155ba-b3f1-881b-8782-82951f91985c"
    parsed = uuid.UUID(derived_id("button", "r-1"))
    assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)


@given(st.text(max_size=30), st.text(max_size=30))
def test_experiment_and_request_are_kept_apart(left: str, right: str) -> None:
    if left.isascii() and right.isascii() and left != right:
        assert derived_id("a", left) != derived_id("a", right)
        assert derived_id(left, right) != derived_id(right, left)


@pytest.mark.parametrize("unit", ["", "a\0b", "\ud800", "x" * 257])
def test_impossible_units_have_a_reason(unit: str) -> None:
    assert unit_fault(unit)


@pytest.mark.parametrize("unit", [" ", "x" * 256, "\U0010ffff" * 256, "\ue000\ud7ff"])
def test_other_units_have_none(unit: str) -> None:
    assert unit_fault(unit) is None
