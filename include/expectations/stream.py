"""What one row cannot say of itself: repetition, order and mean weight, across all blocks."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.open_bandit import BTS_GRID, USER_FEATURES

if TYPE_CHECKING:
    import polars as pl

BoolArray = NDArray[np.bool_]
_MINUTE: Final = 60_000_000
# Two rows with these equal are the same decision: see docs/data-flow.md for the measurement.
IDENTITY: Final = (
    "decided_at",
    "item_id",
    "position",
    "click",
    "propensity_score",
    *USER_FEATURES,
)


class StreamChecks:
    """Carries what was seen of a log from block to block.

    Parameters
    ----------
    items
        K, the target of the mean weight is 1/K.
    """

    def __init__(self, items: int) -> None:
        self._items = items
        self._seen: dict[int, NDArray[np.uint64]] = {}
        self._last_time: int | None = None
        self._top_index = -1
        self._rows, self._weight = 0, 0.0

    def annotate(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """Add ``repeats``, ``in_order``, ``index_rises`` and ``on_grid`` to the next block.

        Null where the row does not say: nothing is held against it then.
        """
        import polars as pl

        time = frame["decided_at"].to_physical()
        propensity = frame["propensity_score"].to_numpy()
        steps = propensity / BTS_GRID
        with np.errstate(invalid="ignore"):
            on_grid = np.abs(steps - np.rint(steps)) <= 1e-6 * np.maximum(1.0, steps)
        return frame.with_columns(
            pl.Series("repeats", self._repeats(frame)),
            self._in_order(time).alias("in_order"),
            self._index_rises(frame["row_index"]).alias("index_rises"),
            pl.Series("on_grid", on_grid),
        )

    def accept(self, propensity: NDArray[np.float64]) -> None:
        """Count the rows of the block that were not refused into the mean weight."""
        self._rows += len(propensity)
        self._weight += float(np.sum(1.0 / (self._items * propensity)))

    def mean_weight(self) -> float:
        """Return the mean of (1/K)/p over accepted rows; NaN without any."""
        return self._weight / self._rows if self._rows else float("nan")

    def _in_order(self, time: "pl.Series") -> "pl.Series":
        previous = time.forward_fill().shift(1)
        if self._last_time is not None:
            previous = previous.fill_null(self._last_time)
        known = time.drop_nulls()
        if len(known):
            self._last_time = int(known[-1])
        return (time >= previous).fill_null(value=True)

    def _index_rises(self, index: "pl.Series") -> "pl.Series":
        before = index.cum_max().forward_fill().shift(1).fill_null(self._top_index)
        before = before.clip(lower_bound=self._top_index)
        top = index.max()
        if isinstance(top, int):
            self._top_index = max(self._top_index, top)
        return (index > before).fill_null(value=True)

    def _repeats(self, frame: "pl.DataFrame") -> BoolArray:
        """Tell which decisions were seen before, exactly up to collisions of 64-bit hashes.

        Hashes are kept by minute of decision, so that a log in order touches few of them,
        and a repetition is found however far away it stands.
        """
        import polars as pl

        readable = frame.select(
            ~pl.any_horizontal(pl.col(name).is_null() for name in IDENTITY[:5])
        ).to_series()
        rows = np.flatnonzero(readable.to_numpy())
        repeats = np.zeros(frame.height, bool)
        if not len(rows):
            return repeats
        part = frame.filter(readable).select(IDENTITY)
        hashes = part.with_columns(pl.col(*USER_FEATURES).to_physical()).hash_rows().to_numpy()
        minutes = part["decided_at"].to_physical().to_numpy() // _MINUTE
        names, ranks = np.unique(minutes, return_inverse=True)
        order = np.lexsort((rows, hashes, ranks))
        same = np.zeros(len(order), bool)
        same[1:] = (hashes[order][1:] == hashes[order][:-1]) & (
            ranks[order][1:] == ranks[order][:-1]
        )
        earlier = [self._seen[name] for name in names.tolist() if name in self._seen]
        known = np.isin(hashes[order], np.concatenate(earlier)) if earlier else np.zeros_like(same)
        repeats[rows[order]] = same | known
        self._remember(names, ranks[order], hashes[order])
        return repeats

    def _remember(
        self,
        names: NDArray[np.int64],
        ranks: NDArray[np.intp],
        hashes: NDArray[np.uint64],
    ) -> None:
        ends = np.searchsorted(ranks, np.arange(len(names)), side="right")
        for name, part in zip(names.tolist(), np.split(hashes, ends[:-1]), strict=True):
            before = self._seen.get(name)
            self._seen[name] = part.copy() if before is None else np.concatenate((before, part))
