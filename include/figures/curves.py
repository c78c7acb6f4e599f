"""Curves with bands: regret, and what a policy that learns would have collected."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from include.figures import style


@dataclass(frozen=True, slots=True)
class Band:
    """A line with an interval around it, all of one length.

    ``lo`` and ``hi`` may be left out where no interval is known.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    lo: Sequence[float] | None = None
    hi: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for part in (self.y, self.lo, self.hi):
            if part is not None and len(part) != len(self.x):
                raise ValueError(f"{self.name!r}: {len(part)} values for {len(self.x)} places")


def bands(curves: Sequence[Band], *, title: str, note: str, x: str, y: str) -> Figure:
    """Draw lines with their bands.

    Parameters
    ----------
    curves
        One per policy.
    title, note
        What is shown, and how it was computed.
    x, y
        Names of the axes, with units.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    if not curves:
        raise ValueError(f"figure {title!r} has no curve to draw")
    figure, axes = style.canvas(title, note)
    for index, curve in enumerate(curves):
        shade = style.colour(index)
        axes.plot(
            curve.x, curve.y, color=shade, linestyle=style.dash(index), lw=1.8, label=curve.name
        )
        if curve.lo is not None and curve.hi is not None:
            axes.fill_between(curve.x, curve.lo, curve.hi, color=shade, alpha=0.15, linewidth=0)
    style.label(axes, x, y)
    style.legend(axes)
    return figure


def regret(curves: Sequence[Band], *, note: str, batches: Sequence[str] = ()) -> Figure:
    """Draw regret with its band: against the best arm, over decisions or batches.

    Parameters
    ----------
    curves
        One per policy; with ``batches`` their ``x`` counts batches from 0.
    note
        Against what, over which log, and whether simulated.
    batches
        Names of the batches; without them ``x`` is decisions.
    """
    figure = bands(
        curves,
        title="Regret against the best fixed arm",
        note=note,
        x="batch" if batches else "decisions",
        y="cumulative regret (rewards)",
    )
    axes = figure.axes[0]
    axes.axhline(0.0, color=style.QUIET, linewidth=0.8)
    if batches:
        style.name_steps(axes, tuple(batches))
    return figure


def learning(curves: Sequence[Band], *, note: str) -> Figure:
    """Draw the mean reward of a policy that would have learned here, over the rows it kept."""
    return bands(
        curves,
        title="What if the policy had learned here?",
        note=note,
        x="rows kept by rejection replay",
        y="mean reward so far",
    )
