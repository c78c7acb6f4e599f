"""The snapshot: cover, sums, round trip, and the fewest units moved."""

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.contract.weights import (
    BUCKETS,
    Slot,
    WeightsContent,
    contiguous_slot,
    derive_salt,
    nested_slot,
)


def content(*slots: Slot, arms: int = 3) -> WeightsContent:
    return WeightsContent(
        experiment="shop",
        revision="a" * 64,
        parent="b" * 64,
        batch="2026-01-01",
        statistics="c" * 64,
        method="thompson/1",
        salt="d" * 64,
        arms=tuple(f"arm-{arm}" for arm in range(arms)),
        cells={"*": slots},
    )


def owners(slot: Slot) -> list[int]:
    return [arm for start, stop, arm in slot for _ in range(start, stop)]


@st.composite
def bucket_counts(draw: st.DrawFn, arms: int = 5) -> tuple[int, ...]:
    cuts = sorted(draw(st.lists(st.integers(0, BUCKETS), min_size=arms - 1, max_size=arms - 1)))
    edges = [0, *cuts, BUCKETS]
    return tuple(high - low for low, high in pairwise(edges))


def test_contiguous_by_hand() -> None:
    assert contiguous_slot((2500, 0, 7500)) == ((0, 2500, 0), (2500, 10_000, 2))


def test_nested_by_hand() -> None:
    # Arm 0 gives up its highest 1,000; arm 2 was absent and takes them.
    before = contiguous_slot((5000, 5000))
    assert nested_slot(before, (4000, 5000, 1000)) == (
        (0, 4000, 0),
        (4000, 5000, 2),
        (5000, 10_000, 1),
    )


@given(bucket_counts(), bucket_counts(), bucket_counts())
def test_nested_moves_the_fewest_units(
    first: tuple[int, ...], second: tuple[int, ...], third: tuple[int, ...]
) -> None:
    slot = contiguous_slot(first)
    held = first
    for wanted in (second, third):
        following = nested_slot(slot, wanted)
        moved = sum(a != b for a, b in zip(owners(slot), owners(following), strict=True))
        assert moved == sum(max(new - old, 0) for new, old in zip(wanted, held, strict=True))
        assert content(following, arms=5).buckets() == wanted
        slot, held = following, wanted


@given(bucket_counts())
def test_every_layout_covers_the_buckets_once(counts: tuple[int, ...]) -> None:
    snapshot = content(contiguous_slot(counts), arms=5)
    assert snapshot.buckets() == counts
    assert sum(snapshot.buckets()) == BUCKETS


@pytest.mark.parametrize(
    "slot",
    [
        ((0, 9_999, 0),),
        ((0, 5_000, 0), (5_001, 10_000, 1)),
        ((0, 5_000, 0), (4_999, 10_000, 1)),
        ((0, 10_001, 0),),
        ((0, 10_000, 3),),
        ((0, 10_000, -1),),
        ((5_000, 10_000, 0), (0, 5_000, 1)),
        ((0, 0, 1), (0, 10_000, 0)),
        (),
    ],
)
def test_a_broken_cover_is_refused(slot: Slot) -> None:
    with pytest.raises(ValueError, match="slot of"):
        content(slot)


def test_weights_without_a_cell_are_refused() -> None:
    with pytest.raises(ValueError, match="no cell"):
        dataclasses.replace(content(contiguous_slot((BUCKETS,))), cells={})


def test_reading_gives_back_what_was_written() -> None:
    written = content(contiguous_slot((1, 2, 9997)), contiguous_slot((9997, 2, 1)))
    read = WeightsContent.from_json(written.as_json())
    assert read == written
    assert read.hash() == written.hash()
    assert read.canonical() == written.canonical()


def test_another_schema_is_refused() -> None:
    document = content(contiguous_slot((BUCKETS,))).as_json() | {"schema": "allot.weights/0"}
    with pytest.raises(ValueError, match="schema"):
        WeightsContent.from_json(document)


@pytest.mark.parametrize("field", ["experiment", "revision", "parent", "batch", "method", "salt"])
def test_every_field_is_part_of_the_name(field: str) -> None:
    snapshot = content(contiguous_slot((BUCKETS,)))
    changed = dataclasses.replace(snapshot, **{field: "other"})  # type: ignore[arg-type]
    assert changed.hash() != snapshot.hash()


def test_rerandomise_draws_afresh_and_nested_does_not() -> None:
    lineages = [("r1", "p1", "b1"), ("r2", "p1", "b1"), ("r1", "p2", "b1"), ("r1", "p1", "b2")]
    fresh = {derive_salt("rerandomise", "shop", *lineage) for lineage in lineages}
    nested = {derive_salt("nested", "shop", *lineage) for lineage in lineages}
    assert (len(fresh), len(nested)) == (4, 1)
    assert derive_salt("nested", "other", *lineages[0]) not in nested
