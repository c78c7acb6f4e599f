"""An evaluation as a tracked run: parameters, numbers, curves, tables and figures."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from include.stores.reports.evaluation_rows import Rows, StoredEvaluation
from include.stores.tracking_content import Curve, Drawn, RunContent
from include.tasks.evaluation import pictures

# Curves of shares are for people; all arms stand in the table.
ARMS_SHOWN = 10


def content_of(stored: StoredEvaluation) -> RunContent:
    """Return what a run shows of an evaluation; equal rows give an equal run."""
    head = stored.head
    batches = {row["up_to_batch"] for row in stored.tables["regret"]}
    return RunContent(
        title=f"evaluation {head.batch_id} v{head.weights_version}",
        step=len(batches),
        params=_params(stored),
        tags={
            "dag_run": head.dag_run,
            "batch": head.batch_id,
            "weights_version": head.weights_version,
            "lake_version": head.lake_version,
            "code_revision": head.code_revision,
            "method": head.method,
        },
        metrics=dict(_metrics(stored.tables)),
        curves=[
            *_regret_curves(stored.tables["regret"]),
            *_learning_curves(stored),
            *_shares(stored),
        ],
        tables={name: list(rows) for name, rows in stored.tables.items() if rows},
        figures=Drawn(
            {name: partial(pictures.draw, name, stored) for name in pictures.names(stored)}
        ),
    )


def _params(stored: StoredEvaluation) -> dict[str, Any]:
    declared = stored.declaration
    limits = {f"limits.{name}": value for name, value in declared["limits"].items() if value}
    policy = {f"policy.{name}": value for name, value in declared["policy"]["params"].items()}
    return {
        "experiment": stored.head.experiment,
        "source": declared["source"]["kind"],
        "campaign": declared["source"].get("campaign", ""),
        "policy": declared["policy"]["name"],
        "prior": f"{declared['prior']['kind']}/{declared['prior']['version']}",
        "arms": len(declared["arms"]),
        "positions": declared["positions"],
        **policy,
        **limits,
    }


def _metrics(tables: Mapping[str, Rows]) -> Iterator[tuple[str, float]]:
    for row in tables["policy_value"]:
        if row["position"] == "all" and row["interval_method"] == "normal":
            name = f"{row['log']}/{row['evaluation_policy']}/{row['estimator']}"
            yield f"value/{name}", row["value"]
            yield f"value_lo/{name}", row["lo"]
            yield f"value_hi/{name}", row["hi"]
    for row in tables["policy_diagnostics"]:
        if row["position"] == "all":
            name = f"{row['log']}/{row['evaluation_policy']}/{row['estimator']}"
            for number in (
                "effective_sample_size",
                "largest_weight",
                "mean_weight",
                "mass_without_support",
            ):
                yield f"{number}/{name}", row[number]
            yield f"usable/{name}", float(row["verdict"] == "usable")
    for row in tables["self_grade"]:
        if row["interval_method"] == "normal":
            name = f"{row['log']}/{row['evaluation_policy']}/{row['estimator']}"
            yield f"grade_error/{name}", row["error"]
            yield f"grade_covered/{name}", float(row["covered"])


def _regret_curves(rows: Rows) -> Iterator[Curve]:
    for log, own in _grouped(rows, "log", "policy").items():
        if len(own) > 1:
            steps = [int(row["decisions"]) for row in own]
            for end in ("cumulative", "cumulative_lo", "cumulative_hi"):
                name = "regret" + end.removeprefix("cumulative")
                yield Curve(f"{name}/{log[0]}/{log[1]}", steps, [row[end] for row in own])


def _learning_curves(stored: StoredEvaluation) -> Iterator[Curve]:
    for (log, policy), own in _grouped(stored.tables["learning_point"], "log", "policy").items():
        name, steps = f"{log}/{policy}", [int(row["rows_read"]) for row in own]
        yield Curve(f"learning_rows_kept/{name}", steps, [float(row["rows_kept"]) for row in own])
        yield Curve(f"learning_clicks/{name}", steps, [row["clicks"] for row in own])
        lived = [row for row in own if row["mean_reward"] is not None]
        steps = [int(row["rows_read"]) for row in lived]
        yield Curve(f"learning_mean_reward/{name}", steps, [row["mean_reward"] for row in lived])


def _shares(stored: StoredEvaluation) -> Iterator[Curve]:
    by_arm = _grouped(stored.allocations, "arm_id")
    leading = sorted(by_arm, key=lambda arm: (-by_arm[arm][-1]["share"], by_arm[arm][0]["arm"]))
    for arm in leading[:ARMS_SHOWN]:
        own = by_arm[arm]
        yield Curve(
            f"share/{arm[0]}", [int(row["version"]) for row in own], [row["share"] for row in own]
        )


def _grouped(rows: Rows, *names: str) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return groups
