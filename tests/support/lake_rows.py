"""Rows of silver for tests of the lake itself."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from include.bandit.open_bandit import USER_FEATURES
from include.stores.lake.silver import row_ids

if TYPE_CHECKING:
    import pyarrow as pa

SOURCE = "open_bandit-men"
BATCH = "2019-11-24"


def feedback_rows(rows: int, sha: str) -> "pa.Table":
    """Return rows of one batch, as a validation would write them."""
    import pyarrow as pa

    start = int(datetime(2019, 11, 24, tzinfo=UTC).timestamp()) * 1_000_000
    number = np.arange(rows, dtype=np.int64)
    feature = pa.array(["a"] * rows).dictionary_encode()
    return pa.table(
        {
            "row_id": row_ids(sha, number + 1),
            "decided_at": pa.array(start + number).cast(pa.timestamp("us", tz="UTC")),
            "arm": pa.array((number % 34).astype(np.int16)),
            "position": pa.array((number % 3).astype(np.int8)),
            "reward": pa.array((number % 10 == 0).astype(np.float64)),
            "pscore": pa.array(np.full(rows, 1 / 34)),
            **dict.fromkeys(USER_FEATURES, feature),
        }
    )
