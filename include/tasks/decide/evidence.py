"""The evidence of a decision, from a stored judgement and the sums that it read."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from include.bandit.inference.decision_evidence import ArmEvidence, Evidence, PositionEvidence
from include.contract.batches import batch_start
from include.contract.weights import POOLED_CELL
from include.experiments.schema import Experiment
from include.tasks.judge import published_shares, strata

if TYPE_CHECKING:
    from include.stores.reports.judgement import StoredJudgement
    from include.tasks.judgement.store import Evidence as JudgedEvidence

Rows = Sequence[Mapping[str, Any]]


def decision_evidence(
    found: "JudgedEvidence",
    judged: "StoredJudgement",
    *,
    maximum_days: float,
    discovery: bool | None,
) -> Evidence:
    """Return what the rule reads: every arm against its baseline, at the newest look.

    Parameters
    ----------
    found
        The sums, as the judgement read them.
    judged
        Its rows.
    maximum_days
        Longest duration that holds.
    discovery
        What online FDR over all experiments says.
    """
    return Evidence(
        days=closed_days(found),
        maximum_days=maximum_days,
        positions=tuple(
            _position(found, judged, position) for position in range(found.experiment.positions)
        ),
        discovery=discovery,
    )


def closed_days(found: "JudgedEvidence") -> float:
    """Return the days from the start of the first closed batch to the end of the newest."""
    first, last = (batch_start(found.closed[at].batch_id) for at in (0, -1))
    return (last + found.experiment.batch - first).total_seconds() / 86_400


def _position(
    found: "JudgedEvidence", judged: "StoredJudgement", position: int
) -> PositionEvidence:
    tested = _of(judged.tables["sample_ratio"], position)
    last = max(tested, key=lambda row: row["step"], default=None)
    return PositionEvidence(
        arms=tuple(_arms(found, judged, position)),
        sample_ratio=None if last is None else float(last["p_value"]),
        mismatch=last is not None and bool(last["mismatch"]),
    )


def _arms(
    found: "JudgedEvidence", judged: "StoredJudgement", position: int
) -> Iterator[ArmEvidence]:
    experiment = found.experiment
    rows = _newest(judged, experiment, position)
    losses = {
        row["arm"]: float(row["expected_loss"])
        for row in _of(judged.tables["arm_belief"], position)
        if row["cell"] == POOLED_CELL
    }
    units, means = _sums(found, position)
    for at, name in enumerate(experiment.arms):
        if name == experiment.control:
            continue
        row = rows.get(name)
        against = _against(experiment, at, means)
        yield ArmEvidence(
            arm=name,
            known=row is not None and bool(row["known"]),
            reason="nothing was observed here" if row is None else str(row["reason"]),
            estimate=None if row is None else _finite(row["estimate"]),
            lower=None if row is None else row["lo"],
            upper=None if row is None else row["hi"],
            disagreement=row is not None and bool(row["disagreement"]),
            baseline=None if against is None else float(means[against]),
            units=0 if against is None else int(min(units[at], units[against])),
            expected_loss=losses.get(name),
        )


def _newest(
    judged: "StoredJudgement", experiment: Experiment, position: int
) -> dict[str, Mapping[str, Any]]:
    """Return the newest look of every arm: against the control, or else against the rest."""
    family = "best" if experiment.control is None else "control"
    rows = _of(judged.tables["confidence_sequence"], position)
    own = [row for row in rows if row["family"] == family]
    newest = max((row["look"] for row in own), default=0)
    return {row["arm"]: row for row in own if row["look"] == newest}


def _sums(
    found: "JudgedEvidence", position: int
) -> "tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]":
    """Return observations and means per arm; the mean weights by 1/p, NaN without a unit."""
    stored = [(batch.batch_id, rows) for batch, rows in found.rows]
    shares = published_shares(found.experiment, found.chain)
    part = strata(found.experiment, stored, shares, position)
    arms = len(found.experiment.arms)
    if part is None:
        return np.zeros(arms, np.int64), np.full(arms, np.nan)
    sums = part.statistics
    weight, reward = sums.sum_ip.sum(axis=0), sums.sum_r_ip.sum(axis=0)
    some = weight > 0
    return sums.n.sum(axis=0), np.where(some, reward / np.where(some, weight, 1.0), np.nan)


def _against(experiment: Experiment, arm: int, means: "np.ndarray[Any, Any]") -> int | None:
    """Return the arm that another is compared with: the control, or the best of the rest."""
    if experiment.control is not None:
        at = experiment.arms.index(experiment.control)
        return at if np.isfinite(means[at]) else None
    others = np.where(np.arange(len(means)) == arm, np.nan, means)
    return int(np.nanargmax(others)) if np.isfinite(others).any() else None


def _of(rows: Rows, position: int) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["position"] == position]


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
