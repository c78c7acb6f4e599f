"""Logs to evaluate on: sums per batch always, rows where they fit into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.open_bandit import ITEMS, source_of
from include.bandit.statistics import ArmStatistics, IntArray
from include.contract.canonical import Json, content_hash
from include.errors import NoFeedbackError
from include.experiments.schema import Experiment, OpenBanditSource
from include.settings import Settings

# About 32 bytes a row, and as much again for the weights: more rows are judged by sums alone.
ROWS_IN_MEMORY: Final = 5_000_000
DECISIONS: Final = "decisions"


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
        Lowest propensity that was logged.
    rows, row_batch
        The rows in the order of their ids and the index of each one's batch; ``None``
        where there are more than fit into memory.
    groups
        Arms with equal categorical features share a group, shape (K,); ``None`` without features.
    reward_range
        What a reward cannot leave, as declared; ``None`` where it is unbounded.
    """

    name: str
    batches: tuple[str, ...]
    statistics: ArmStatistics
    smallest_pscore: float
    rows: Feedback | None
    row_batch: IntArray | None
    groups: IntArray | None = None
    reward_range: tuple[float, float] | None = None

    @property
    def n(self) -> int:
        """Return the number of rows."""
        return int(self.statistics.n.sum())

    def hash(self) -> str:
        """Name what was read: equal sums and equal groups of arms, equal hash."""
        cells: list[Json] = [
            getattr(self.statistics, field.name).ravel().tolist() for field in fields(ArmStatistics)
        ]
        shape: list[Json] = list(self.statistics.n.shape)
        groups: Json = None if self.groups is None else self.groups.tolist()
        return content_hash(["allot.log/2", self.name, list(self.batches), shape, cells, groups])


def read_logs(
    settings: Settings, experiment: Experiment, version: int, *, most_rows: int = ROWS_IN_MEMORY
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
    most_rows
        Rows of a log that are kept beside its sums.

    Raises
    ------
    NoFeedbackError
        If silver has no row for any of the logs.
    """
    reader = _Reader(settings, experiment, version, most_rows)
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
    declared = experiment.source
    if isinstance(declared, OpenBanditSource):
        for policy in declared.evaluate_on:
            yield policy, source_of(declared.campaign), (policy,)
        return
    from include.stores.lake.delta import open_table, partition_values
    from include.stores.lake.silver import FEEDBACK

    table = open_table(settings, FEEDBACK, version)
    chosen = [("source", "=", experiment.slug)]
    yield DECISIONS, experiment.slug, partition_values(table, "behavior_policy", chosen)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads silver as of one version."""

    settings: Settings
    experiment: Experiment
    version: int
    most_rows: int

    def log(self, name: str, source: str, policies: Sequence[str]) -> LoggedBatches | None:
        """Read the log of one or more behavior policies, batch by batch; None where it is empty."""
        held = self._held(source, policies)
        sums: list[ArmStatistics] = []
        kept: list[Feedback] = []
        smallest, count = 1.0, 0
        for batch in sorted(held):
            part = self._batch(source, held[batch], batch)
            sums.append(part.sums())
            smallest = min(smallest, float(part.pscore.min()))
            count += part.n
            kept = [*kept, part] if count <= self.most_rows else []
        if not sums:
            return None
        reward = self.experiment.reward
        return LoggedBatches(
            name=name,
            batches=tuple(sorted(held)),
            statistics=_stacked(sums),
            smallest_pscore=smallest,
            rows=_joined(kept) if kept else None,
            row_batch=np.repeat(np.arange(len(kept)), [part.n for part in kept]) if kept else None,
            groups=self._groups(source, name),
            reward_range=None if reward.kind == "real" else (reward.lower, reward.upper),
        )

    def _groups(self, source: str, name: str) -> IntArray | None:
        """Return the group of every arm by its item features; ``None`` where not all have them."""
        from include.bandit.ope.mips import group_arms
        from include.stores.lake.delta import exists
        from include.stores.lake.item_features import FEATURES, ITEM_FEATURES, read_item_features

        declared = self.experiment
        if not isinstance(declared.source, OpenBanditSource):
            return None
        if len(declared.arms) != ITEMS[declared.source.campaign]:
            # Arms are some of the items only: their indices are not those of the table.
            return None
        if not exists(self.settings, ITEM_FEATURES):
            return None
        features = read_item_features(self.settings, source, name)
        if features["arm"].to_list() != list(range(len(declared.arms))):
            return None
        # The first feature is a real number that hardly two items share: it would group nothing.
        codes = [features[column].rank("dense").to_numpy() for column in FEATURES[1:]]
        return group_arms(np.stack(codes, axis=1))

    def _held(self, source: str, policies: Sequence[str]) -> dict[str, list[str]]:
        """Return every batch with the behavior policies that have rows in it."""
        from include.stores.lake.silver import silver_batches

        held: dict[str, list[str]] = {}
        for policy in policies:
            for batch in silver_batches(self.settings, source, policy, version=self.version)[0]:
                held.setdefault(batch, []).append(policy)
        return held

    def _batch(self, source: str, policies: Sequence[str], batch: str) -> Feedback:
        """Read one batch in the order of row ids, so that equal rows give equal sums."""
        import polars as pl

        from include.stores.lake.silver import scan_feedback

        columns = ["row_id", "arm", "position", "reward", "pscore"]
        frames = [
            scan_feedback(self.settings, source, policy, batch, version=self.version)
            for policy in policies
        ]
        rows = pl.concat(frame.select(columns) for frame in frames).sort("row_id").collect()
        return Feedback.of(
            arm=rows["arm"].to_numpy(),
            reward=rows["reward"].to_numpy(),
            pscore=rows["pscore"].to_numpy(),
            arms=len(self.experiment.arms),
            position=rows["position"].to_numpy(),
            positions=self.experiment.positions,
        )


def _stacked(sums: Sequence[ArmStatistics]) -> ArmStatistics:
    return ArmStatistics(
        *(np.stack([getattr(one, field.name) for one in sums]) for field in fields(ArmStatistics))
    )


def _joined(parts: Sequence[Feedback]) -> Feedback:
    first = parts[0]
    return Feedback(
        arm=np.concatenate([part.arm for part in parts]),
        position=np.concatenate([part.position for part in parts]),
        reward=np.concatenate([part.reward for part in parts]),
        pscore=np.concatenate([part.pscore for part in parts]),
        arms=first.arms,
        positions=first.positions,
    )
