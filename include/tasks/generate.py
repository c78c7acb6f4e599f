"""Write logs with known truth in the layout of the Open Bandit Dataset.

``python -m include.tasks.generate --rows 10000000 --out folder`` writes
``folder/<policy>/<campaign>/<campaign>.csv``, the item features, and ``truth.json``.
"""

import argparse
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, get_args

import numpy as np

from include.bandit.open_bandit import (
    FIRST_DAY,
    ITEM_COLUMNS,
    ITEMS,
    USER_FEATURES,
    Log,
    columns_of,
)
from include.bandit.synthetic import BehaviorPolicy, SyntheticRows, Truth, draw_rows, draw_truth

if TYPE_CHECKING:
    import polars as pl

CHUNK_ROWS: Final = 500_000
_USER_VALUES: Final = 12
_AFFINITY_ROWS: Final = 256

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LogPlan:
    """A log to generate.

    Attributes
    ----------
    log
        Campaign and behavior policy.
    rows
        How many rows.
    seed
        Equal plans give equal bytes.
    start
        Time of the first row at the earliest, UTC.
    days
        Length of the log.
    """

    log: Log
    rows: int
    seed: int = 0
    start: datetime = FIRST_DAY
    days: int = 7


def generate_log(plan: LogPlan, root: Path) -> Truth:
    """Write one log and its item features below ``root``; return what is true in it."""
    rng = np.random.default_rng(plan.seed)
    policy: BehaviorPolicy = "random" if plan.log.behavior_policy == "random" else "bts"
    seconds = plan.days * 86_400
    truth = draw_truth(rng, plan.log.items, policy, seconds=seconds)
    path = plan.log.path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    context = _Context(rng, plan.log.items)
    with path.open("wb") as file:
        file.write((",".join(columns_of(plan.log.items)) + "\n").encode())
        for first in range(0, plan.rows, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, plan.rows)
            rows = draw_rows(
                rng,
                truth,
                last - first,
                start_second=seconds * first / plan.rows,
                stop_second=seconds * last / plan.rows,
            )
            _write_chunk(file, plan, rows, first, context)
    _write_item_context(plan.log.item_context_path(root), rng, plan.log.items)
    _write_truth(path.with_name("truth.json"), plan, truth)
    return truth


class _Context:
    """Users' features and affinities as ready-made text, drawn from small pools."""

    def __init__(self, rng: np.random.Generator, items: int) -> None:
        import polars as pl

        self._rng = rng
        self._users = [
            pl.Series([rng.bytes(16).hex() for _ in range(_USER_VALUES)]) for _ in USER_FEATURES
        ]
        affinity = (rng.random((_AFFINITY_ROWS, items)) < 0.02).astype(float)
        self._affinity = pl.Series([",".join(map(str, row)) for row in affinity.tolist()])

    def columns(self, rows: int) -> "list[pl.Series]":
        users = [
            pool.gather(self._rng.integers(0, _USER_VALUES, rows)).alias(name)
            for name, pool in zip(USER_FEATURES, self._users, strict=True)
        ]
        picked = self._affinity.gather(self._rng.integers(0, _AFFINITY_ROWS, rows))
        return [*users, picked.alias("affinity")]


def _write_chunk(
    file: BinaryIO, plan: LogPlan, rows: SyntheticRows, first: int, context: _Context
) -> None:
    import polars as pl

    count = len(rows.item)
    start = int(plan.start.timestamp()) * 1_000_000
    frame = pl.DataFrame(
        {
            "index": np.arange(first, first + count),
            "timestamp": _timestamps(rows.microseconds + start),
            "item_id": rows.item,
            "position": rows.position + 1,
            "click": rows.click,
            "propensity_score": rows.propensity,
        }
    ).hstack(context.columns(count))
    # The affinities are several fields already, so nothing may be quoted.
    file.write(frame.write_csv(include_header=False, quote_style="never").encode())


def _timestamps(microseconds: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "pl.Series":
    import polars as pl

    times = pl.Series(microseconds).cast(pl.Datetime("us"))
    return times.dt.to_string("%Y-%m-%d %H:%M:%S%.6f+00:00")


def _write_item_context(path: Path, rng: np.random.Generator, items: int) -> None:
    values = [rng.bytes(16).hex() for _ in range(8)]
    lines = [",".join(ITEM_COLUMNS)]
    for item in range(items):
        hashed = ",".join(values[index] for index in rng.integers(0, len(values), 3))
        lines.append(f"{item},{item},{rng.standard_normal()!r},{hashed}")
    path.write_text("\n".join(lines) + "\n", "utf-8")


def _write_truth(path: Path, plan: LogPlan, truth: Truth) -> None:
    document = {
        "simulated": True,
        "campaign": plan.log.campaign,
        "behavior_policy": plan.log.behavior_policy,
        "rows": plan.rows,
        "seed": plan.seed,
        "click_rates": truth.click_rates.tolist(),
        "uniform_value": truth.uniform_value(),
        "logged_value": truth.logged_value(),
    }
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


def main() -> None:
    """Generate logs as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, required=True, help="rows per log")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--campaign", choices=tuple(ITEMS), default="men")
    parser.add_argument("--policy", choices=get_args(BehaviorPolicy), default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--start", type=datetime.fromisoformat, default=FIRST_DAY)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    start = given.start if given.start.tzinfo else given.start.replace(tzinfo=UTC)
    if given.rows < 1 or start + timedelta(days=given.days) > datetime.now(UTC):
        parser.error("--rows must be positive, and the log must end in the past")
    plan = LogPlan(Log(given.campaign, given.policy), given.rows, given.seed, start, given.days)
    generate_log(plan, given.out)
    _log.info("wrote %d rows to %s", plan.rows, plan.log.path(given.out))


if __name__ == "__main__":
    main()
