"""Sums by hand, and their independence of order."""

from math import fsum
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from include.tasks.aggregate import Group, statistics_rows


def test_sums_by_hand() -> None:
    (row,) = statistics_rows([(3, 1, 0.5, 0.0, 2), (3, 1, 0.25, 1.0, 3)], "random")
    assert (row.arm, row.position, row.version, row.cohort, row.n) == (3, 1, "random", "*", 5)
    assert (row.sum_r, row.sum_r2) == (3.0, 3.0)
    assert (row.sum_ip, row.sum_ip2) == (2 * 2 + 3 * 4, 2 * 4 + 3 * 16)
    assert (row.sum_r_ip, row.sum_r_ip2, row.sum_r2_ip2) == (12.0, 48.0, 48.0)


@given(
    st.dictionaries(
        st.tuples(
            st.integers(0, 2),
            st.integers(0, 1),
            st.floats(1e-6, 1.0),
            st.sampled_from([0.0, 1.0]),
        ),
        st.integers(1, 10**6),
        min_size=1,
    ),
    st.randoms(),
)
def test_order_does_not_change_a_bit(
    counted: dict[tuple[int, int, float, float], int], rng: Random
) -> None:
    groups: list[Group] = [(*key, count) for key, count in counted.items()]
    expected = statistics_rows(groups, "random")
    rng.shuffle(groups)
    assert statistics_rows(groups, "random") == expected
    assert sum(row.n for row in expected) == sum(counted.values())


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 1), st.floats(1e-6, 1.0), st.floats(-1e3, 1e3)),
        st.integers(1, 10**6),
        min_size=1,
    )
)
def test_every_sum_is_exact_and_rounded_once(
    counted: dict[tuple[int, float, float], int],
) -> None:
    groups: list[Group] = [(arm, 0, p, r, rows) for (arm, p, r), rows in counted.items()]
    for row in statistics_rows(groups, "random"):
        own = [(rows, 1.0 / p, r) for arm, _, p, r, rows in groups if arm == row.arm]
        assert row.n == sum(rows for rows, _, _ in own)
        assert row.sum_r == fsum(rows * r for rows, _, r in own)
        assert row.sum_r2 == fsum(rows * r * r for rows, _, r in own)
        assert row.sum_ip == fsum(rows * w for rows, w, _ in own)
        assert row.sum_ip2 == fsum(rows * (w * w) for rows, w, _ in own)
        assert row.sum_r_ip == fsum(rows * (r * w) for rows, w, r in own)
        assert row.sum_r_ip2 == fsum(rows * (r * w * w) for rows, w, r in own)
        assert row.sum_r2_ip2 == fsum(rows * (r * r * w * w) for rows, w, r in own)


def test_no_rows_give_no_sums() -> None:
    assert statistics_rows([], "random") == []
