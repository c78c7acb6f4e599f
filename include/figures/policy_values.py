"""Policy values with intervals, side by side per estimator."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from include.figures import style


@dataclass(frozen=True, slots=True)
class ValueInterval:
    """One estimate; ``lo`` and ``hi`` are left out where the verdict is unknown."""

    policy: str
    estimator: str
    value: float
    lo: float | None = None
    hi: float | None = None


def policy_values(
    values: Sequence[ValueInterval], *, note: str, reference: tuple[str, float] | None = None
) -> Figure:
    """Draw a row per (policy, estimator): the value and its interval.

    Parameters
    ----------
    values
        In the order in which they are drawn, from the top.
    note
        Which log, level and interval.
    reference
        Name and value of the behavior policy's own mean, drawn as a line.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    if not values:
        raise ValueError("there is no policy value to draw")
    policies = list(dict.fromkeys(value.policy for value in values))
    figure, axes = style.canvas("Policy values", note, height=1.6 + 0.28 * len(values))
    for row, value in enumerate(values):
        index = policies.index(value.policy)
        first = value == next(other for other in values if other.policy == value.policy)
        known = value.lo is not None and value.hi is not None
        if value.lo is not None and value.hi is not None:
            axes.plot([value.lo, value.hi], [row, row], color=style.colour(index), lw=2.2)
        axes.plot(
            [value.value],
            [row],
            marker=style.marker(index),
            markersize=6,
            color=style.colour(index),
            markerfacecolor=style.colour(index) if known else "white",
            linestyle="none",
            label=value.policy if first else None,
        )
    if reference is not None:
        axes.axvline(reference[1], color=style.QUIET, lw=1.0, linestyle=":", label=reference[0])
    axes.set_yticks(range(len(values)), [value.estimator for value in values])
    axes.invert_yaxis()
    style.label(axes, "reward per decision (hollow: no verdict)", "estimator")
    style.legend(axes)
    return figure
