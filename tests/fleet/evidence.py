"""Confidence sequences, BOLS and AW-AIPW of a fleet's experiment, anew from every unit's reward.

The boundary is the core's, proven by itself; what is put into it is summed here unit by unit.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import fsum, inf, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from psycopg.rows import dict_row
from scipy.stats import norm

from faults.own_sums import Cell, Key
from include.bandit.inference.boundary import Boundary
from include.contract.weights import BUCKETS
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.weights import history
from tests.fleet.member import Member
from tests.fleet.record import Row

Floats = NDArray[np.float64]
SHRINKAGE: Final = 20.0


@dataclass(frozen=True)
class Stratum:
    """The units that one version drew in one batch, and the shares from which it drew."""

    batch: str
    arm: NDArray[np.int64]
    reward: Floats
    shares: Floats


@dataclass(frozen=True)
class Pair:
    """One arm against another, after each stratum: arrays of that length."""

    estimate: Floats
    information: Floats
    mass: Floats
    unit: Floats

    def radius(self, alpha: float) -> Floats:
        """Half-width at each stratum."""
        reach = Boundary().radius(self.information[:, None], self.unit[:, None], alpha)[:, 0]
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.mass > 0, reach / self.mass, inf)


def strata(own: Mapping[Key, Cell], shares: Mapping[str, Floats]) -> list[Stratum]:
    """Lay units out by batch and version, in order."""
    names = sorted({key[:2] for key in own}, key=lambda key: (key[0], int(key[1][1:])))
    found = []
    for batch, version in names:
        units = [
            (arm, fsum(rewards))
            for arm in range(len(shares[version]))
            if (batch, version, arm) in own
            for rewards in own[batch, version, arm].rewards.values()
        ]
        arm, reward = zip(*units, strict=True)
        found.append(Stratum(batch, np.array(arm), np.array(reward), shares[version]))
    return found


def _shrunk(n: Floats, total: Floats, squares: Floats) -> tuple[Floats, Floats]:
    """Mean and variance per arm with 20 pseudo-observations of all arms together."""
    some = max(n.sum(), 1.0)
    pool = total.sum() / some
    spread = max(squares.sum() / some - pool**2, 0.0)
    mean = (total + SHRINKAGE * pool) / (n + SHRINKAGE)
    within = np.maximum(squares - 2 * mean * total + n * mean**2, 0.0)
    return mean, (within + SHRINKAGE * spread) / (n + SHRINKAGE)


def _sums(parts: Sequence[Stratum], arms: int) -> tuple[Floats, Floats, Floats]:
    arm = np.concatenate([part.arm for part in parts])
    reward = np.concatenate([part.reward for part in parts])
    weights = (np.ones(len(arm)), reward, reward**2)
    n, total, squares = (np.bincount(arm, each, arms).astype(np.float64) for each in weights)
    return n, total, squares


def _predicted(parts: Sequence[Stratum], at: int) -> tuple[Floats, Floats]:
    """Means and variances known before a stratum; before the first, its own without its arms."""
    arms = len(parts[at].shares)
    if at:
        return _shrunk(*_sums(parts[:at], arms))
    n, total, squares = (np.full(arms, each.mean()) for each in _sums(parts[:1], arms))
    return _shrunk(n, total, squares)


def _scores(parts: Sequence[Stratum], at: int, a: int, b: int) -> tuple[Floats, float]:
    """Every unit's score of a minus that of b, and the predicted variance of one."""
    part, (mean, variance) = parts[at], _predicted(parts, at)
    found = np.zeros(len(part.arm))
    for arm, sign in ((a, 1.0), (b, -1.0)):
        own = part.arm == arm
        found += sign * (mean[arm] + own * (part.reward - mean[arm]) / part.shares[arm])
    return found, sum(variance[arm] / part.shares[arm] for arm in (a, b))


def paired(parts: Sequence[Stratum], a: int, b: int, *, equal: bool) -> Pair:
    """Follow one arm against another, stratum by stratum."""
    martingale = mass = realised = unit = 0.0
    predicted = np.zeros(2)
    rows = []
    for at, part in enumerate(parts):
        if part.shares[a] > 0 and part.shares[b] > 0:
            score, variance = _scores(parts, at, a, b)
            weight, n = (1.0 if equal else 1.0 / variance), len(score)
            martingale += weight * score.sum()
            mass += weight * n
            realised += weight**2 * ((score - score.mean()) ** 2).sum()
            predicted += weight**2 * n / part.shares[[a, b]]
            unit = unit or weight**2 * n * variance
        pooled = _shrunk(*_sums(parts[: at + 1], len(part.shares)))[1]
        information = max(realised, float(predicted @ pooled[[a, b]]))
        rows.append((martingale / mass if mass else 0.0, information, mass, unit))
    return Pair(*np.array(rows).T)


def bols(parts: Sequence[Stratum], a: int, b: int) -> tuple[float, float]:
    """Estimate and standard error of batched least squares."""
    n, total, squares = _sums(parts, len(parts[0].shares))
    some = np.maximum(n, 1.0)
    variance = squares / some - (total / some) ** 2
    steps = []
    for part in parts:
        rewards = [part.reward[part.arm == arm] for arm in (a, b)]
        if min(map(len, rewards)) >= 2:
            spread = sqrt(sum(variance[k] / len(r) for k, r in zip((a, b), rewards, strict=True)))
            steps.append(((rewards[0].mean() - rewards[1].mean()) / spread, 1.0 / spread))
    weight = fsum(each for _, each in steps)
    return fsum(each for each, _ in steps) / weight, sqrt(len(steps)) / weight


