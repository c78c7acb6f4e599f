"""The steps of one run of updates as small rows, and the table that it ends with."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from include.contract.batches import batch_start
from include.contract.canonical import Json
from include.errors import RefusedExperimentsError
from include.revision import code_revision
from include.settings import Settings
from include.tasks.summary import log_summary

_log = logging.getLogger(__name__)


class RunRow(TypedDict, total=False):
    """What a run did for one experiment; grows from step to step."""

    experiment: str
    batches: int
    rows: int
    cells: int
    lake_version: int | None
    guard: str
    guarded: int
    gate: str | None
    versions: list[int]
    stopped: str | None
    batch: str | None
    live: int


def aggregate_experiment(
    settings: Settings, experiment: str, *, until: datetime | None = None
) -> RunRow:
    """Aggregate every closed batch of an experiment, oldest first.

    Parameters
    ----------
    settings
        Where silver and PostgreSQL are.
    experiment
        Slug.
    until
        Only batches that started before; all when left out.
    """
    from include.tasks.aggregate import aggregate_batch, closed_batches

    done = [
        aggregate_batch(settings, experiment, batch_id)
        for batch_id in closed_batches(settings, experiment)
        if until is None or batch_start(batch_id) < until
    ]
    return RunRow(
        experiment=experiment,
        batches=len(done),
        rows=sum(batch.rows for batch in done),
        cells=sum(batch.cells for batch in done),
        lake_version=max((batch.lake_version for batch in done), default=None),
    )


def update_row(settings: Settings, row: RunRow, *, until: datetime | None, dag_run: str) -> RunRow:
    """Write the versions that are due for the experiment of a row.

    Where the run judged its batches, only what guardrails let pass is folded.
    """
    from include.tasks.update import update_experiment

    provenance: dict[str, Json] = {
        "dag_run": dag_run,
        "lake_version": row["lake_version"],
        "code_revision": code_revision(settings),
    }
    done = update_experiment(
        settings, row["experiment"], until=until, provenance=provenance, guarded="guard" in row
    )
    return RunRow(**row, versions=list(done.written), batch=done.batch, stopped=done.stopped)


def publish_row(settings: Settings, row: RunRow) -> RunRow:
    """Bring the weights store up to PostgreSQL for the experiment of a row."""
    from include.tasks.publish import publish_experiment

    return RunRow(**row, live=publish_experiment(settings, row["experiment"]).live.version)


def allocation_url(settings: Settings, experiment: str) -> str:
    """Return where the API tells what is live."""
    return f"{settings.serving_url}/allocation?experiment_id={experiment}"


def report_run(
    experiments: Sequence[str],
    rows: Sequence[RunRow],
    refused: Mapping[str, str],
    skipped: Mapping[str, str],
) -> None:
    """Log what was read, refused and written, and say what failed.

    Parameters
    ----------
    experiments
        All running experiments.
    rows
        Of those that went through.
    refused
        TOML file to the reason why it was refused.
    skipped
        Experiments that do not run, and why.

    Raises
    ------
    RefusedExperimentsError
        If a file was refused, or an experiment did not go through.
    """
    found = {row["experiment"]: row for row in rows}
    lines = [_line(name, found.get(name)) for name in experiments]
    for name, told in skipped.items():
        lines.append(dict.fromkeys(_COLUMNS, None) | {"experiment": name, "outcome": told})
    log_summary(_log, "weights", lines)
    for name, reason in refused.items():
        _log.error("refused %s: %s", name, reason)
    failed = [name for name in experiments if name not in found]
    if refused or failed:
        raise RefusedExperimentsError(
            f"{len(found)} of {len(experiments)} experiments went through; "
            f"failed: {', '.join(failed) or 'none'}; "
            f"files refused: {', '.join(refused) or 'none'}. The others' weights are published."
        )


def _line(experiment: str, row: RunRow | None) -> dict[str, object]:
    if row is None:
        return dict.fromkeys(_COLUMNS, None) | {"experiment": experiment, "outcome": "failed"}
    versions = [f"v{version}" for version in row["versions"]]
    told = "nothing to do" if not versions else f"wrote {versions[0]}"
    if row["guard"] == "roll_back":
        told = "rolled back"
    elif row["stopped"] is not None:
        told = f"{told}; {row['stopped']}"
    values = (
        *(experiment, row["batches"], row["rows"], row["cells"], row["batch"]),
        *(
            row["guard"],
            row["gate"],
            row["live"],
            told if len(versions) < 2 else f"{told} … {versions[-1]}",
        ),
    )
    return dict(zip(_COLUMNS, values, strict=True))


_COLUMNS = (
    *("experiment", "batches", "rows read", "sums", "newest batch"),
    *("guard", "gate", "live", "outcome"),
)
