"""The steps that `bench.ingest` measures, each in a process of its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def ingest(campaign: str, policy: str, folder: Path) -> str:
    """Store a log in bronze; return its key, as the DAG hands it on."""
    from include.settings import settings
    from include.tasks.ingest import ingest_log

    return ingest_log(settings(), campaign, policy, str(folder)).log_key


def validate(campaign: str, policy: str, log_key: str) -> str:
    """Make a log silver; return its rows in, in silver and refused."""
    from include.settings import settings
    from include.tasks.validate import validate_log

    told = validate_log(settings(), campaign, policy, log_key)
    return f"{told.rows_in} {told.rows_silver} {told.rows_quarantined}"


def aggregate(campaign: str) -> str:
    """Sum every batch of the campaign's experiment; return the rows that were summed."""
    from include.settings import settings
    from include.tasks.aggregate import aggregate_batch, closed_batches

    slug = f"obd-{campaign}"
    batches = closed_batches(settings(), slug)
    return str(sum(aggregate_batch(settings(), slug, batch).rows for batch in batches))


def by_pandas(path: Path) -> str:
    """Read the columns that count and group them, as pandas does."""
    import pandas as pd

    frame = pd.read_csv(path, usecols=_WANTED)
    frame["day"] = frame["timestamp"].str.slice(0, 10)
    frame["weight"] = 1.0 / frame["propensity_score"]
    grouped = frame.groupby(["day", "position", "item_id"])[["click", "weight"]]
    return str(int(grouped.agg(["sum", "count"])[("click", "count")].sum()))


def by_polars(path: Path) -> str:
    """Read the columns that count and group them, as polars does, streaming."""
    import polars as pl

    return str(_grouped(pl.scan_csv(path)).select(pl.col("rows").sum()).item())


def _grouped(frame: "pl.LazyFrame") -> "pl.DataFrame":
    import polars as pl

    weight = 1.0 / pl.col("propensity_score")
    keys = [pl.col("timestamp").str.slice(0, 10), "position", "item_id"]
    sums = [pl.col("click").sum(), weight.sum().alias("weight"), pl.len().alias("rows")]
    return frame.select(_WANTED).group_by(keys).agg(sums).collect(engine="streaming")


_WANTED = ["timestamp", "item_id", "position", "click", "propensity_score"]


def main() -> None:
    """Run the step that the command line names, and print what it returns."""
    step, *given = sys.argv[1:]
    said = {
        "ingest": lambda: ingest(given[0], given[1], Path(given[2])),
        "validate": lambda: validate(given[0], given[1], given[2]),
        "aggregate": lambda: aggregate(given[0]),
        "pandas": lambda: by_pandas(Path(given[0])),
        "polars": lambda: by_polars(Path(given[0])),
    }[step]()
    sys.stdout.write(f"{said}\n")


if __name__ == "__main__":
    main()
