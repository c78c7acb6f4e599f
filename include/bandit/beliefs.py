"""What is believed about every arm, per cell and slot: statistics folded, shrunk, updated."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from include.bandit.evidence import Evidence, fold
from include.bandit.policies.base import Belief
from include.bandit.posterior import Posterior
from include.bandit.priors import update
from include.bandit.statistics import ArmStatistics, FloatArray
from include.contract.weights import BUCKETS, POOLED_CELL
from include.errors import StatisticsError
from include.experiments.schema import Experiment


@dataclass(frozen=True, slots=True)
class CellBelief:
    """Belief about the arms of one cell.

    Attributes
    ----------
    cell
        Its name; ``"*"`` is the pool of all.
    evidence
        Folded sums, ``(P, K)``, those borrowed from other cells included.
    own
        Folded sums of this cell alone; none in the pool.
    posteriors
        One posterior per position, each over K arms.
    decisions, rewards
        Observations and Σr since the start, undiscounted, ``(P, K)``.
    """

    cell: str
    evidence: Evidence
    own: Evidence
    posteriors: tuple[Posterior, ...]
    decisions: FloatArray
    rewards: FloatArray
    experiment: Experiment

    @property
    def positions(self) -> int:
        """The number of slots."""
        return len(self.posteriors)

    @property
    def default_shares(self) -> FloatArray:
        """Shares of weights version 0."""
        return np.array(self.experiment.default_buckets(), np.float64) / BUCKETS

    def update(self, evidence: Evidence) -> Posterior:
        """Update the experiment's prior by evidence of one slot."""
        declared = self.experiment
        return update(evidence, declared.reward, declared.prior, declared.arms)

    def slot(self, slot: int) -> Belief:
        """Return what a policy sees that decides slot by slot."""
        return Belief(
            evidence=self.evidence[slot],
            posterior=self.posteriors[slot],
            update=self.update,
            reward=self.experiment.reward,
            default_shares=self.default_shares,
        )

    def slate(self) -> Belief:
        """Return what a policy sees that decides all slots together: evidence ``(P, K)``."""
        return Belief(
            evidence=self.evidence,
            posterior=self.posteriors[0],
            update=self.update,
            reward=self.experiment.reward,
            default_shares=self.default_shares,
        )

    @staticmethod
    def across(cells: "list[CellBelief]", slot: int) -> Belief:
        """Return what a contextual policy sees: own evidence of every cell, ``(C, K)``.

        The pool's row is empty: it repeats the others, and contexts of no cell have no features.
        """
        parts = [cell.own[slot] for cell in cells]
        first = cells[0]
        return Belief(
            evidence=Evidence(
                np.stack([part.n for part in parts]),
                np.stack([part.sum_r for part in parts]),
                np.stack([part.sum_r2 for part in parts]),
            ),
            posterior=first.posteriors[slot],
            update=first.update,
            reward=first.experiment.reward,
            default_shares=first.default_shares,
            features=_features(first.experiment, [cell.cell for cell in cells]),
        )

    def burn_in(self, slot: int) -> str:
        """Return what burn-in still waits for, in words; empty when it is over.

        Rewards are Σr for bernoulli; other kinds have one reward per observation.
        """
        limits, wanted = self.experiment.limits, []
        rewarded = self.rewards if self.experiment.reward.kind == "bernoulli" else self.decisions
        for name, counts, least in (
            ("decisions", self.decisions[slot], limits.burn_in_decisions),
            ("rewards", rewarded[slot], limits.burn_in_rewards),
        ):
            arm = int(np.argmin(counts))
            if counts[arm] < least:
                wanted.append(f"{self.experiment.arms[arm]} has {counts[arm]:g} of {least} {name}")
        return f"burn-in, default shares: {', '.join(wanted)}" if wanted else ""


def beliefs(experiment: Experiment, statistics: Mapping[str, ArmStatistics]) -> list[CellBelief]:
    """Return the belief of the pooled cell, then of every declared cell.

    The pool holds all observations. A cell's evidence is its own plus the other cells',
    weighted down to at most `prior.cohort_strength` observations per arm (a power prior,
    Ibrahim & Chen 2000): few observations lean on the pool, many speak for themselves.

    Raises
    ------
    StatisticsError
        If a cell is not declared, or shapes differ from (B, P, K).
    """
    _check(experiment, statistics)
    shape = (experiment.positions, len(experiment.arms))
    names = [POOLED_CELL, *experiment.cells]
    empty = ArmStatistics.zeros((0, *shape))
    own = {name: fold(statistics.get(name, empty), experiment.memory) for name in names}
    raw = {name: statistics.get(name, empty).pooled(axis=0) for name in names}
    nothing = fold(empty, experiment.memory)
    believed = []
    for name in names:
        others = [own[other] for other in names if other != name]
        pooled = name == POOLED_CELL
        borrowed = _borrowed(others, np.inf if pooled else experiment.prior.cohort_strength)
        evidence = own[name] if borrowed is None else own[name] + borrowed
        counted = list(raw.values()) if pooled else [raw[name]]
        believed.append(
            CellBelief(
                cell=name,
                evidence=evidence,
                own=own[name] if not pooled else nothing,
                posteriors=_posteriors(experiment, evidence),
                decisions=np.sum([part.n for part in counted], axis=0, dtype=np.float64),
                rewards=np.sum([part.sum_r for part in counted], axis=0),
                experiment=experiment,
            )
        )
    return believed


def _posteriors(experiment: Experiment, evidence: Evidence) -> tuple[Posterior, ...]:
    return tuple(
        update(evidence[slot], experiment.reward, experiment.prior, experiment.arms)
        for slot in range(experiment.positions)
    )


def _borrowed(others: list[Evidence], strength: float) -> Evidence | None:
    if not others:
        return None
    total = others[0]
    for other in others[1:]:
        total = total + other
    counted = np.where(total.n > 0, total.n, 1.0)
    weight = np.minimum(1.0, strength / counted)
    return Evidence(total.n * weight, total.sum_r * weight, total.sum_r2 * weight)


def _features(experiment: Experiment, names: list[str]) -> FloatArray:
    declared = [cell.features for cell in experiment.cells.values()]
    # The pooled cell stands for contexts of no cell: the mean context.
    mean = np.mean(np.array(declared), axis=0) if declared else np.zeros(0)
    return np.array(
        [mean if name == POOLED_CELL else experiment.cells[name].features for name in names]
    )


def _check(experiment: Experiment, statistics: Mapping[str, ArmStatistics]) -> None:
    if unknown := sorted(set(statistics) - {POOLED_CELL, *experiment.cells}):
        raise StatisticsError(
            f"experiment {experiment.slug!r}: statistics of cells that it does not declare: "
            f"{', '.join(unknown)}"
        )
    slots = (experiment.positions, len(experiment.arms))
    shapes = {name: sums.n.shape for name, sums in statistics.items()}
    if any(len(shape) != 3 or shape[1:] != slots for shape in shapes.values()) or (
        len(set(shapes.values())) > 1
    ):
        raise StatisticsError(
            f"experiment {experiment.slug!r}: statistics must all have shape "
            f"(batches, {slots[0]}, {slots[1]}); got {shapes}"
        )
