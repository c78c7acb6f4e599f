"""The report views of a fleet's experiment, against sums of silver's rows in plain Python."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum, isclose, isfinite, sqrt
from typing import Any, Final

import numpy as np
import polars as pl
from psycopg.rows import dict_row
from scipy.stats import beta

from faults.own_sums import Cell, Key
from include.settings import Settings
from include.stores.lake.log_silver import scan_log
from include.stores.reports.connection import connect
from tests.fleet.member import Member
from tests.fleet.record import Row

_Z: Final = 1.959964
Cells = Sequence[Mapping[Key, Cell]]


@dataclass
class Seen:
    """All observations of one arm at one position: (reward of the unit, propensity)."""

    units: list[tuple[float, float]] = field(default_factory=list)
    decisions: int = 0

    @property
    def mean(self) -> float:
        """Mean reward of a unit."""
        return fsum(r for r, _ in self.units) / len(self.units)

    @property
    def corrected(self) -> float:
        """Σ(r/p) / Σ(1/p)."""
        return fsum(r / p for r, p in self.units) / fsum(1 / p for _, p in self.units)

    @property
    def spread(self) -> float:
        """Variance of a unit's reward."""
        mean = self.mean
        return fsum((r - mean) ** 2 for r, _ in self.units) / len(self.units)

    @property
    def corrected_error(self) -> float:
        """Standard error of the corrected mean, by every unit's influence on it."""
        mean, weight = self.corrected, fsum(1 / p for _, p in self.units)
        return sqrt(fsum(((r - mean) / p) ** 2 for r, p in self.units)) / weight


