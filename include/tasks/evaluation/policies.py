"""Whom to judge on which log, and why the log does not flatter them."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal

import numpy as np

from include.bandit.feedback import uniform_policy
from include.bandit.open_bandit import ITEMS
from include.bandit.statistics import FloatArray
from include.contract.published import Published
from include.contract.weights import BUCKETS, POOLED_CELL, WeightsContent
from include.errors import EvaluationError
from include.experiments.schema import Experiment, OpenBanditSource
from include.tasks.evaluation.logs import LoggedBatches

Basis = Literal["given", "other log", "earlier batches", "approximation"]

UNIFORM: Final = "uniform"
SEQUENCE: Final = "weights-sequence"
PRODUCTION: Final = "bts-approximation"


@dataclass(frozen=True, slots=True, eq=False)
class JudgedPolicy:
    """An evaluation policy.

    Attributes
    ----------
    name
        As reports show it.
    basis
        ``given``: fixed beforehand; ``other log``: fitted on another log; ``earlier
        batches``: every batch is judged by weights fitted before it; ``approximation``.
    table
        Shares of shape (P, K), or (B, P, K) where they change with the batch.
    """

    name: str
    basis: Basis
    table: FloatArray


def judged_on(
    experiment: Experiment, log: LoggedBatches, chain: Sequence[Published]
) -> list[JudgedPolicy]:
    """Choose whom to judge on a log.

    Weights were fitted on the experiment's own log, so on that log they are judged only
    on batches that came after them; on any other log the newest are judged as they are.
    The log's own policy needs no weighting: its value is its mean, and is not listed here.

    Parameters
    ----------
    experiment
        The declaration in force.
    log
        Where they are judged.
    chain
        Every published version, oldest first.
    """
    arms, positions = len(experiment.arms), experiment.positions
    judged = [JudgedPolicy(UNIFORM, "given", uniform_policy(positions, arms))]
    pooled = [one for one in chain if POOLED_CELL in one.content.cells]
    own = not isinstance(experiment.source, OpenBanditSource) or (
        log.name == experiment.source.learn_from
    )
    if pooled and own:
        judged.append(JudgedPolicy(SEQUENCE, "earlier batches", _sequence(experiment, log, pooled)))
    if pooled and not own:
        newest = pooled[-1]
        table = shares(newest.content, positions, arms)
        judged.append(JudgedPolicy(f"weights-v{newest.version}", "other log", table))
    if _has_production(experiment) and log.name == "random":
        judged.append(JudgedPolicy(PRODUCTION, "approximation", production(experiment)))
    return judged


def shares(content: WeightsContent, positions: int, arms: int) -> FloatArray:
    """Return a snapshot's shares, shape (P, K); arms that came later have 0."""
    table = np.zeros((positions, arms))
    for slot in range(positions):
        buckets = content.buckets(POOLED_CELL, slot)
        table[slot, : len(buckets)] = np.array(buckets) / BUCKETS
    return table


def production(experiment: Experiment) -> FloatArray:
    """Return the approximation of OBD's production policy, shape (P, K).

    Raises
    ------
    EvaluationError
        If Open Bandit Pipeline, which ships the prior, is not installed.
    """
    import yaml

    from include.bandit.ope.production import bernoulli_thompson

    if not isinstance(experiment.source, OpenBanditSource):
        raise EvaluationError(f"{experiment.slug!r} is not on the Open Bandit Dataset")
    # Importing obp would import torch; its folder is enough.
    spec = find_spec("obp")
    if spec is None or not spec.submodule_search_locations:
        raise EvaluationError("obp is not installed; it holds the prior of the production policy")
    path = Path(spec.submodule_search_locations[0]) / "policy" / "conf" / "prior_bts.yaml"
    prior = yaml.safe_load(path.read_text("utf-8"))[experiment.source.campaign]
    return bernoulli_thompson(prior["alpha"], prior["beta"], experiment.positions)


def _has_production(experiment: Experiment) -> bool:
    """Tell whether the arms are all items of a campaign: the prior is about all of them."""
    source = experiment.source
    return isinstance(source, OpenBanditSource) and len(experiment.arms) == ITEMS[source.campaign]


def _sequence(experiment: Experiment, log: LoggedBatches, chain: Sequence[Published]) -> FloatArray:
    """Return, per batch, the shares of the newest version that knows only earlier batches."""
    arms, positions = len(experiment.arms), experiment.positions
    tables = []
    for batch in log.batches:
        honest = [one for one in chain if one.content.batch is None or one.content.batch < batch]
        tables.append(shares(honest[-1].content, positions, arms))
    return np.stack(tables)