def aw_aipw(parts: Sequence[Stratum], a: int, b: int) -> tuple[float, float]:
    """Estimate and standard error with variance-stabilising weights."""
    known = [at for at, part in enumerate(parts) if part.shares[a] > 0 and part.shares[b] > 0]
    scores = [_scores(parts, at, a, b) for at in known]
    mass = fsum(len(score) / sqrt(variance) for score, variance in scores)
    estimate = fsum(score.sum() / sqrt(variance) for score, variance in scores) / mass
    scatter = fsum(((score - estimate) ** 2).sum() / variance for score, variance in scores)
    return estimate, sqrt(scatter) / mass


def evidence_faults(
    settings: Settings, member: Member, own: Sequence[Mapping[Key, Cell]]
) -> Iterator[str]:
    """Name what the views of the evidence say otherwise than silver's units do.

    Parameters
    ----------
    settings, member
        Which experiment, and where it is.
    own
        Silver's units, per position.
    """
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        versions = history(connection, member.slug)

        def ask(query: str) -> list[Row]:
            return [*cursor.execute(query.encode(), (member.slug,)).fetchall()]

        looks = ask(
            "select * from allot.confidence_sequences"
            " where experiment = %s and method = 'asymptotic'"
        )
        newest = ask(
            "select * from allot.verdict_evidence where experiment = %s and family = 'control'"
        )
    judged = {row["batch_id"] for row in looks}
    for position, cells in enumerate(own):
        shares = {
            f"v{one.version}": np.array(one.content.buckets(slot=position)) / BUCKETS
            for one in versions
        }
        units = {key: cell for key, cell in cells.items() if key[0] in judged}
        judge = Judge(strata(units, shares), member.arms)
        yield from judge.sequence_faults([row for row in looks if row["position"] == position])
        yield from judge.fixed_faults([row for row in newest if row["position"] == position])


class Judge:
    """What may be said of one position's units.

    Parameters
    ----------
    parts
        The units of the batches that were judged.
    arms
        Their names; the first is the control.
    """

    def __init__(self, parts: Sequence[Stratum], arms: Sequence[str]) -> None:
        self._parts, self._arms = parts, list(arms)
        self._expected = cache(self._expect)

    def sequence_faults(self, told: Sequence[Row]) -> Iterator[str]:
        """Compare sequences at every look."""
        last = {part.batch: at for at, part in enumerate(self._parts)}
        # Every arm against the rest, and all but the control against it; none is no comparison.
        rows = max(len(last), 1) * (2 * len(self._arms) - 1)
        if len(told) != rows:
            yield f"confidence_sequences has {len(told)} rows of {len(last)} batches, wanted {rows}"
        for row in told:
            wanted = self._expected(row["family"], row["arm_id"], 1.0 - row["level"])
            for name, values in wanted.items():
                value = values[last[row["batch_id"]]]
                if not _same(row[name], value):
                    at = f"{row['family']} {row['arm_id']} {row['batch_id']}"
                    yield f"confidence_sequences {at}: {name} {row[name]}, wanted {value}"

    def fixed_faults(self, told: Sequence[Row]) -> Iterator[str]:
        """Compare what is valid at one look."""
        for row in told:
            pair = (self._arms.index(row["arm_id"]), 0)
            reach = norm.isf((1.0 - row["level"]) / 2)
            for name, method in (("bols", bols), ("aw_aipw", aw_aipw)):
                estimate, error = method(self._parts, *pair)
                wanted = (estimate, estimate - reach * error, estimate + reach * error)
                stored = [row[f"{name}_{end}"] for end in ("estimate", "lo", "hi")]
                if not all(map(_same, stored, wanted)):
                    yield f"verdict_evidence {row['arm_id']}: {name} {stored}, wanted {wanted}"

    def _expect(self, family: str, name: str, alpha: float) -> dict[str, Floats]:
        """Every column of a row, by stratum."""
        arms = len(self._arms)
        arm, found = self._arms.index(name), {}
        # With more than two arms each of the two families has half.
        each = alpha if arms == 2 else alpha / 2
        for equal, prefix in ((False, ""), (True, "equal_")):
            if family == "control":
                others, level = [0], each / (arms - 1)
            else:
                others, level = [other for other in range(arms) if other != arm], 2 * each / arms
                level = each if arms == 2 else level / (1 + level)
            pairs = [paired(self._parts, arm, other, equal=equal) for other in others]
            lower = [pair.estimate - pair.radius(level) for pair in pairs]
            found[f"{prefix}estimate"] = np.min([pair.estimate for pair in pairs], axis=0)
            found[f"{prefix}lo"] = np.min(lower, axis=0)
            if family == "control":
                found[f"{prefix}hi"] = pairs[0].estimate + pairs[0].radius(level)
        return found


def _same(told: float | None, wanted: float) -> bool:
    if told is None:
        return not np.isfinite(wanted)
    return bool(np.isclose(told, wanted, rtol=1e-7, atol=1e-10))
