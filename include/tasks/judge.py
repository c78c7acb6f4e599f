"""Judge: what an experiment may say today, from its closed batches and the shares as published."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, TypeVar

from include.contract.canonical import Json
from include.contract.weights import BUCKETS, POOLED_CELL
from include.experiments.schema import DecisionLogSource, Experiment
from include.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from include.bandit.inference.family import Design
    from include.bandit.inference.interval import FixedTime
    from include.bandit.statistics import ArmStatistics, Sums
    from include.contract.published import Published
    from include.stores.reports.metrics import MetricRow
    from include.stores.reports.statistics import StatisticsRow

S = TypeVar("S", bound="Sums")
# (version, cohort, position) → share of every arm
SharesOf = Callable[[str, str, int], Sequence[float]]


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Sums and shares of one position, one row per (batch, version, cohort), in order."""

    statistics: "ArmStatistics"
    shares: "NDArray[np.float64]"
    versions: tuple[tuple[str, str], ...]
    cells: tuple[str, ...]


def judge_experiment(settings: Settings, slug: str, *, alpha: float = 0.05) -> dict[str, Json]:
    """Return the verdicts of an experiment over its closed batches, per position.

    Nothing is written, and equal rows give an equal answer. Positions are never pooled; each
    spends α of its own.

    Raises
    ------
    UnknownExperimentError
        If the experiment was never registered.
    LineageError
        If stored rows are missing or do not hash to their name.
    """
    from include.stores.reports import batches, experiments, weights
    from include.stores.reports.connection import transaction

    with transaction(settings) as connection:
        experiment = experiments.read(connection, slug).experiment
        closed = batches.closed_batches(connection, experiment)
        rows = batches.read_rows(connection, experiment, closed)
        history = weights.history(connection, slug)
    shares = published_shares(experiment, history)
    stored = [(batch.batch_id, found) for batch, found in rows]
    judged: list[Json] = []
    for position in range(experiment.positions):
        found = strata(experiment, stored, shares, position)
        judged.append(None if found is None else judgement(experiment, found, alpha=alpha))
    newest = closed[-1].batch_id if closed else None
    return {"experiment": slug, "batch": newest, "alpha": alpha, "positions": judged}


def published_shares(experiment: Experiment, history: "Iterable[Published]") -> SharesOf:
    """Return how to find the shares that a version published; a foreign log is uniform."""
    arms = len(experiment.arms)
    contents = {f"v{one.version}": one.content for one in history}

    def shares(version: str, cohort: str, position: int) -> Sequence[float]:
        if not isinstance(experiment.source, DecisionLogSource):
            return [1.0 / arms] * arms
        content = contents[version]
        cell = cohort if cohort in content.cells else POOLED_CELL
        buckets = content.buckets(cell, position)
        # An arm that was added later had no share in older versions.
        return [count / BUCKETS for count in buckets] + [0.0] * (arms - len(buckets))

    return shares


def strata(
    experiment: Experiment,
    rows: "Sequence[tuple[str, Sequence[StatisticsRow]]]",
    shares: SharesOf,
    position: int,
) -> Strata | None:
    """Lay rows out as the inference functions want them; ``None`` where there are none.

    Every observation was drawn in its row: of the API's decisions, sums count a unit only in the
    batch in which it was drawn, also under ``nested`` and within a held version.
    """
    from include.bandit.statistics import ArmStatistics

    found = laid_out(ArmStatistics, experiment, rows, shares, position)
    return None if found is None else Strata(*found)