def report_faults(settings: Settings, member: Member, own: Cells) -> Iterator[str]:
    """Name what views say otherwise than silver does."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        # Between two questions 28 batches are added up anew: longer than a transaction may idle.
        connection.autocommit = True

        def ask(view: str, more: str = "") -> list[Row]:
            query = f"select * from allot.{view} where experiment = %s {more}"
            return [*cursor.execute(query.encode(), (member.slug,)).fetchall()]

        summed = {row["batch_id"] for row in ask("log_quality") if row["summed"]}
        folded = {
            row["batch_id"]
            for row in ask(
                "lineage",
                "and version = (select max(version) from allot.weights_snapshot"
                f" where experiment = '{member.slug}')",
            )
        }
        yield from _quality(settings, member, ask("log_quality"))
        yield from _performance(ask("arm_performance"), _seen(own, summed))
        yield from _evidence(ask("verdict_evidence"), _seen(own, summed), list(member.arms))
        yield from _ratio(ask("srm"), own)
        newest = ask("posterior_snapshots", "order by version desc, position, arm")
        live = [row for row in newest if row["version"] == newest[0]["version"]]
        yield from _posterior(live, _seen(own, folded))
        yield from _overview(ask("experiment_overview"), _seen(own, folded))


def _seen(own: Cells, batches: set[str]) -> dict[tuple[int, int], Seen]:
    """Gather observations by position and arm over some batches."""
    found: dict[tuple[int, int], Seen] = defaultdict(Seen)
    for position, cells in enumerate(own):
        for (batch, _, arm), cell in cells.items():
            if batch in batches:
                arm_seen = found[position, arm]
                arm_seen.decisions += cell.decisions
                arm_seen.units += [
                    (fsum(rewards), cell.propensity[unit]) for unit, rewards in cell.rewards.items()
                ]
    return found


def _close(told: Any, wanted: float, tolerance: float = 1e-9) -> bool:
    return told is not None and isclose(told, wanted, rel_tol=tolerance, abs_tol=1e-12)


def _quality(settings: Settings, member: Member, told: list[Row]) -> Iterator[str]:
    silver = scan_log(settings, member.slug).filter(pl.col("position") == 0).collect()
    parts = {
        str(key[0]): part for key, part in silver.partition_by("batch_id", as_dict=True).items()
    }
    slots = member.experiment().positions
    if {row["batch_id"] for row in told} != set(parts):
        yield f"log_quality has batches {[row['batch_id'] for row in told]}, silver {sorted(parts)}"
        return
    for row in told:
        part = parts[row["batch_id"]]
        joined = int((part["reward"] != 0).sum())
        pairs = [(row["rows_silver"], part.height * slots), (row["rewards_joined"], joined)]
        if any(a != b for a, b in pairs):
            yield f"log_quality {row['batch_id']}: {pairs}"


def _performance(told: list[Row], seen: Mapping[tuple[int, int], Seen]) -> Iterator[str]:
    rows = {(row["position"], row["arm"]): row for row in told}
    if rows.keys() != seen.keys():
        yield f"arm_performance has {sorted(rows)}, silver {sorted(seen)}"
        return
    for at, own in seen.items():
        row = rows[at]
        same = row["observations"] == len(own.units) and all(
            _close(row[name], wanted)
            for name, wanted in (
                ("rewards", fsum(r for r, _ in own.units)),
                ("naive_mean", own.mean),
                ("corrected_mean", own.corrected),
            )
        )
        halves = (
            ("naive", _Z * sqrt(own.spread / len(own.units))),
            ("corrected", _Z * own.corrected_error),
        )
        # Sums of squares lose digits where all rewards are about equal.
        same = same and all(
            _close(row[f"{name}_hi"] - row[f"{name}_mean"], half, 1e-6) for name, half in halves
        )
        if not same:
            yield f"arm_performance {at}: {row}"


def _evidence(
    told: list[Row], seen: Mapping[tuple[int, int], Seen], arms: list[str]
) -> Iterator[str]:
    for row in told:
        at = row["position"]
        units = sum(len(own.units) for (position, _), own in seen.items() if position == at)
        if row["units"] != units:
            yield f"verdict_evidence: {row['units']} units, in silver {units}"
        if row["family"] != "control":
            continue
        own, control = seen[at, arms.index(row["arm_id"])], seen[at, 0]
        if row["naive_estimate"] is not None and not _close(
            row["naive_estimate"], own.mean - control.mean, 1e-7
        ):
            yield f"verdict_evidence {row['arm_id']}: naive {row['naive_estimate']}"


def _ratio(told: list[Row], own: Cells) -> Iterator[str]:
    for row in told:
        units = sum(
            cell.n
            for (batch, version, _), cell in own[row["position"]].items()
            if (batch, version) == (row["batch_id"], row["version"])
        )
        if row["units"] != units:
            yield f"srm {row['batch_id']} {row['version']}: {row['units']} units, in silver {units}"


def _posterior(told: list[Row], seen: Mapping[tuple[int, int], Seen]) -> Iterator[str]:
    """Beliefs of the live version are prior plus silver; P(best) by another integration."""
    for row in told:
        own = seen.get((row["position"], row["arm"]), Seen())
        rewards = fsum(r for r, _ in own.units)
        if row["observations"] != own.decisions or not _close(row["rewards"] + 1, rewards + 1):
            yield f"posterior_snapshots {row['arm_id']}: {row['observations']}, {row['rewards']}"
        if row["family"] == "beta":
            wanted = {"alpha": 1 + rewards, "beta": 1 + own.decisions - rewards}
            if any(not _close(row["parameters"][name], wanted[name]) for name in wanted):
                yield f"posterior_snapshots {row['arm_id']}: {row['parameters']}, wanted {wanted}"
    for position in {row["position"] for row in told}:
        own_rows = [row for row in told if row["position"] == position]
        if all(row["family"] == "beta" for row in own_rows):
            yield from _best(own_rows)


def _best(told: list[Row]) -> Iterator[str]:
    grid = np.linspace(0.0, 1.0, 40_001)
    beliefs = [beta(row["parameters"]["alpha"], row["parameters"]["beta"]) for row in told]
    below = [belief.cdf(grid) for belief in beliefs]
    for at, row in enumerate(told):
        others = np.prod([cdf for arm, cdf in enumerate(below) if arm != at], axis=0)
        chance = float(np.trapezoid(beliefs[at].pdf(grid) * others, grid))
        stored = row["best_probability"]
        if stored is not None and isfinite(chance) and abs(stored - chance) > 1e-5:
            yield f"posterior_snapshots {row['arm_id']}: P(best) {stored}, wanted {chance}"


def _overview(told: list[Row], seen: Mapping[tuple[int, int], Seen]) -> Iterator[str]:
    [row] = told
    observed = sum(own.decisions for own in seen.values())
    rewards = fsum(r for own in seen.values() for r, _ in own.units)
    if row["observations"] is not None and (
        row["observations"] != observed or not _close(row["rewards"], rewards)
    ):
        yield f"experiment_overview: {row['observations']}, {row['rewards']}"
