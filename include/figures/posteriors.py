"""Posterior densities of the leading arms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lgamma

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from include.figures import style

POINTS = 400


@dataclass(frozen=True, slots=True)
class ArmPosterior:
    """Belief about an arm, as stored: a family with its parameters, mean and deviation."""

    name: str
    family: str
    parameters: Mapping[str, float]
    mean: float
    sd: float


def densities(arms: Sequence[ArmPosterior], *, note: str, most: int = 6) -> Figure:
    """Draw the densities of the arms with the highest means.

    Parameters
    ----------
    arms
        Every arm of one slot and cell.
    note
        Experiment, version, slot.
    most
        How many arms are drawn.

    Raises
    ------
    ValueError
        If there is no arm.
    """
    if not arms:
        raise ValueError("there is no posterior to draw")
    best = sorted(arms, key=lambda arm: -arm.mean)[:most]
    figure, axes = style.canvas(f"Posterior of the leading {len(best)} arms of {len(arms)}", note)
    low = min(arm.mean - 4 * arm.sd for arm in best)
    high = max(arm.mean + 4 * arm.sd for arm in best)
    if all(arm.family == "beta" for arm in best):
        low, high = max(low, 0.0), min(high, 1.0)
    grid = np.linspace(low, high, POINTS)
    for index, arm in enumerate(best):
        shade = style.colour(index)
        heights = _density(arm, grid)
        axes.plot(grid, heights, color=shade, linestyle=style.dash(index), lw=1.8, label=arm.name)
        axes.fill_between(grid, heights, color=shade, alpha=0.08, linewidth=0)
    axes.set_ylim(bottom=0.0)
    style.label(axes, "mean reward", "posterior density")
    style.legend(axes)
    return figure


def _density(arm: ArmPosterior, x: NDArray[np.float64]) -> NDArray[np.float64]:
    if arm.family != "beta":
        scaled = (x - arm.mean) / arm.sd
        return np.asarray(np.exp(-0.5 * scaled**2) / (arm.sd * np.sqrt(2 * np.pi)))
    alpha, beta = arm.parameters["alpha"], arm.parameters["beta"]
    inside = np.clip(x, 1e-12, 1 - 1e-12)
    norm = lgamma(alpha + beta) - lgamma(alpha) - lgamma(beta)
    return np.asarray(np.exp(norm + (alpha - 1) * np.log(inside) + (beta - 1) * np.log1p(-inside)))
