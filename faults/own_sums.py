"""Sums and weights computed anew from silver's rows, one by one, by none of the tasks' code."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import fsum
from typing import Any

import numpy as np

from include.bandit.statistics import ArmStatistics
from include.contract.batches import batch_id_of

Key = tuple[str, str, int]


@dataclass
class Cell:
    """What one arm gave under one version in one batch."""

    propensity: dict[str, float] = field(default_factory=dict)
    rewards: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def n(self) -> int:
        """Units."""
        return len(self.rewards)

    @property
    def decisions(self) -> int:
        """Decisions of those units."""
        return sum(map(len, self.rewards.values()))

    @property
    def sum_r(self) -> float:
        """Σ r."""
        return fsum(fsum(values) for values in self.rewards.values())

    @property
    def sum_ip(self) -> float:
        """Σ 1/p over units."""
        return fsum(1 / p for p in self.propensity.values())


def sums_of(rows: Iterable[Mapping[str, Any]], cadence: timedelta) -> dict[Key, Cell]:
    """Sum drawn rows by batch, version and arm.

    A unit counts in the first batch in which a version decided for it: later ones were not drawn
    anew.
    """
    cells: dict[Key, Cell] = defaultdict(Cell)
    first: dict[tuple[str, str], str] = {}
    drawn = [row for row in rows if row["behavior_policy"].startswith("v")]
    for row in sorted(drawn, key=lambda each: each["decided_at"]):
        unit, version = row["unit"] or row["row_id"], row["behavior_policy"]
        batch = batch_id_of(row["decided_at"], cadence)
        if first.setdefault((version, unit), batch) != batch:
            continue
        cell = cells[batch, version, row["arm"]]
        cell.rewards[unit].append(row["reward"])
        cell.propensity[unit] = row["pscore"]
    return dict(cells)


def statistics_of(
    cells: Mapping[Key, Cell], batches: list[str], arms: int
) -> dict[str, ArmStatistics]:
    """Return the sums that a posterior of 0-or-1 rewards needs, batch by batch."""
    found = ArmStatistics.zeros((len(batches), 1, arms))
    at = {batch: place for place, batch in enumerate(batches)}
    for (batch, _, arm), cell in sorted(cells.items(), key=lambda each: each[0]):
        if batch in at:
            found.n[at[batch], 0, arm] += cell.decisions
            np.add.at(found.sum_r, (at[batch], 0, arm), cell.sum_r)
            np.add.at(found.sum_r2, (at[batch], 0, arm), cell.sum_r)
    return {"*": found}
