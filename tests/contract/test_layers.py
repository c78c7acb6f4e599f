"""Slices of a layer are disjoint and independent of everything else that is drawn."""

import pytest

from include.contract.layers import Slice, free_slice, held_out
from include.contract.participation import takes_part

UNITS = [f"u{number}" for number in range(20_000)]
PINNED = ["u0", "u12", "u19", "u23", "u30"]


def test_every_unit_is_in_exactly_one_slice_of_a_layer() -> None:
    slices = [Slice("page", 0, 3000), Slice("page", 3000, 3001), Slice("page", 3001, 10_000)]
    assert all(sum(one.holds(unit) for one in slices) == 1 for unit in UNITS[:2000])


@pytest.mark.parametrize("other", ["layer", "holdout", "traffic"])
def test_a_slice_says_nothing_about_what_else_is_drawn(other: str) -> None:
    mine = [unit for unit in UNITS if Slice("page", 0, 5000).holds(unit)]
    also = {
        "layer": lambda unit: Slice("search", 0, 5000).holds(unit),
        "holdout": lambda unit: held_out(unit, 5000),
        "traffic": lambda unit: takes_part("shop", unit, 5000),
    }[other]
    # Half of them, within four standard errors of a fair coin.
    assert abs(sum(map(also, mine)) - len(mine) / 2) < 4 * (len(mine) / 4) ** 0.5


def test_who_is_held_out_stays_so_when_the_holdout_grows() -> None:
    few = {unit for unit in UNITS if held_out(unit, 100)}
    assert 100 < len(few) < 300
    assert few < {unit for unit in UNITS if held_out(unit, 200)}


def test_units_of_a_slice_are_pinned() -> None:
    found = [unit for unit in UNITS[:40] if Slice("page", 0, 1000).holds(unit)]
    assert found == PINNED


@pytest.mark.parametrize(
    ("taken", "width", "first"),
    [
        ([], 10_000, 0),
        ([(0, 3000)], 7000, 3000),
        ([(0, 3000)], 7001, None),
        ([(5000, 6000), (0, 3000)], 2000, 3000),
        ([(5000, 6000), (0, 3000)], 4000, 6000),
    ],
)
def test_the_first_gap_that_is_wide_enough(
    taken: list[tuple[int, int]], width: int, first: int | None
) -> None:
    assert free_slice(taken, width, 10_000) == first
