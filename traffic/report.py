"""What the play came to, batch by batch: weights, P(best) and sequences as the views have them."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg.rows import dict_row
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from include.contract.batches import batch_id_of
from traffic.play import Played, Shown
from traffic.truth import ARMS

CADENCE: Final = timedelta(seconds=20)
VERSIONS: Final = """
select w.batch_id::text as batch, w.version, a.cell, a.arm_id::text as arm, a.share,
    a.best_probability
from allot.weights_snapshot as w
inner join allot.allocation as a on w.experiment = a.experiment and w.version = a.version
where w.experiment = %s and w.batch_id is not null and a.slot = 0
order by w.version, a.cell, a.arm
"""
SEQUENCES: Final = """
select batch_id as batch, arm_id as arm, estimate, lo, hi from allot.confidence_sequences
where experiment = %s and family = 'control' and method = 'asymptotic'
order by batch_id, arm_id
"""
Rows = Sequence[dict[str, Any]]


def regrets(shown: Sequence[Shown]) -> dict[str, tuple[int, float, float]]:
    """Return decisions, regret per 100 of them, and that of uniform shares, by batch."""
    found: dict[str, list[Shown]] = defaultdict(list)
    for each in shown:
        found[batch_id_of(each.at, CADENCE)].append(each)
    return {
        batch: (
            len(rows),
            100 * sum(row.regret for row in rows) / len(rows),
            100 * sum(row.uniform_regret for row in rows) / len(rows),
        )
        for batch, rows in sorted(found.items())
    }


def show(console: Console, database_url: str, experiment: str, played: Played) -> None:
    """Print what was published and lost, batch by batch."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        versions = connection.execute(VERSIONS, (experiment,)).fetchall()
        sequences = connection.execute(SEQUENCES, (experiment,)).fetchall()
    console.print(_weights(versions), _regret(played), _sequences(sequences))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="italic", box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _weights(rows: Rows) -> Table:
    table = _table("published: share (P(best)) per arm", "version", "after batch", "cell", *ARMS)
    grouped: dict[tuple[int, str, str], dict[str, str]] = defaultdict(dict)
    for row in rows:
        told = f"{row['share']:.0%} ({row['best_probability']:.2f})"
        grouped[row["version"], row["batch"], row["cell"]][row["arm"]] = told
    for (version, batch, cell), shares in grouped.items():
        table.add_row(f"v{version}", batch, cell, *(shares.get(arm, "–") for arm in ARMS))
    return table


def _regret(played: Played) -> Table:
    table = _table(
        "rewards lost per 100 decisions against the best arm (simulated: true rates are known)",
        "batch", "decisions", "Allot", "uniform", "of uniform",
    )  # fmt: skip
    for batch, (count, ours, uniform) in regrets(played.shown).items():
        table.add_row(batch, str(count), f"{ours:.1f}", f"{uniform:.1f}", f"{ours / uniform:.0%}")
    return table


def _sequences(rows: Rows) -> Table:
    table = _table("arm − blue, valid at every look", "batch", "arm", "estimate", "from", "to")
    for row in rows:
        values = (
            "–" if row[name] is None else f"{row[name]:+.3f}" for name in ("estimate", "lo", "hi")
        )
        table.add_row(row["batch"], row["arm"], *values)
    return table
