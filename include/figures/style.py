"""One look for all figures: a palette that colour-blind readers tell apart, few lines, words."""

from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe & Ito (2008), yellow left out, which vanishes on white; never colour alone: styles follow.
PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
DASHES: Final = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)))
MARKERS: Final = ("o", "s", "D", "^", "v", "P", "X")
INK: Final = "#1A1A1A"
QUIET: Final = "#6B6B6B"
GRID: Final = "#E4E4E4"
REST: Final = "#C9CED3"


def colour(index: int) -> str:
    """Return the colour of the n-th series."""
    return PALETTE[index % len(PALETTE)]


def marker(index: int) -> str:
    """Return the marker of the n-th series."""
    return MARKERS[_turned(index) % len(MARKERS)]


def dash(index: int) -> str | tuple[int, tuple[int, ...]]:
    """Return the line style of the n-th series."""
    return DASHES[_turned(index) % len(DASHES)]


def _turned(index: int) -> int:
    """Shift by one whenever the colours begin anew, so that no series looks like an earlier one."""
    return index + index // len(PALETTE)


def canvas(
    title: str, note: str, *, width: float = 8.0, height: float = 4.5
) -> tuple[Figure, Axes]:
    """Make a figure with a title, a quieter sentence on what is shown, and bare axes.

    Parameters
    ----------
    title
        What the figure says.
    note
        How it was computed, and from what: no figure goes without.
    width, height
        Inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    figure.suptitle(title, x=0.015, ha="left", fontsize=13, fontweight="bold", color=INK)
    axes.set_title(note, loc="left", fontsize=9, color=QUIET, pad=10, wrap=True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(QUIET)
    axes.tick_params(colors=INK, labelsize=9)
    axes.grid(visible=True, color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def label(axes: Axes, x: str, y: str) -> None:
    """Name both axes, with their units."""
    axes.set_xlabel(x, fontsize=10, color=INK)
    axes.set_ylabel(y, fontsize=10, color=INK)


def legend(axes: Axes, *, columns: int = 1) -> None:
    """Put the legend outside, where it covers no data."""
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        frameon=False,
        fontsize=9,
        ncols=columns,
        borderaxespad=0.0,
    )


def name_steps(axes: Axes, names: tuple[str, ...], *, most: int = 8) -> None:
    """Write batch names under an axis of indices, at most ``most`` of them."""
    stride = max(1, -(-len(names) // most))
    places = list(range(0, len(names), stride))
    axes.set_xticks(places, [names[place] for place in places], rotation=30, ha="right")
