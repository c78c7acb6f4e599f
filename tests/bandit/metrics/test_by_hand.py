"""Metrics by hand: what a reader can check with a pencil."""

from dataclasses import fields

import numpy as np
import pytest

from include.bandit.inference.family import Design
from include.bandit.metrics import covariate, ratio
from include.bandit.metrics.delta import of_mean, of_ratio
from include.bandit.metrics.effects import effective, effects, moments, plain
from include.bandit.metrics.statistics import MetricStatistics
from tests.support.metrics import Unit, metric_sums

HALF = 0.5
EVEN = np.array([[0.5, 0.5]])


def test_a_ratio_is_of_the_sums_and_its_variance_of_its_residuals() -> None:
    """3 clicks of 6 views: R = 1/2, residuals 1/2, 0, −1/2."""
    sums = metric_sums([[(1.0, 1.0, 0, HALF), (1.0, 2.0, 0, HALF), (1.0, 3.0, 0, HALF)]])
    value, variance = of_ratio(sums.pooled(-2)).values()
    assert value[0] == pytest.approx(0.5)
    # (1/4 + 1/4) / 6², the propensity cancels.
    assert variance[0] == pytest.approx(0.5 / 36)
    assert (value[1], variance[1]) == (0.0, np.inf)


def test_a_mean_weighs_units_by_their_propensity() -> None:
    """A unit seen with p = 1/4 stands for four, one with 1/2 for two."""
    sums = metric_sums([[(1.0, 0.0, 0, 0.25), (4.0, 0.0, 0, 0.5)]])
    value, variance = of_mean(plain(sums).pooled(-2)).values()
    assert value[0] == pytest.approx((4 * 1 + 2 * 4) / 6)
    assert variance[0] == pytest.approx((16 * (1 - 2) ** 2 + 4 * (4 - 2) ** 2) / 36)


def test_the_cap_counts_whom_it_changed() -> None:
    sums = metric_sums([[(5.0, 0.0, 0, HALF), (10.0, 0.0, 0, HALF), (90.0, 0.0, 0, HALF)]], cap=10)
    value, _ = moments(sums.pooled(-2), "mean").values()
    assert (sums.capped[0, 0], value[0]) == (1, pytest.approx(25 / 3))


def test_theta_is_the_slope_within_arms_of_the_batches_before() -> None:
    """y = 2 x under arm 0 and 2 x + 5 under arm 1: the slope is 2, whatever lies between arms."""
    first: list[Unit] = [(2 * x + 5 * a, x, a, HALF) for x, a in ((1, 0), (3, 0), (2, 1), (6, 1))]
    theta, center = covariate.slope(metric_sums([first, first, [(9.0, 1.0, 0, HALF)]]))
    assert theta[:, 0] == pytest.approx([0.0, 2.0, 2.0])
    assert center[:, 0] == pytest.approx([0.0, 3.0, 3.0])


def test_what_a_batch_holds_never_enters_its_own_line() -> None:
    rng = np.random.default_rng(1)
    past: list[Unit] = [(*rng.normal(5, 1, 2).tolist(), i % 2, HALF) for i in range(80)]
    for now in ([(1.0, 1.0, 0, HALF)], [(99.0, 7.0, 0, HALF), (5.0, 1.0, 1, HALF)]):
        sums = metric_sums([past, now])
        lines = covariate.predictable_line(sums), ratio.predictable_line(sums).line
        reference = metric_sums([past, past])
        for line, same in zip(
            lines,
            (covariate.predictable_line(reference), ratio.predictable_line(reference).line),
            strict=True,
        ):
            assert all(
                np.array_equal(getattr(line, f.name)[1], getattr(same, f.name)[1])
                for f in fields(line)
            )


