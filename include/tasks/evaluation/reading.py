"""Read a log from silver: whole rows where they fit into memory, distinct rows where not.

A streamed batch leaves behind its distinct rows (arm, position, propensity, reward) with their
counts, sorted: equal rows give equal bytes, whatever files they lie in, and a log at constant
propensities shrinks to a few hundred of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.feedback import Feedback
from include.bandit.ope.units import UnitRows
from include.bandit.open_bandit import ITEMS
from include.bandit.statistics import ArmStatistics, FloatArray, IntArray
from include.experiments.schema import DecisionLogSource, Experiment, OpenBanditSource
from include.settings import Settings
from include.tasks.evaluation.logs import LoggedBatches, Part
from include.tasks.evaluation.units import UNIT, clustered

if TYPE_CHECKING:
    import polars as pl

KEYS: Final = ("position", "arm", "pscore", "reward")
POLICY: Final = "behavior_policy"


@dataclass(slots=True)
class _Seen:
    """What one pass over a log finds, beside its rows."""

    sums: list[ArmStatistics]
    smallest: FloatArray
    largest: float = 0.0

    def add(self, rows: Feedback, count: IntArray | None) -> None:
        self.sums.append(rows.sums(count=count))
        np.minimum.at(self.smallest, (rows.position, rows.arm), rows.pscore)
        self.largest = max(self.largest, float(rows.pscore.max()))


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads silver as of one version."""

    settings: Settings
    experiment: Experiment
    version: int
    most_rows: int
    scratch: Path

    def log(self, name: str, source: str, policies: Sequence[str]) -> LoggedBatches | None:
        """Read the log of one or more behavior policies, batch by batch; None where it is empty."""
        held = self._held(source, policies)
        if not held:
            return None
        declared = self.experiment
        seen = _Seen([], np.full((declared.positions, len(declared.arms)), np.inf))
        versions, version_rows = self._versions(source, held)
        frames = None
        count = self._rows(source, held)
        if count <= self.most_rows:
            frames = [self._batch(source, held[batch], batch) for batch in sorted(held)]
            for frame in frames:
                seen.add(self._feedback(frame, versions), None)
        else:
            for _, distinct, often in self._parts(source, held):
                seen.add(distinct, often)
        rows = by_unit = None
        if frames is not None:
            rows = clustered(frames, _joined([self._feedback(one, versions) for one in frames]))
        elif self._units_return(source, held):
            by_unit = self._by_unit(name, source, held, count)
        reward = declared.reward
        return LoggedBatches(
            name=name,
            batches=tuple(sorted(held)),
            statistics=_stacked(seen.sums),
            smallest_pscore=seen.smallest,
            largest_pscore=seen.largest,
            parts=lambda: self._parts(source, held),
            rows=rows,
            row_batch=None
            if frames is None
            else np.repeat(np.arange(len(frames)), [one.height for one in frames]),
            versions=versions,
            version_rows=version_rows,
            units=by_unit is not None or (rows is not None and rows.cluster is not None),
            by_unit=by_unit,
            groups=self._groups(source, name),
            reward_range=None if reward.kind == "real" else (reward.lower, reward.upper),
        )

    def _scan(self, source: str, policies: Sequence[str], batch: str) -> "pl.LazyFrame":
        import polars as pl

        from include.stores.lake.silver import counted, scan_feedback

        return pl.concat(
            counted(scan_feedback(self.settings, source, policy, batch, version=self.version))
            for policy in policies
        )

    def _rows(self, source: str, held: dict[str, list[str]]) -> int:
        import polars as pl

        counted = [
            self._scan(source, held[batch], batch).select(pl.len()).collect().item()
            for batch in sorted(held)
        ]
        return sum(int(one) for one in counted)

    def _batch(self, source: str, policies: Sequence[str], batch: str) -> "pl.DataFrame":
        """Read one batch in the order of row ids, so that equal rows give equal sums."""
        rows = self._scan(source, policies, batch)
        names = ["row_id", POLICY, *KEYS]
        if UNIT in rows.collect_schema().names():
            names.append(UNIT)
        return rows.select(names).sort("row_id").collect()

    def _parts(self, source: str, held: dict[str, list[str]]) -> Iterator[Part]:
        for index, batch in enumerate(sorted(held)):
            distinct = distinct_rows(self._scan(source, held[batch], batch))
            yield index, self._feedback(distinct, ()), distinct["n"].to_numpy()

    def _feedback(self, rows: "pl.DataFrame", versions: Sequence[int]) -> Feedback:
        made = Feedback.of(
            arm=rows["arm"].to_numpy(),
            reward=rows["reward"].to_numpy(),
            pscore=rows["pscore"].to_numpy(),
            arms=len(self.experiment.arms),
            position=rows["position"].to_numpy(),
            positions=self.experiment.positions,
        )
        if not versions:
            return made
        place = {f"v{number}": index for index, number in enumerate(versions)}
        index = rows[POLICY].replace_strict(place).to_numpy().astype(np.int64)
        return replace(made, version=index)

    def _versions(
        self, source: str, held: dict[str, list[str]]
    ) -> tuple[tuple[int, ...], IntArray]:
        """Return the versions of a decision log and how many rows of each position are theirs."""
        positions = self.experiment.positions
        if not isinstance(self.experiment.source, DecisionLogSource):
            return (), np.zeros((0, positions), np.int64)
        versions = tuple(sorted({int(name[1:]) for names in held.values() for name in names}))
        rows = np.zeros((len(versions), positions), np.int64)
        place = {f"v{number}": index for index, number in enumerate(versions)}
        for batch, names in held.items():
            counted = self._scan(source, names, batch).group_by(POLICY, "position").len()
            for policy, position, count in counted.collect(engine="streaming").iter_rows():
                rows[place[policy], position] += count
        return versions, rows

    def _units_return(self, source: str, held: dict[str, list[str]]) -> bool:
        """Tell whether a unit of a streamed log comes twice, by 8 bytes a row."""
        import polars as pl

        seen = []
        for batch, names in held.items():
            frame = self._scan(source, names, batch)
            if UNIT not in frame.collect_schema().names():
                return False
            named = frame.select(pl.col(UNIT).drop_nulls().hash(seed=0))
            seen.append(named.collect(engine="streaming").to_series().to_numpy())
        names_of_all = np.concatenate(seen)
        seen.clear()
        names_of_all.sort()
        return bool(np.any(names_of_all[1:] == names_of_all[:-1]))

    def _by_unit(self, name: str, source: str, held: dict[str, list[str]], count: int) -> UnitRows:
        from include.tasks.evaluation.grouping import group_by_unit

        scans = [self._scan(source, held[batch], batch) for batch in sorted(held)]
        return group_by_unit(
            scans,
            count,
            self.scratch / name,
            lambda rows: self._feedback(rows, ()),
            positions=self.experiment.positions,
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
        """Return every batch with the behavior policies that have rows in it which count."""
        from include.stores.lake.silver import silver_batches

        held: dict[str, list[str]] = {}
        for policy in policies:
            for batch in silver_batches(self.settings, source, policy, version=self.version)[0]:
                if self.experiment.exposure is None or self._rows(source, {batch: [policy]}):
                    held.setdefault(batch, []).append(policy)
        return held


def distinct_rows(rows: "pl.LazyFrame") -> "pl.DataFrame":
    """Stream rows into their distinct ones, in one order, with ``n``: how often each came.

    Parameters
    ----------
    rows
        Columns `KEYS`, as silver has them.
    """
    import polars as pl

    counted = rows.group_by(KEYS).agg(pl.len().cast(pl.Int64).alias("n"))
    return counted.sort(KEYS).collect(engine="streaming")


def _stacked(sums: Sequence[ArmStatistics]) -> ArmStatistics:
    return ArmStatistics(
        *(np.stack([getattr(one, field.name) for one in sums]) for field in fields(ArmStatistics))
    )


def _joined(parts: Sequence[Feedback]) -> Feedback:
    def column(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    joined = Feedback(
        **{name: column(name) for name in ("arm", "position", "reward", "pscore")},
        arms=parts[0].arms,
        positions=parts[0].positions,
    )
    return joined if parts[0].version is None else replace(joined, version=column("version"))
