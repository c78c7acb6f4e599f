"""Confidence sequences over batches: how the evidence grew, look by look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from include.figures import style


@dataclass(frozen=True, slots=True)
class ArmSequence:
    """One arm's effect at every look; an end is ``None`` while it is unbounded."""

    name: str
    looks: Sequence[int]
    estimate: Sequence[float]
    lower: Sequence[float | None]
    upper: Sequence[float | None]


def confidence_sequences(
    arms: Sequence[ArmSequence], batches: Sequence[str], *, against: str, note: str
) -> Figure:
    """Draw every arm's effect with its interval, and zero: an interval above it is a claim.

    Parameters
    ----------
    arms
        One line each.
    batches
        Names of the looks, from the first.
    against
        What the arms are compared with.
    note
        Level, and over what it holds.

    Raises
    ------
    ValueError
        If there is no arm to draw.
    """
    if not arms:
        raise ValueError("no confidence sequence to draw")
    figure, axes = style.canvas(f"Effect against {against}, look by look", note)
    for index, arm in enumerate(arms):
        shade, place = style.colour(index), np.array(arm.looks) - 1
        axes.plot(
            place, arm.estimate, color=shade, linestyle=style.dash(index), lw=1.8, label=arm.name
        )
        lower, upper = (np.array(end, np.float64) for end in (arm.lower, arm.upper))
        axes.plot(place, lower, color=shade, lw=0.9, alpha=0.7)
        axes.plot(place, upper, color=shade, lw=0.9, alpha=0.7)
        axes.fill_between(place, lower, upper, color=shade, alpha=0.12, linewidth=0)
    axes.axhline(0.0, color=style.QUIET, linewidth=0.8)
    style.label(axes, "batch", "difference in mean reward")
    style.name_steps(axes, tuple(batches))
    style.legend(axes)
    return figure