def test_a_line_on_sums_is_the_line_on_units() -> None:
    rng = np.random.default_rng(2)
    units: list[Unit] = [
        (*rng.normal(3, 1, 2).tolist(), i % 2, 0.2 + 0.5 * (i % 2)) for i in range(90)
    ]
    sums = metric_sums([units[:50], units[50:]])
    line = covariate.predictable_line(sums)
    a, b, c = (np.broadcast_to(part, (2, 1))[1, 0] for part in (line.a, line.b, line.c))
    found, by_unit = (
        line.of(sums),
        plain(
            metric_sums(
                [units[:50], [(a + b * y + c * x, x, arm, p) for y, x, arm, p in units[50:]]]
            )
        ),
    )
    for field in fields(found):
        assert getattr(found, field.name)[1] == pytest.approx(getattr(by_unit, field.name)[1])


def test_a_covariate_that_never_varies_changes_nothing() -> None:
    units: list[Unit] = [(float(i % 7), 3.0, i % 2, HALF) for i in range(400)]
    sums = metric_sums([units, units, units])
    design = Design(shares=np.repeat(EVEN, 3, axis=0))
    adjusted, mean = (effects(sums, how, 0, design, alpha=0.05) for how in ("cuped", "mean"))
    assert np.array_equal(adjusted.family.weighted.lower, mean.family.weighted.lower)
    assert adjusted.reduction == pytest.approx([0.0])


def test_the_first_batch_of_a_ratio_only_centres() -> None:
    units: list[Unit] = [(float(i % 3 == 0), 1.0 + i % 4, i % 2, HALF) for i in range(400)]
    sums = metric_sums([units, units, units])
    found = effects(sums, "ratio", 0, Design(shares=np.repeat(EVEN, 3, axis=0)), alpha=0.05)
    assert not np.isfinite(found.family.weighted.standard_error[0, 0])
    assert np.isfinite(found.family.weighted.standard_error[1:, 0]).all()


@pytest.mark.parametrize("how", ["mean", "cuped", "ratio"])
@pytest.mark.parametrize(
    "units",
    [
        [],
        [(1.0, 1.0, 1, HALF)],
        [(1.0, 0.0, i % 2, HALF) for i in range(200)],
        [(0.0, 0.0, i % 2, HALF) for i in range(200)],
        [(1.0, 1.0, 1, HALF) for _ in range(200)],
        [(1e12, -1e12, i % 2, 1e-4) for i in range(4)],
    ],
)
def test_too_little_is_unknown_and_never_a_number(how: str, units: list[Unit]) -> None:
    """None, one unit, denominators of nothing, values that never vary, an arm without units."""
    sums = metric_sums([units, units, units])
    found = effects(sums, how, 0, Design(shares=np.repeat(EVEN, 3, axis=0)), alpha=0.05)  # type: ignore[arg-type]
    assert found.answers(higher_is_better=True) == ("unknown",)
    for array in (found.value, found.fixed.estimate, found.family.weighted.estimate):
        assert np.isfinite(array).all()
    assert not np.isnan(found.error).any()


def test_lower_may_be_better() -> None:
    rng = np.random.default_rng(3)
    batches = [
        [(float(rng.normal(5 + i % 2, 1)), 0.0, i % 2, HALF) for i in range(400)] for _ in range(4)
    ]
    found = effects(
        metric_sums(batches), "mean", 0, Design(shares=np.repeat(EVEN, 4, axis=0)), alpha=0.05
    )
    assert found.answers(higher_is_better=True) == ("better",)
    assert found.answers(higher_is_better=False) == ("worse",)


def test_a_value_that_outweighs_all_others_counts_as_one() -> None:
    units: list[Unit] = [(1.0, 1.0, 0, HALF)] * 100 + [(1e6, 1.0, 0, HALF)]
    assert effective(metric_sums([units]).pooled(-2), "mean")[0] == pytest.approx(1.0, rel=1e-3)
    assert effective(metric_sums([units[:100]]).pooled(-2), "mean")[0] == pytest.approx(100)


def test_sums_of_another_shape_are_refused() -> None:
    zeros = MetricStatistics.zeros((2, 2))
    with pytest.raises(ValueError, match="shape"):
        MetricStatistics(*(getattr(zeros, f.name)[: 1 + (f.name == "n")] for f in fields(zeros)))
