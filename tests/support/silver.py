"""Small logs in silver, and the same rows in Python for an independent computation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from include.settings import Settings
from include.stores.lake.silver import FEEDBACK, FeedbackReplacement, row_ids

BATCHES = ("2019-11-24", "2019-11-25", "2019-11-26")


@dataclass(frozen=True)
class Logged:
    """One row of a log."""

    batch: str
    arm: int
    position: int
    reward: float
    pscore: float
    unit: str | None = None


def uniform_log(
    rates: Sequence[float],
    *,
    per_batch: int = 200,
    positions: int = 1,
    seed: int = 7,
    batches: Sequence[str] = BATCHES,
) -> list[Logged]:
    """A log of the uniform policy with known click rates."""
    rng = np.random.default_rng(seed)
    arms = len(rates)
    return [
        Logged(batch, arm, int(rng.integers(positions)), float(rng.random() < rates[arm]), 1 / arms)
        for batch in batches
        for arm in rng.integers(arms, size=per_batch).tolist()
    ]


def skewed_log(
    rates: Sequence[float], shares: Sequence[float], *, per_batch: int = 200, seed: int = 8
) -> list[Logged]:
    """A log of a fixed policy with known shares."""
    rng = np.random.default_rng(seed)
    return [
        Logged(batch, arm, 0, float(rng.random() < rates[arm]), shares[arm])
        for batch in BATCHES
        for arm in rng.choice(len(rates), size=per_batch, p=shares).tolist()
    ]


def write_silver(
    settings: Settings, rows: Sequence[Logged], source: str, behavior_policy: str
) -> int:
    """Replace a log in silver; return a lake version that holds it."""
    import pyarrow as pa

    replacement = FeedbackReplacement(settings, source, behavior_policy)
    by_batch: dict[str, list[Logged]] = {}
    for row in rows:
        by_batch.setdefault(row.batch, []).append(row)
    first = 1
    for batch in sorted(by_batch):
        own = by_batch[batch]
        numbers = np.arange(first, first + len(own), dtype=np.int64)
        first += len(own)
        start = datetime.fromisoformat(batch).replace(tzinfo=UTC)
        replacement.write(batch, pa.table(_columns(own, numbers, start, behavior_policy)))
    return replacement.commit({}).lake_version


def _columns(
    rows: Sequence[Logged], numbers: "np.typing.NDArray[np.int64]", start: datetime, salt: str
) -> Mapping[str, object]:
    import pyarrow as pa

    times = [start + timedelta(seconds=index) for index in range(len(rows))]
    known = {
        "row_id": row_ids((salt.encode().hex() + "0" * 64)[:64], numbers),
        "decided_at": pa.array(times, pa.timestamp("us", tz="UTC")),
        "arm": pa.array([row.arm for row in rows], pa.int16()),
        "position": pa.array([row.position for row in rows], pa.int8()),
        "reward": pa.array([row.reward for row in rows], pa.float64()),
        "pscore": pa.array([row.pscore for row in rows], pa.float64()),
        "unit": pa.array([row.unit for row in rows], pa.string()),
        "exposed": pa.nulls(len(rows), pa.bool_()),
        **{name: pa.nulls(len(rows), pa.string()) for name in ("decision_id", "cell")},
    }
    names = [name for name in FEEDBACK.columns if name not in FEEDBACK.partition_by]
    return {
        name: known[name] if name in known else pa.array(["x"] * len(rows), pa.string())
        for name in names
    }
