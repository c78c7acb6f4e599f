"""Figures of an evaluation, from its report rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from include.stores.reports.evaluation_rows import Rows, StoredEvaluation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from include.figures.posteriors import ArmPosterior


def names(stored: StoredEvaluation) -> list[str]:
    """Return the names of the figures that an evaluation has; nothing is drawn for that."""
    judged = [row for row in stored.tables["policy_value"] if row["estimator"] != "on-policy"]
    regretted = [row for row in stored.tables["regret"] if row["policy"] == row["log"]]
    found = [f"policy_values_{log}" for log in _logs(judged)]
    found += [f"regret_{log}" for log in _logs(regretted)]
    found += ["learning"] if _lived(stored.tables["learning_point"]) else []
    found += ["allocation"] if stored.allocations else []
    return found + (["posteriors"] if stored.posteriors else [])


def draw(name: str, stored: StoredEvaluation) -> "Figure":
    """Draw the figure of a name."""
    kind, _, log = name.rpartition("_")
    if kind == "policy_values":
        return of_values(stored.tables["policy_value"], stored.tables["policy_diagnostics"], log)
    if kind == "regret":
        return of_regret(stored.tables["regret"], log)
    if name == "learning":
        return of_learning(stored.tables["learning_point"])
    return of_allocation(stored) if name == "allocation" else of_posteriors(stored)


def of_values(values: Rows, diagnostics: Rows, log: str) -> "Figure":
    """Draw the values of all policies on a log; hollow where the verdict is unknown."""
    from include.figures.policy_values import ValueInterval, policy_values

    key = ("log", "evaluation_policy", "position", "estimator")
    verdicts = {tuple(row[name] for name in key): row["verdict"] for row in diagnostics}
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
        policy, estimator = row["evaluation_policy"], row["estimator"]
        shown.append(ValueInterval(policy, estimator, row["value"], *ends))
    note = f"What if a policy had been fixed? From the {log} log; {_level(values)}, one look."
    return policy_values(shown, note=note, reference=own)


def of_regret(rows: Rows, log: str) -> "Figure":
    """Draw the regret of a log's own policy, batch by batch."""
    from include.figures.curves import Band, regret

    own = [row for row in rows if row["log"] == log and row["policy"] == log]
    note = (
        f"{log} log against the best fixed arm, arm values by DR; the band ({_level(own)}) includes"
        f"\nnot knowing which arm is best ({own[-1]['candidates']} candidates)"
    )
    ends = ("cumulative", "cumulative_lo", "cumulative_hi")
    place = [float(index) for index in range(len(own))]
    band = Band(log, place, *([row[end] for row in own] for end in ends))
    return regret([band], note=note, batches=[str(row["up_to_batch"]) for row in own])


def of_learning(rows: Rows) -> "Figure":
    """Draw what learning policies would have collected, over the rows they kept."""
    from include.figures.curves import Band, learning

    lived = _lived(rows)
    numbers = ("rows_kept", "mean_reward", "lo", "hi")
    curves = []
    for policy in dict.fromkeys(str(row["policy"]) for row in lived):
        own = [row for row in lived if row["policy"] == policy]
        told = f"{policy}: {own[-1]['rows_kept']} rows, {own[-1]['clicks']:g} rewards"
        curves.append(Band(told, *([float(row[name]) for row in own] for name in numbers)))
    last = lived[-1]
    note = f"Rejection replay of the {last['log']} log ({last['rows_read']} rows); {_level(lived)}."
    return learning(curves, note=note)


def of_allocation(stored: StoredEvaluation) -> "Figure":
    """Draw the shares of the first slot, version by version."""
    import numpy as np

    from include.figures.allocation import allocation

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


def of_posteriors(stored: StoredEvaluation) -> "Figure":
    """Draw the beliefs behind the newest version, first slot."""
    from include.figures.posteriors import densities

    arms = [_belief(row) for row in stored.posteriors]
    head = stored.head
    note = f"{head.experiment} v{head.weights_version}, first slot, batches up to {head.batch_id}."
    return densities(arms, note=note)


def _belief(row: Mapping[str, Any]) -> "ArmPosterior":
    from include.figures.posteriors import ArmPosterior

    return ArmPosterior(row["arm_id"], row["family"], row["parameters"], row["mean"], row["sd"])


def _lived(rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["mean_reward"] is not None and row["lo"] is not None]


def _level(rows: Rows) -> str:
    return f"{rows[0]['level']:.0%} intervals"


def _logs(rows: Rows) -> list[str]:
    return list(dict.fromkeys(str(row["log"]) for row in rows))
