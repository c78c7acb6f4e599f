"""Shares over batches: where the traffic went."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from include.figures import style


def allocation(
    batches: Sequence[str], arms: Sequence[str], shares: NDArray[np.float64], *, note: str
) -> Figure:
    """Stack the shares of the leading arms, all others together.

    Parameters
    ----------
    batches
        Names of the T batches (or versions), oldest first.
    arms
        Names of the K arms.
    shares
        Shape (T, K); every row sums to 1.
    note
        Experiment, slot and cell.

    Raises
    ------
    ValueError
        If the shapes do not fit or a row does not sum to 1.
    """
    if shares.shape != (len(batches), len(arms)) or not batches:
        raise ValueError(f"shares {shares.shape}: {len(batches)} batches, {len(arms)} arms")
    if not np.allclose(shares.sum(axis=1), 1.0, atol=1e-6):
        raise ValueError("the shares of a batch do not sum to 1")
    figure, axes = style.canvas("Allocation over batches", note)
    leading = _leading(shares, most=len(style.PALETTE) - 1)
    rest = np.delete(shares, leading, axis=1).sum(axis=1)
    rows = [shares[:, arm] for arm in leading]
    names = [arms[arm] for arm in leading]
    shades = [style.colour(index) for index in range(len(leading))]
    if len(leading) < len(arms):
        rows.append(rest)
        names.append(f"{len(arms) - len(leading)} other arms")
        shades.append(style.REST)
    # Bars, not an area: the shares of a batch hold for the whole batch.
    base = np.zeros(len(batches))
    for row, name, shade in zip(rows, names, shades, strict=True):
        axes.bar(
            range(len(batches)),
            row,
            bottom=base,
            width=0.9,
            color=shade,
            label=name,
            edgecolor="white",
            linewidth=0.5,
        )
        base = base + row
    axes.set_ylim(0.0, 1.0)
    style.name_steps(axes, tuple(batches))
    style.label(axes, "batch folded in last", "share of decisions")
    style.legend(axes)
    return figure


def _leading(shares: NDArray[np.float64], *, most: int) -> list[int]:
    """Arms with the largest newest share, ties to the lower index."""
    order = np.argsort(-shares[-1], kind="stable")
    return [int(arm) for arm in order[:most]]
