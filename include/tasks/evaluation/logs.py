"""Logs to evaluate on: sums per batch always, and rows, in memory where they fit."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.units import UnitRows
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.contract.canonical import Json, content_hash
from include.errors import NoFeedbackError
from include.experiments.schema import Experiment, OpenBanditSource
from include.settings import Settings

# More rows are streamed: as many with units take some 3 GB in memory (docs/speed.md).
ROWS_IN_MEMORY: Final = 5_000_000
DECISIONS: Final = "decisions"

# Index of the batch, its distinct rows, and how often each came.
Part = tuple[int, Feedback, IntArray]


@dataclass(frozen=True, slots=True, eq=False)
class LoggedBatches:
    """One log of an experiment, batch by batch.

    Attributes
    ----------
    name
        Behavior policy (``random``, ``bts``), or ``decisions`` for the API's own log.
    batches
        Batch ids, ascending.
    statistics
        Sums of shape (B, P, K).
    smallest_pscore
        Lowest propensity that was logged, shape (P, K); infinite where there is no row.
    largest_pscore
        Highest propensity that was logged.
    parts
        Starts a new pass over the distinct rows, batch after batch.
    rows, row_batch
        The rows in the order of their ids and the index of each one's batch; ``None``
        where there are more than fit into memory.
    versions, version_rows
        Weights versions that made the decisions and the rows of each, shape (V, P);
        empty for a log that is not the API's.
    units
        Whether rows name a unit that comes again: the rows of one depend on each other.
    by_unit
        The rows with their batch, grouped by unit, where units come again and the rows do not
        fit into memory; else ``None``.
    mixed
        Whether propensities are the mixture's over all versions, not those of the decision.
    groups
        Arms with equal categorical features share a group, shape (K,); ``None`` without features.
    reward_range
        What a reward cannot leave, as declared; ``None`` where it is unbounded.
    """

    name: str
    batches: tuple[str, ...]
    statistics: ArmStatistics
    smallest_pscore: FloatArray
    largest_pscore: float
    parts: Callable[[], Iterator[Part]]
    rows: Feedback | None
    row_batch: IntArray | None
    versions: tuple[int, ...]
    version_rows: IntArray
    units: bool = False
    by_unit: UnitRows | None = None
    mixed: bool = False
    groups: IntArray | None = None
    reward_range: tuple[float, float] | None = None

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return int(self.statistics.n.sum())

    @property
    def uniform(self) -> bool:
        """Tell whether the behavior policy was uniform over the arms at every row."""
        even = 1.0 / self.statistics.n.shape[-1]
        ends = (float(self.smallest_pscore.min()), self.largest_pscore)
        return bool(np.allclose(ends, even, rtol=1e-9, atol=0.0))

    def hash(self) -> str:
        """Name what was read: equal sums, versions, units and groups of arms, equal hash."""
        cells: list[Json] = [
            getattr(self.statistics, field.name).ravel().tolist() for field in fields(ArmStatistics)
        ]
        shape: list[Json] = list(self.statistics.n.shape)
        groups: Json = None if self.groups is None else self.groups.tolist()
        cluster = None if self.rows is None else self.rows.cluster
        units: Json = self.units
        if cluster is not None:
            units = sha256(cluster.tobytes()).hexdigest()
        elif self.by_unit is not None:
            units = self.by_unit.name
        versions: list[Json] = [list(self.versions), self.version_rows.tolist()]
        batches: list[Json] = list(self.batches)
        return content_hash(
            ["allot.log/3", self.name, batches, shape, cells, groups, versions, units]
        )


def read_logs(
    settings: Settings,
    experiment: Experiment,
    version: int,
    *,
    scratch: Path,
    most_rows: int = ROWS_IN_MEMORY,
) -> list[LoggedBatches]:
    """Read every log that the experiment may be evaluated on, as of a version of silver.

    Parameters
    ----------
    settings
        Where the lake is.
    experiment
        Says which logs there are.
    version
        Version of the feedback table: all logs are read from one state.
    scratch
        An empty folder for as long as the logs are read: streamed ones in which units come
        again are grouped by unit there.
    most_rows
        Rows of a log that are kept beside its sums; longer logs are streamed.

    Raises
    ------
    NoFeedbackError
        If silver has no row for any of the logs.
    """
    from include.tasks.evaluation.reading import Reader

    reader = Reader(settings, experiment, version, most_rows, scratch)
    found = (reader.log(*one) for one in _sources(settings, experiment, version))
    logs = [log for log in found if log is not None]
    if not logs:
        raise NoFeedbackError(
            f"silver (version {version}) has no row for experiment {experiment.slug!r}; "
            "ingest its log first"
        )
    return logs


def _sources(
    settings: Settings, experiment: Experiment, version: int
) -> Iterator[tuple[str, str, Sequence[str]]]:
    from include.bandit.open_bandit import source_of
    from include.stores.lake.delta import open_table, partition_values
    from include.stores.lake.silver import FEEDBACK

    declared = experiment.source
    if isinstance(declared, OpenBanditSource):
        for policy in declared.evaluate_on:
            yield policy, source_of(declared.campaign), (policy,)
        return
    table = open_table(settings, FEEDBACK, version)
    chosen = [("source", "=", experiment.slug)]
    yield DECISIONS, experiment.slug, partition_values(table, "behavior_policy", chosen)
