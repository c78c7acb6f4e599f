"""What a challenger is judged by: rows drawn under versions in whose shadow it stood."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from include.bandit.gate.difference import Bounds, Rows
from include.bandit.gate.verdict import Judged, judge
from include.contract.canonical import Json, content_hash
from include.contract.weights import BUCKETS
from include.experiments.schema import DecisionLogSource, Experiment
from include.stores.reports import guardrails, shadows, weights
from include.stores.reports.batches import closed_batches, read_rows
from include.stores.reports.connection import Connection
from include.stores.reports.holds import Standing
from include.stores.reports.sums import BatchReference
from include.tasks.judge import SharesOf, Strata, published_shares, strata
from include.tasks.update_steps import admitted

if TYPE_CHECKING:
    from include.bandit.statistics import FloatArray
    from include.contract.published import Published
    from include.contract.shadow import ShadowContent, Side
    from include.stores.reports.statistics import StatisticsRow

# (batch, version as the row names it) → weights version whose shares were frozen before it.
DecidedBy = Callable[[str, str], int | None]


@dataclass(frozen=True, slots=True)
class Case:
    """An experiment as its gate sees it.

    Attributes
    ----------
    experiment
        Declaration in force.
    batches
        Closed batches that guardrails let move weights, in order.
    untrusted
        Why a closed batch is held by the guardrails; ``None`` where none is.
    promotable
        Sums to why they do not let a challenger be promoted; ``None``: they do.
    rows
        Those of `batches` under a version with a shadow of this challenger.
    shadows
        Version to its shadow and the shadow's hash.
    chain
        Published versions, oldest first.
    """

    experiment: Experiment
    batches: Sequence[BatchReference]
    untrusted: str | None
    promotable: Mapping[BatchReference, str | None]
    rows: "Sequence[tuple[BatchReference, Sequence[StatisticsRow]]]"
    shadows: "Mapping[int, tuple[ShadowContent, str]]"
    chain: "Sequence[Published]"

    def evidence_hash(self) -> str:
        """Return the hash that names everything that a decision follows from."""
        decided_by = self.decided_by()
        read: list[Json] = []
        for batch, some in self.rows:
            drew = {decided_by(batch.batch_id, row.version) for row in some}
            frozen: list[Json] = [
                name for version, (_, name) in self.shadows.items() if version in drew
            ]
            passed = self.promotable.get(batch, "") is None
            read.append([batch.batch_id, batch.statistics_hash, passed, frozen])
        newest = self.batches[-1].batch_id if self.batches else None
        declared = self.experiment.revision_hash()
        return content_hash(["allot.gate/1", declared, read, newest, self.untrusted])

    def decided_by(self) -> DecidedBy:
        """Return which version's frozen shares count for a batch's rows.

        Of the API's decisions it is the version that drew them. A foreign log was drawn by
        somebody else; there it is the last version that had not folded the batch.
        """
        if isinstance(self.experiment.source, DecisionLogSource):
            return lambda _, version: int(version[1:])
        return lambda batch, _: _last_before(self.chain, batch)


def read_case(
    connection: Connection, experiment: Experiment, since: int, standing: Standing
) -> Case:
    """Read what a challenger is judged by."""
    slug = experiment.slug
    chain = weights.history(connection, slug)
    closed = closed_batches(connection, experiment)
    judged = guardrails.gates(connection, slug)
    through = standing.released_through
    folded = weights.folded_batches(connection, slug, chain[-1].version)
    kept, _ = admitted(closed, folded, judged, released_through=through)
    held = [
        batch.batch_id
        for batch in closed
        if judged.get(batch) == "hold" and batch.batch_id > through
    ]
    case = Case(
        experiment=experiment,
        batches=kept,
        untrusted=f"the guardrails hold batch {', '.join(held)}" if held else None,
        promotable=guardrails.promotable(connection, slug),
        rows=read_rows(connection, experiment, kept),
        shadows=shadows.shadows_since(connection, slug, since),
        chain=chain,
    )
    return _frozen(case)


def judge_positions(case: Case) -> list[Judged]:
    """Judge every position; each has its part of the declared error."""
    experiment = case.experiment
    alpha = experiment.promotion.alpha / experiment.positions
    shares = published_shares(experiment, case.chain)
    return [
        judge(
            position,
            rows_of(case, position, shares),
            experiment.promotion,
            alpha=alpha,
            bounds=_bounds(experiment),
        )
        for position in range(experiment.positions)
    ]


def rows_of(case: Case, position: int, shares: SharesOf) -> Rows | None:
    """Lay out the rows of a position with the shares of both sides; ``None`` without any."""
    rows = [(batch.batch_id, some) for batch, some in case.rows]
    found = strata(case.experiment, rows, shares, position)
    if found is None:
        return None
    batches = [batch for batch, _ in found.versions]
    return Rows(
        statistics=found.statistics,
        logged=found.shares,
        incumbent=_side(case, found, position, "incumbent"),
        challenger=_side(case, found, position, "challenger"),
        look=np.unique(batches, return_inverse=True)[1],
    )


def passed_in_a_row(case: Case, share: float, began: int) -> int:
    """Count the newest batches of a step, in a row, that passed every guardrail.

    Parameters
    ----------
    case
        The experiment.
    share
        The challenger's share in the step.
    began
        Version that was live when the step was decided.
    """
    passed, decided_by = 0, case.decided_by()
    for batch, some in reversed(case.rows):
        drew = {decided_by(batch.batch_id, row.version) for row in some}
        if not any(
            version is not None and version > began and case.shadows[version][0].share == share
            for version in drew
        ):
            continue
        if case.promotable.get(batch, "not judged") is not None:
            break
        passed += 1
    return passed


def blocked(case: Case) -> str | None:
    """Say why the newest batch promotes no challenger; ``None`` where it may."""
    if case.untrusted is not None or not case.batches:
        return case.untrusted or "no batch has closed"
    newest = case.batches[-1]
    told = case.promotable.get(newest, "the guardrails did not judge it")
    return None if told is None else f"batch {newest.batch_id}: {told}"


def _frozen(case: Case) -> Case:
    """Leave the rows whose version has a shadow of this challenger."""
    decided_by = case.decided_by()
    kept = [
        (batch, [row for row in some if decided_by(batch.batch_id, row.version) in case.shadows])
        for batch, some in case.rows
    ]
    return replace(case, rows=[(batch, some) for batch, some in kept if some])


def _side(case: Case, found: Strata, position: int, side: "Side") -> "FloatArray":
    arms, decided_by = len(case.experiment.arms), case.decided_by()
    table = np.zeros((len(found.versions), arms))
    for at, ((batch, version), cell) in enumerate(zip(found.versions, found.cells, strict=True)):
        drew = decided_by(batch, version)
        if drew is None:
            raise ValueError(f"batch {batch} was drawn by no version of {case.experiment.slug!r}")
        # An arm that was added later had no share in older versions.
        buckets = case.shadows[drew][0].buckets(side, cell, position)
        table[at, : len(buckets)] = np.array(buckets) / BUCKETS
    return table


def _last_before(chain: "Sequence[Published]", batch: str) -> int | None:
    last = None
    for one in chain:
        if one.content.batch is not None and one.content.batch >= batch:
            break
        last = one.version
    return last


def _bounds(experiment: Experiment) -> Bounds | None:
    reward = experiment.reward
    # A unit's rewards add up over its decisions: below 0 the bound of one is none of the sum.
    if reward.kind == "real" or reward.lower < 0:
        return None
    return reward.lower, reward.upper