def laid_out(
    kind: type[S],
    experiment: Experiment,
    rows: "Sequence[tuple[str, Sequence[StatisticsRow | MetricRow]]]",
    shares: SharesOf,
    position: int,
) -> "tuple[S, NDArray[np.float64], tuple[tuple[str, str], ...], tuple[str, ...]] | None":
    """Lay rows of any sums out: sums, shares, and per row (batch, version) and cohort."""
    import numpy as np

    keys = sorted(
        {
            (batch, row.version, row.cohort)
            for batch, some in rows
            for row in some
            if row.position == position
        },
        key=lambda key: (key[0], _order(key[1]), key[2]),
    )
    if not keys:
        return None
    index = {key: at for at, key in enumerate(keys)}
    statistics = kind.zeros((len(keys), len(experiment.arms)))
    for batch, some in rows:
        for row in (row for row in some if row.position == position):
            for field in fields(kind):
                target = getattr(statistics, field.name)
                target[index[batch, row.version, row.cohort], row.arm] += getattr(row, field.name)
    table = [shares(version, cohort, position) for _, version, cohort in keys]
    labels = tuple((batch, version) for batch, version, _ in keys)
    cells = tuple(cohort for _, _, cohort in keys)
    return statistics, np.array(table), labels, cells


def design_of(experiment: Experiment, found: Strata) -> "Design":
    """Return how a position's statistics came about: shares, bounds of a reward."""
    from include.bandit.inference.family import Design

    reward = experiment.reward
    bounds = None if reward.kind == "real" else (reward.lower, reward.upper)
    return Design(shares=found.shares, bounds=bounds)


def judgement(experiment: Experiment, found: Strata, *, alpha: float) -> dict[str, Json]:
    """Return the verdict of one position with everything that stands beside it."""
    from include.bandit.inference.aw_aipw import aw_aipw
    from include.bandit.inference.bols import bols
    from include.bandit.inference.conclusion import conclude
    from include.bandit.inference.naive import naive

    design = design_of(experiment, found)
    control = None if experiment.control is None else experiment.arms.index(experiment.control)
    said = conclude(found.statistics, control, design, alpha=alpha)
    document: dict[str, Json] = {
        "winner": None if said.winner is None else experiment.arms[said.winner],
        "winner_blocked": said.winner_blocked,
        "p_value": said.p_value,
        "known": dict(zip(experiment.arms, said.known, strict=True)),
        "effects": [
            {**asdict(effect), "arm": experiment.arms[effect.arm], "ships": effect.ships}
            for effect in said.effects
        ],
        "sample_ratio": _sample_ratio(experiment, found),
    }
    if control is not None:
        pairs = tuple((arm, control) for arm in range(len(experiment.arms)) if arm != control)
        document["fixed_time"] = {
            "naive": _intervals(experiment, naive(found.statistics, pairs, alpha=alpha)),
            "bols": _intervals(experiment, bols(found.statistics, pairs, alpha=alpha)),
            "aw_aipw": _intervals(
                experiment, aw_aipw(found.statistics, pairs, shares=found.shares, alpha=alpha)
            ),
        }
    return document


def _sample_ratio(experiment: Experiment, found: Strata) -> dict[str, Json]:
    from include.bandit.inference.srm import sample_ratio

    tested = sample_ratio(found.statistics.n, found.shares)
    arm = int(tested.arm[-1])
    return {
        "p_value": float(tested.p_value[-1]),
        "mismatch": bool(tested.mismatch[-1]),
        "arm": experiment.arms[arm] if arm >= 0 else None,
        "excess": dict(zip(experiment.arms, tested.excess[-1].tolist(), strict=True)),
    }


def _intervals(experiment: Experiment, found: "FixedTime") -> dict[str, Json]:
    import numpy as np

    return {
        experiment.arms[a]: {
            "estimate": float(found.estimate[i]) if np.isfinite(found.lower[i]) else None,
            "lower": float(found.lower[i]) if np.isfinite(found.lower[i]) else None,
            "upper": float(found.upper[i]) if np.isfinite(found.upper[i]) else None,
        }
        for i, (a, _) in enumerate(found.pairs)
    }


def _order(version: str) -> tuple[int, str]:
    # v2 comes before v10.
    number = version[1:]
    return (int(number), "") if version[:1] == "v" and number.isdigit() else (-1, version)
