"""What arms earned: the naive mean beside the one corrected for who was shown what."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from include.figures import style


@dataclass(frozen=True, slots=True)
class ArmMeans:
    """An arm's two means with their intervals, each as (mean, lower, upper)."""

    name: str
    naive: tuple[float, float, float]
    corrected: tuple[float, float, float]


def means(arms: Sequence[ArmMeans], *, note: str) -> Figure:
    """Draw two intervals per arm.

    Parameters
    ----------
    arms
        In the order in which they are drawn, from the top.
    note
        Experiment, slot, level.

    Raises
    ------
    ValueError
        If there is no arm.
    """
    if not arms:
        raise ValueError("there is no arm to draw")
    figure, axes = style.canvas("Mean reward by arm", note, height=1.6 + 0.42 * len(arms))
    for index, kind in enumerate(("corrected", "naive")):
        rows = [row + (index - 0.5) * 0.3 for row in range(len(arms))]
        for row, arm in zip(rows, arms, strict=True):
            _, lower, upper = arm.corrected if kind == "corrected" else arm.naive
            axes.plot([lower, upper], [row, row], color=style.colour(index), lw=2.2)
        axes.plot(
            [(arm.corrected if kind == "corrected" else arm.naive)[0] for arm in arms],
            rows,
            marker=style.marker(index),
            markersize=5,
            color=style.colour(index),
            linestyle="none",
            label=kind,
        )
    axes.set_yticks(range(len(arms)), [arm.name for arm in arms])
    axes.invert_yaxis()
    style.label(axes, "mean reward, 95 % at one look", "arm")
    style.legend(axes)
    return figure
