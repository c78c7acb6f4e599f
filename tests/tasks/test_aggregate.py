"""Sums by hand, and their independence of order."""

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


def test_no_rows_give_no_sums() -> None:
    assert statistics_rows([], "random") == []
