"""One log of several weights versions, at the propensities of their mixture."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from include.bandit.feedback import Feedback
from include.bandit.ope.mixture import at_shares, mixture_shares
from include.contract.published import Published
from include.contract.weights import POOLED_CELL
from include.errors import EvaluationError
from include.experiments.schema import Experiment
from include.tasks.evaluation.logs import LoggedBatches, Part
from include.tasks.evaluation.policies import shares

SUFFIX: Final = "-mixture"


def mixed(
    experiment: Experiment, log: LoggedBatches, chain: Sequence[Published]
) -> LoggedBatches | None:
    """Return the log at mixture propensities, named ``<log>-mixture``.

    ``None`` where there is nothing to mix: fewer than two versions, or weights that
    differ by context cell, which the log does not name.

    Parameters
    ----------
    experiment
        The declaration in force.
    log
        The log.
    chain
        Every published version.

    Raises
    ------
    EvaluationError
        If the log names a version that was never published.
    FeedbackError
        If an arm was logged under versions that give it no share.
    """
    if len(log.versions) < 2:
        return None
    contents = {one.version: one.content for one in chain}
    if unknown := [number for number in log.versions if number not in contents]:
        raise EvaluationError(
            f"the log of {experiment.slug!r} names versions that were never published: {unknown}; "
            "restore allot.weights_snapshot before its decisions are evaluated"
        )
    used = [contents[number] for number in log.versions]
    if any(set(content.cells) != {POOLED_CELL} for content in used):
        return None
    positions, arms = log.statistics.n.shape[1:]
    published = np.stack([shares(content, positions, arms) for content in used])
    mixture = mixture_shares(log.version_rows, published)
    some = np.where(log.statistics.n.sum(axis=0) > 0, mixture, np.inf)

    def at_mixture(rows: Feedback) -> Feedback:
        return replace(rows, pscore=mixture[rows.position, rows.arm])

    def parts() -> Iterator[Part]:
        for batch, rows, count in log.parts():
            yield batch, at_mixture(rows), count

    rows, by_unit = log.rows, log.by_unit
    if by_unit is not None:
        by_unit = by_unit.changed(lambda batch, rows: (batch, at_mixture(rows)))
    return replace(
        log,
        name=log.name + SUFFIX,
        statistics=at_shares(log.statistics, mixture),
        smallest_pscore=some,
        largest_pscore=float(mixture.max()),
        parts=parts,
        rows=None if rows is None else at_mixture(rows),
        by_unit=by_unit,
        mixed=True,
    )
