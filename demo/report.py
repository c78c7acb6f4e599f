"""What the demo shows at its end: tables read from the SQL views that anybody can open."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import psycopg
from psycopg.rows import dict_row
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

SHOWN_ARMS = 3
TEXTS = ("log", "arm", "judged on", "policy")
ESTIMATORS = ("ips", "snips", "dm", "dr")

QUALITY = """
select behavior_policy, rows_in, rows_silver, rows_quarantined, verdict
from allot.data_quality where source = %s order by behavior_policy desc
"""
ARMS = """
select position, arm_id, best_probability, live_share, posterior_mean, weights_version
from (
    select *, row_number() over (partition by position order by live_share desc, arm) as place
    from allot.arm_performance where experiment = %s
) as ranked where place <= %s order by position, place
"""
VALUES = """
select log, evaluation_policy, estimator, value, lo, hi, effective_sample_size, n, verdict
from allot.policy_values
where experiment = %s and position = 'all' and estimator = any(%s) and interval_method = 'normal'
order by log desc, evaluation_policy, array_position(%s::text[], estimator)
"""

Row = dict[str, Any]


def show(console: Console, database_url: str, experiments: Sequence[str]) -> None:
    """Print what went in, what is live and what it is worth, per experiment."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        for experiment in experiments:
            campaign = experiment.removeprefix("obd-")
            console.rule(f"[bold]{experiment}[/]: Open Bandit Dataset, campaign “{campaign}”")
            quality = connection.execute(QUALITY, (f"open_bandit-{campaign}",)).fetchall()
            arms = connection.execute(ARMS, (experiment, SHOWN_ARMS)).fetchall()
            names = list(ESTIMATORS)
            values = connection.execute(VALUES, (experiment, names, names)).fetchall()
            console.print(_quality(quality), _arms(arms), _values(values))


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="italic",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        table.add_column(column, justify="left" if column in TEXTS else "right", no_wrap=True)
    return table


def _quality(rows: Sequence[Row]) -> Table:
    table = _table("what came in", "log", "rows in", "silver", "quarantined", "verdict")
    for row in rows:
        counts = (row["rows_in"], row["rows_silver"], row["rows_quarantined"])
        table.add_row(row["behavior_policy"], *(f"{count:,}" for count in counts), row["verdict"])
    return table


def _arms(rows: Sequence[Row]) -> Table:
    version = rows[0]["weights_version"] if rows else "–"
    table = _table(
        f"live weights, version {version}: the {SHOWN_ARMS} largest shares",
        "arm", "position", "P(best)", "weight", "posterior mean",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row["arm_id"],
            str(row["position"] + 1),
            f"{row['best_probability']:.3f}",
            f"{row['live_share']:.2%}",
            f"{row['posterior_mean']:.3%}",
        )
    return table


def _values(rows: Sequence[Row]) -> Table:
    table = _table(
        "what a fixed policy would have earned: clicks per 10,000 rows (?: too little to judge by)",
        "judged on", "policy", *(name.upper() for name in ESTIMATORS), "rows", "ESS",
    )  # fmt: skip
    for (log, policy), group in groupby(rows, key=itemgetter("log", "evaluation_policy")):
        found = {row["estimator"]: row for row in group}
        values = [_interval(found.get(name)) for name in ESTIMATORS]
        first = next(iter(found.values()))
        table.add_row(
            log, policy, *values, f"{first['n']:,}", f"{first['effective_sample_size']:,.0f}"
        )
    return table


def _interval(row: Row | None) -> str:
    if row is None:
        return "–"
    value, lo, hi = (1e4 * row[name] for name in ("value", "lo", "hi"))
    doubt = "" if row["verdict"] == "usable" else "?"
    return f"{value:.0f} \\[{lo:.0f}, {hi:.0f}]{doubt}"
