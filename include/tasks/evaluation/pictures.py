"""Figures of an evaluation, from its report rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from include.figures.allocation import allocation
from include.figures.curves import Band, learning, regret
from include.figures.policy_values import ValueInterval, policy_values
from include.figures.posteriors import ArmPosterior, densities
from include.stores.reports.evaluation_rows import Rows, StoredEvaluation


def of_values(values: Rows, diagnostics: Rows) -> dict[str, Figure]:
    """Draw the values of all policies on each log; hollow where the verdict is unknown."""
    key = ("log", "evaluation_policy", "position", "estimator")
    verdicts = {tuple(row[name] for name in key): row["verdict"] for row in diagnostics}
    figures = {}
    for log in _logs(values):
        shown, own = [], None
        for row in values:
            normal = row["interval_method"] == "normal" and row["position"] == "all"
            if row["log"] != log or not normal:
                continue
            if row["estimator"] == "on-policy":
                own = (f"mean of {log}", row["value"])
                continue
            usable = verdicts[tuple(row[name] for name in key)] == "usable"
            ends = (row["lo"], row["hi"]) if usable else (None, None)
            shown.append(
                ValueInterval(row["evaluation_policy"], row["estimator"], row["value"], *ends)
            )
        if shown:
            note = f"What if a policy had been fixed? From the {log} log; 95 % intervals, one look."
            figures[f"policy_values_{log}"] = policy_values(shown, note=note, reference=own)
    return figures


def of_regret(rows: Rows, batches: list[str]) -> dict[str, Figure]:
    """Draw the regret of every log's own policy, batch by batch."""
    figures = {}
    for log in _logs(rows):
        own = [row for row in rows if row["log"] == log and row["policy"] == log]
        if len(own) > 1:
            note = (
                f"{log} log against the best fixed arm, arm values by DR; the 95 % band includes "
                f"not knowing\nwhich arm is best ({own[-1]['candidates']} candidates)"
            )
            place = [float(batches.index(str(row["up_to_batch"]))) for row in own]
            band = Band(
                log,
                place,
                *(
                    [row[end] for row in own]
                    for end in ("cumulative", "cumulative_lo", "cumulative_hi")
                ),
            )
            figures[f"regret_{log}"] = regret([band], note=note, batches=batches)
    return figures


def of_learning(rows: Rows) -> dict[str, Figure]:
    """Draw what learning policies would have collected, over the rows they kept."""
    lived = [row for row in rows if row["mean_reward"] is not None and row["lo"] is not None]
    policies = list(dict.fromkeys(row["policy"] for row in lived))
    if not policies:
        return {}
    curves = [
        Band(
            f"{policy}: {own[-1]['rows_kept']} rows, {own[-1]['clicks']:g} rewards",
            *(
                [float(row[name]) for row in own]
                for name in ("rows_kept", "mean_reward", "lo", "hi")
            ),
        )
        for policy in policies
        for own in [[row for row in lived if row["policy"] == policy]]
    ]
    last = lived[-1]
    note = f"Rejection replay of the {last['log']} log ({last['rows_read']} rows); 95 % intervals."
    return {"learning": learning(curves, note=note)}


def of_allocation(stored: StoredEvaluation) -> Figure:
    """Draw the shares of the first slot, version by version."""
    rows = stored.allocations
    versions = list(dict.fromkeys(row["version"] for row in rows))
    arms = list(dict.fromkeys(row["arm_id"] for row in rows))
    place = {version: index for index, version in enumerate(versions)}
    column = {arm: index for index, arm in enumerate(arms)}
    shares, names = np.zeros((len(versions), len(arms))), [""] * len(versions)
    for row in rows:
        shares[place[row["version"]], column[row["arm_id"]]] = row["share"]
        names[place[row["version"]]] = f"v{row['version']} {row['batch_id'] or 'default'}"
    return allocation(names, arms, shares, note=f"{stored.head.experiment}, first slot.")


def of_posteriors(stored: StoredEvaluation) -> Figure:
    """Draw the beliefs behind the newest version, first slot."""
    arms = [_belief(row) for row in stored.posteriors]
    head = stored.head
    note = f"{head.experiment} v{head.weights_version}, first slot, batches up to {head.batch_id}."
    return densities(arms, note=note)


def _belief(row: Mapping[str, Any]) -> ArmPosterior:
    return ArmPosterior(row["arm_id"], row["family"], row["parameters"], row["mean"], row["sd"])


def _logs(rows: Rows) -> list[str]:
    return list(dict.fromkeys(str(row["log"]) for row in rows))
