"""Figures say what they show: title, how it was computed, named axes, a name per series."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from include.figures.allocation import allocation
from include.figures.curves import Band, bands, learning, regret
from include.figures.policy_values import ValueInterval, policy_values
from include.figures.posteriors import ArmPosterior, densities
from include.figures.style import PALETTE, colour, dash, marker

DAYS = ("2019-11-24", "2019-11-25", "2019-11-26")
VALUES = [
    ValueInterval("uniform", "ips", 0.005, 0.004, 0.006),
    ValueInterval("uniform", "dm", 0.005),
    ValueInterval("weights-v3", "ips", 0.007, 0.003, 0.011),
]
BAND = Band("thompson", [0, 1, 2], [0.0, 1.0, 1.5], [0.0, 0.5, 0.5], [0.0, 1.5, 3.0])
SHARES = np.array([[0.5, 0.5, 0.0], [0.2, 0.7, 0.1]])


def _beta(arm: int) -> ArmPosterior:
    alpha, beta = 1.0 + arm, 99.0
    mean, total = alpha / (alpha + beta), alpha + beta
    sd = (mean * (1 - mean) / (total + 1)) ** 0.5
    return ArmPosterior(f"item-{arm}", "beta", {"alpha": alpha, "beta": beta}, mean, sd)


ARMS = [_beta(arm) for arm in range(8)]
NORMAL = [ArmPosterior("a", "normal", {}, 1.0, 0.5), ArmPosterior("b", "normal", {}, 2.0, 0.5)]

FIGURES = {
    "regret": lambda: regret([BAND], note="how", batches=DAYS),
    "learning": lambda: learning([BAND], note="how"),
    "policy values": lambda: policy_values(VALUES, note="how", reference=("mean", 0.006)),
    "allocation": lambda: allocation(DAYS[:2], ("a", "b", "c"), SHARES, note="how"),
    "posteriors": lambda: densities(ARMS, note="how"),
    "normal posteriors": lambda: densities(NORMAL, note="how"),
}


def _legend(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_title_note_and_named_axes(name: str) -> None:
    figure = FIGURES[name]()
    axes = figure.axes[0]
    assert figure.get_suptitle()
    assert axes.get_title(loc="left") == "how"
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert _legend(figure)


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_every_figure_can_be_stored(name: str, suffix: str) -> None:
    stored = io.BytesIO()
    FIGURES[name]().savefig(stored, format=suffix)
    assert stored.tell() > 5_000


def test_an_estimate_without_verdict_is_hollow_and_has_no_interval() -> None:
    axes = policy_values(VALUES, note="how").axes[0]
    sizes = [len(np.asarray(line.get_xdata())) for line in axes.lines]
    assert sizes.count(2) == 2
    points = [line for line, size in zip(axes.lines, sizes, strict=True) if size == 1]
    assert [line.get_markerfacecolor() == "white" for line in points] == [False, True, False]


def test_the_band_lies_where_the_interval_says() -> None:
    axes = bands([BAND], title="t", note="n", x="x", y="y").axes[0]
    ends = np.asarray(axes.collections[0].get_paths()[0].vertices)[:, 1]
    assert (ends.min(), ends.max()) == (0.0, 3.0)


def test_shares_stack_up_to_one_and_small_arms_go_together() -> None:
    many = np.full((2, 20), 1 / 20)
    figure = allocation(DAYS[:2], [f"item-{i}" for i in range(20)], many, note="n")
    bars = [bar for bar in figure.axes[0].patches if isinstance(bar, Rectangle)]
    tops = [bar.get_y() + bar.get_height() for bar in bars]
    assert max(tops) == pytest.approx(1.0)
    assert _legend(figure)[-1] == "14 other arms"


def test_posterior_density_integrates_to_one() -> None:
    for line in densities(ARMS, note="n").axes[0].lines:
        x, y = (np.asarray(data, dtype=float) for data in line.get_data())
        area = np.trapezoid(y, x)
        assert area == pytest.approx(1.0, abs=0.02)


def test_series_differ_by_more_than_colour() -> None:
    lines = densities(ARMS, note="n").axes[0].lines
    assert len({line.get_linestyle() for line in lines}) > 1
    assert len(set(PALETTE)) == len(PALETTE)


@pytest.mark.parametrize(
    "drawing",
    [
        lambda: bands([], title="t", note="n", x="x", y="y"),
        lambda: policy_values([], note="n"),
        lambda: densities([], note="n"),
        lambda: allocation(DAYS, ("a", "b", "c"), SHARES, note="n"),
        lambda: allocation(DAYS[:2], ("a", "b", "c"), SHARES * 2, note="n"),
        lambda: Band("x", [1, 2], [1.0]),
    ],
)
def test_nothing_to_draw_is_an_error(drawing: object) -> None:
    with pytest.raises(ValueError, match=r".+"):
        drawing()  # type: ignore[operator]


@pytest.mark.parametrize("shape", [dash, marker])
def test_no_two_of_many_series_look_alike(shape: Callable[[int], object]) -> None:
    assert len({(colour(number), shape(number)) for number in range(49)}) == 49
