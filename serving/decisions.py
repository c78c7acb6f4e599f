"""Decisions on their way to the log: answered only once their record is durable."""

from functools import partial

from serving.answers import JSON, NO_STORE, Answer, Held
from serving.decide import Decision
from serving.log.journal import Journal
from serving.metrics import Metrics
from serving.render import record, render, render_row
from serving.stores.sink import Row

HEADERS = JSON + NO_STORE


class Decisions:
    """Writes decisions to their journal and answers by what stands there.

    Parameters
    ----------
    journal
        The decision log.
    metrics
        Where acknowledged decisions are counted.
    """

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics

    def hold(self, decision: Decision, *, stale: bool) -> Held:
        """Write a decision; its answer, or the first one to its request, is held until then.

        Raises
        ------
        Problem
            503 if too many records wait.
        """
        written = self._journal.write(record(decision))
        return Held(written, partial(self._finish, decision, stale))

    def _finish(self, decision: Decision, stale: bool, first: Row | None) -> Answer:  # noqa: FBT001
        if first is not None:
            return Answer(200, render_row(first, stale=stale), HEADERS)
        self._metrics.decisions.count(decision.snapshot, decision.draws[0].arm)
        return Answer(200, render(decision, stale=stale), HEADERS)
