"""Rows of a log grouped by unit: what the variance of a log too long for memory is summed over.

A unit's rows may depend on each other, so the variance of an average is that of sums over
units, Σ_g (Σ_{i∈g} ψ_i)² G / (G − 1) / n² (Liang & Zeger 1986). Every unit lies whole in one
piece, so squares of such sums add over the pieces, however the units are dealt out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.weighted_log import Rows, Sums, Term
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError

# Fold (or batch) of every row, and rows whose clusters are units.
Piece = tuple[IntArray, Feedback]


@dataclass(frozen=True, slots=True, eq=False)
class UnitRows:
    """The rows of a log, read again and again in pieces of whole units.

    Attributes
    ----------
    pieces
        Starts a new pass, over all rows or those of one position. Rows of one unit are next to
        each other, with equal ``cluster``, and in no other piece.
    name
        Equal rows of equal units, equal name.
    """

    pieces: Callable[[int | None], Iterator[Piece]]
    name: str = ""

    def changed(self, change: Callable[[IntArray, Feedback], Piece]) -> Self:
        """Return the same units with each piece changed as it is read."""

        def pieces(position: int | None) -> Iterator[Piece]:
            for fold, rows in self.pieces(position):
                yield change(fold, rows)

        return replace(self, pieces=pieces)

    def folded(self, fold_of: IntArray) -> Self:
        """Name the fold of every row instead of its batch."""
        return self.changed(lambda batch, rows: (fold_of[batch], rows))

    def spread(self, batches: int) -> Self:
        """Make every (batch, position) a position of its own, in one fold."""

        def wide(batch: IntArray, rows: Feedback) -> Piece:
            at = batch * rows.positions + rows.position
            positions = batches * rows.positions
            return np.zeros_like(batch), replace(rows, position=at, positions=positions)

        return self.changed(wide)

    def at_position(self, position: int) -> Self:
        """Return the rows of one position alone."""

        def pieces(_position: int | None) -> Iterator[Piece]:
            for fold, rows in self.pieces(position):
                yield fold, replace(rows, position=np.zeros_like(rows.position), positions=1)

        return replace(self, pieces=pieces)

    def variance(self, values: Callable[[IntArray, Feedback], FloatArray]) -> float:
        """Return the variance of the average of values whose mean is 0.

        Parameters
        ----------
        values
            Value of every row of a piece, shape (n,).

        Raises
        ------
        EvaluationError
            If there are fewer than two units.
        """
        n = units = 0
        squares = 0.0
        for fold, rows in self.pieces(None):
            sums = np.add.reduceat(values(fold, rows), starts_of(rows))
            n, units = n + rows.n, units + len(sums)
            squares += float(sums @ sums)
        if units < 2:
            raise EvaluationError("a variance needs two independent rows or clusters")
        return squares * units / (units - 1) / n**2


@dataclass(frozen=True, slots=True, eq=False)
class UnitSums(Sums):
    """A log by sums, as `Sums`, whose variances are summed over units.

    Attributes
    ----------
    policy
        Table of shape (P, K).
    units
        The rows behind the sums, each with its fold.
    """

    policy: FloatArray
    units: UnitRows

    @classmethod
    def of(cls, sums: Sums, policy: FloatArray, units: UnitRows) -> Self:
        """Add the units to a log by sums."""
        known = {field.name: getattr(sums, field.name) for field in fields(Sums)}
        return cls(**known, policy=policy, units=units)

    def variance(self, term: Term) -> float:
        """Return the variance of a term's average; see the module."""
        table = (term.constant, term.weight, term.reward)

        def values(fold: IntArray, rows: Feedback) -> FloatArray:
            cell = (fold * rows.positions + rows.position) * rows.arms + rows.arm
            own = (
                one if isinstance(one, float) else np.broadcast_to(one, self.rows.shape).take(cell)
                for one in table
            )
            weight = self.policy[rows.position, rows.arm] / rows.pscore
            # Coefficients stand at the rows already: q̂ is in them.
            seen = Rows(weight, rows.reward, weight, weight)
            return seen.values(Term(*own))

        return self.units.variance(values)

    def largest_weight(self) -> float:
        """Return the largest weight of a row."""
        return max(
            float((self.policy[rows.position, rows.arm] / rows.pscore).max())
            for _, rows in self.units.pieces(None)
        )


def starts_of(rows: Feedback) -> IntArray:
    """Return the first row of every unit of a piece.

    Raises
    ------
    EvaluationError
        If the rows name no unit.
    """
    if rows.cluster is None:
        raise EvaluationError("sums over units need rows that name their unit")
    return np.flatnonzero(np.diff(rows.cluster, prepend=rows.cluster[0] - 1))
