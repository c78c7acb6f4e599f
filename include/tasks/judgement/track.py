"""Show a judgement in MLflow, from its report rows; whatever is missing is put back."""

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.evaluation import point_to_run
from include.stores.reports.judgement import (
    Rows,
    StoredJudgement,
    newest_judgement,
    read_judgement,
)
from include.stores.tracking import RunKey, TrackedRun, Tracker
from include.stores.tracking_content import Curve, Drawn, RunContent

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KIND: Final = "judgement"
WAIT_SECONDS: Final = 120.0
# Curves are for people; all arms stand in the table.
ARMS_SHOWN: Final = 10

_log = logging.getLogger(__name__)


def track_judgement(settings: Settings, slug: str) -> TrackedRun | None:
    """Record the newest judgement of an experiment; ``None`` where there is none.

    Nothing is computed here and nothing waits for it: the rows are in PostgreSQL.

    Raises
    ------
    ReportsUnavailableError
        If PostgreSQL cannot be reached.
    mlflow.exceptions.MlflowException
        If MLflow does not answer; run it again later.
    """
    with connect(settings, statement_seconds=WAIT_SECONDS) as connection:
        name = newest_judgement(connection, slug)
        if name is None:
            return None
        stored = read_judgement(connection, slug, *name)
        connection.commit()
        key = RunKey(slug, *name, KIND)
        run = Tracker(settings, connection).record(key, content_of(stored))
        named = {"experiment": slug, "batch_id": name[0], "statistics_hash": name[1], "kind": KIND}
        point_to_run(connection, named, run_id=run.run_id, url=run.url)
        connection.commit()
    _log.info("%s %s: run %s", slug, name[0], run.run_id)
    return run


def content_of(stored: StoredJudgement) -> RunContent:
    """Return what a run shows of a judgement; equal rows give an equal run."""
    head, tables = stored.head, stored.tables
    shown = leading(tables["confidence_sequence"])
    return RunContent(
        title=f"judgement {head.batch_id} v{head.weights_version}",
        step=max(row["looks"] for row in tables["verdict"]),
        params={
            "experiment": head.experiment,
            "policy": stored.declaration["policy"]["name"],
            "control": stored.declaration.get("control") or "",
            "arms": len(stored.declaration["arms"]),
            "alpha": head.alpha,
        },
        tags={
            "dag_run": head.dag_run,
            "batch": head.batch_id,
            "weights_version": head.weights_version,
            "code_revision": head.code_revision,
            "method": head.method,
            **{f"winner.{row['position']}": row["winner"] or "none" for row in tables["verdict"]},
        },
        metrics={**dict(_verdict_metrics(tables)), **dict(_beside(tables))},
        curves=[
            *_curves(shown),
            *_exact_curves(tables["exact_sequence"], shown),
            *_ratio_curves(tables["sample_ratio"]),
        ],
        tables={name: list(rows) for name, rows in tables.items() if rows},
        figures=Drawn(
            {
                f"confidence_sequence_{family}_{position}": partial(draw, rows, head.alpha)
                for (position, family), rows in _grouped(shown, "position", "family").items()
            }
        ),
    )


def draw(rows: Rows, alpha: float) -> "Figure":
    """Draw the confidence sequences of one position and family over its batches."""
    from include.figures.sequences import ArmSequence, confidence_sequences

    names = list(dict.fromkeys(str(row["look_batch"]) for row in rows))
    arms = [
        ArmSequence(
            str(arm),
            [row["look"] for row in own],
            [row["estimate"] for row in own],
            [row["lo"] for row in own],
            [row["hi"] for row in own],
        )
        for (arm,), own in _grouped(rows, "arm").items()
    ]
    against = rows[0]["against"] or "the best of the rest"
    note = (
        f"slot {rows[0]['position']}; {1 - alpha:.0%} for all arms at all looks at once; "
        "an unbounded end is left out"
    )
    return confidence_sequences(arms, names, against=against, note=note)


def _verdict_metrics(tables: Mapping[str, Rows]) -> Iterator[tuple[str, float]]:
    for row in tables["verdict"]:
        at = row["position"]
        yield f"p_value/{at}", row["p_value"]
        yield f"known_arms/{at}", float(row["known_arms"])
        yield f"has_winner/{at}", float(row["winner"] is not None)
        if row["potential_value_remaining"] is not None:
            yield f"potential_value_remaining/{at}", row["potential_value_remaining"]


def _beside(tables: Mapping[str, Rows]) -> Iterator[tuple[str, float]]:
    """Yield what stands beside a verdict: other intervals, the readout, beliefs."""
    for row in tables["fixed_time_interval"]:
        yield from _ends(row, row["method"], f"{row['position']}/{row['arm']}")
    for row in tables["readout"]:
        basis = row["basis"].replace(" ", "_")
        yield from _ends(row, "readout", f"{basis}/{row['position']}/{row['arm']}/{row['against']}")
    for row in tables["arm_belief"]:
        if row["cell"] == "*":
            name = f"{row['position']}/{row['arm']}"
            yield f"best_probability/{name}", row["best_probability"]
            yield f"expected_loss/{name}", row["expected_loss"]


def _ends(row: Mapping[str, Any], what: str, name: str) -> Iterator[tuple[str, float]]:
    for end in ("estimate", "lo", "hi"):
        if row[end] is not None:
            yield f"{what}_{end}/{name}", row[end]


def _curves(rows: Rows) -> Iterator[Curve]:
    """Yield every end of every sequence, stepped by look; unbounded looks are left out."""
    for (position, family, arm), own in _grouped(rows, "position", "family", "arm").items():
        for part in ("estimate", "lo", "hi", "equal_estimate", "equal_lo", "equal_hi", "p_value"):
            known = [row for row in own if row[part] is not None]
            if known:
                yield Curve(
                    f"sequence_{part}/{family}/{position}/{arm}",
                    [row["look"] for row in known],
                    [row[part] for row in known],
                )


def _exact_curves(rows: Rows, shown: Rows) -> Iterator[Curve]:
    """Yield both ends of the exact sequences of the arms that are shown."""
    arms = {(row["position"], row["family"], row["arm"]) for row in shown}
    names = ("position", "family", "arm", "method")
    for (position, family, arm, method), own in _grouped(rows, *names).items():
        if (position, family, arm) not in arms:
            continue
        for end in ("lo", "hi"):
            known = [row for row in own if row[end] is not None]
            if known:
                yield Curve(
                    f"sequence_{end}_{method.replace('-', '_')}/{family}/{position}/{arm}",
                    [row["look"] for row in known],
                    [row[end] for row in known],
                )


def _ratio_curves(rows: Rows) -> Iterator[Curve]:
    for (position,), own in _grouped(rows, "position").items():
        yield Curve(
            f"sample_ratio_p_value/{position}",
            [row["step"] for row in own],
            [row["p_value"] for row in own],
        )


def leading(rows: Rows) -> list[Mapping[str, Any]]:
    """Return the rows of the arms that lead at the newest look, per position and family."""
    kept: list[Mapping[str, Any]] = []
    for own in _grouped(rows, "position", "family").values():
        last = max(row["look"] for row in own)
        ends = sorted(
            (row for row in own if row["look"] == last),
            key=lambda row: (-row["estimate"], row["arm"]),
        )
        leading = {row["arm"] for row in ends[:ARMS_SHOWN]}
        kept += [row for row in own if row["arm"] in leading]
    return kept


def _grouped(rows: Rows, *names: str) -> dict[tuple[Any, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
