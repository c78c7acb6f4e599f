"""Laws of metrics, for any data."""

from dataclasses import fields
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.metrics.delta import of_mean, of_ratio
from include.bandit.metrics.effects import moments, plain
from include.bandit.metrics.statistics import Line, MetricStatistics
from tests.support.metrics import Unit, metric_sums

values = st.floats(-100, 100).map(lambda value: round(value, 3))
units = st.tuples(values, values, st.integers(0, 1), st.sampled_from([0.1, 0.5, 0.9]))
batches = st.lists(units, min_size=2, max_size=20)


@given(batches, batches)
def test_the_sums_of_both_are_both_sums(one: list[Unit], other: list[Unit]) -> None:
    merged = metric_sums([one]) + metric_sums([other])
    whole = metric_sums([one + other])
    for field in fields(MetricStatistics):
        assert getattr(merged, field.name) == pytest.approx(
            getattr(whole, field.name), rel=1e-9, abs=1e-6
        )


@given(
    st.lists(st.tuples(values, values, values), min_size=1, max_size=4),
    st.floats(0.05, 0.95),
    st.floats(-5, 5),
    st.floats(-5, 5),
)
def test_any_theta_known_before_leaves_the_effect_unbiased(
    people: list[tuple[float, float, float]], share: float, theta: float, center: float
) -> None:
    """Over all assignments of a few units, the mean of the adjusted effect is the true one."""
    line = Line(*(np.array([[part]]) for part in (theta * center, 1.0, -theta)))
    expected = 0.0
    for drawn in product((0, 1), repeat=len(people)):
        chance = np.prod([share if arm else 1 - share for arm in drawn])
        seen: list[Unit] = [
            (one if arm else zero, x, arm, share if arm else 1 - share)
            for (zero, one, x), arm in zip(people, drawn, strict=True)
        ]
        sums = line.of(metric_sums([seen]))
        expected += chance * (sums.sum_r_ip[0, 1] - sums.sum_r_ip[0, 0]) / len(people)
    truth = sum(one - zero for zero, one, _ in people) / len(people)
    assert expected == pytest.approx(truth, rel=1e-7, abs=1e-7)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.sampled_from([0.1, 0.5])), min_size=2, max_size=20),
    st.floats(0.001, 1000),
)
def test_a_ratio_of_constants_is_exact(views: list[tuple[int, float]], rate: float) -> None:
    sums = metric_sums([[(rate * seen, float(seen), 0, p) for seen, p in views]])
    value, variance = of_ratio(sums.pooled(-2)).values()
    assert value[0] == pytest.approx(rate, rel=1e-12)
    assert variance[0] == 0.0


@given(batches, st.floats(0.1, 100), st.floats(0.1, 100))
def test_a_higher_cap_never_gives_a_lower_value(given: list[Unit], one: float, two: float) -> None:
    low, high = sorted((one, two))
    lower, higher = (
        moments(metric_sums([given], cap=cap).pooled(-2), "mean") for cap in (low, high)
    )
    assert (lower.values()[0] <= higher.values()[0] + 1e-9).all()
    assert (metric_sums([given], cap=low).capped >= metric_sums([given], cap=high).capped).all()


@given(batches)
def test_a_mean_is_a_ratio_to_ones(given: list[Unit]) -> None:
    ones: list[Unit] = [(y, 1.0, arm, p) for y, _, arm, p in given]
    sums = metric_sums([ones]).pooled(-2)
    for mean, per in zip(of_mean(plain(sums)).values(), of_ratio(sums).values(), strict=True):
        assert mean == pytest.approx(per, rel=1e-9, abs=1e-9)
