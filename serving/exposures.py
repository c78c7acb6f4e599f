"""`POST /exposure`: that a decision was shown; durable, and counted once however often told."""

import asyncio
from datetime import UTC, datetime

import orjson

from serving.answers import JSON, NO_STORE, Answer, Problem
from serving.exposure_requests import ManyExposures, OneExposure, Shown
from serving.log.journal import Journal
from serving.lookup import Lookup
from serving.metrics import Metrics
from serving.records import Refused, group_answer, microseconds, written_alone


class Exposures:
    """Takes exposures; what becomes of each is judged where decisions and exposures meet.

    Also of an experiment that declares none: then they stand in the inbox.

    Parameters
    ----------
    lookup
        Tells whether an experiment exists.
    journal
        Where exposures become durable.
    metrics
        Where they are counted.
    """

    def __init__(self, lookup: Lookup, journal: Journal, metrics: Metrics) -> None:
        self._lookup = lookup
        self._journal = journal
        self._metrics = metrics

    async def answer(self, body: OneExposure | ManyExposures) -> Answer:
        """Answer once every record is durable; of several, one that cannot be is refused alone.

        Raises
        ------
        Problem
            404, 422 or 503.
        """
        await self._lookup.find(body.experiment_id)
        if isinstance(body, OneExposure):
            told = await self._taken(body.experiment_id, body)
            if isinstance(told, Problem):
                raise told
            return Answer(200, told, JSON + NO_STORE)
        taken = (self._taken(body.experiment_id, entry) for entry in body.entries())
        return group_answer("exposures", await asyncio.gather(*taken))

    async def _taken(self, experiment: str, entry: Shown | Refused) -> bytes | Problem:
        if isinstance(entry, Refused):
            return entry.problem
        name = str(entry.decision_id)
        record = {
            "experiment": experiment,
            "decision_id": name,
            "occurred_us": microseconds(entry.occurred_at or datetime.now(UTC)),
        }
        standing = await written_alone(self._journal.write(orjson.dumps(record)))
        if isinstance(standing, Problem):
            return standing
        self._metrics.exposures.inc()
        return orjson.dumps({"decision_id": name, "outcome": "recorded"})
