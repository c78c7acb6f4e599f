"""Creating and reading experiments."""

from typing import Any

import orjson
import structlog

from include.contract.names import is_name
from include.errors import StoreUnavailableError
from serving.answers import JSON, NO_STORE, Answer, Problem, not_found
from serving.declaration import ExperimentRequest, declared
from serving.following import Following
from serving.keys.key import Caller
from serving.registry import Registry
from serving.snapshot import compile_snapshot
from serving.stores.announcing import Announcer
from serving.stores.experiments import Experiments
from serving.stores.revisions import Revision, Submission

HEADERS = JSON + NO_STORE
log = structlog.get_logger("allot.serving")


class Managing:
    """Experiments by the API: PostgreSQL first, since it alone arbitrates, then the store.

    Parameters
    ----------
    experiments
        Where experiments are declared.
    announcer
        Tells other replicas of version 0.
    registry
        Answers from it at once in this process.
    following
        Takes over the terms at once in this process.
    """

    def __init__(
        self,
        experiments: Experiments,
        announcer: Announcer,
        registry: Registry,
        following: Following,
    ) -> None:
        self._experiments = experiments
        self._announcer = announcer
        self._registry = registry
        self._following = following

    async def create(self, body: ExperimentRequest, caller: Caller) -> Answer:
        """Create an experiment that answers decisions at once.

        Raises
        ------
        Problem
            403, 409 if it exists, 422 with field and reason, 503.
        """
        caller.admit(("manage",), body.experiment_id)
        experiment = declared(body)
        by = caller.name if caller.key_id is not None else body.owner
        submission = Submission(by, body.reason)
        published = await self._experiments.create(experiment, submission, draft=body.draft)
        if published is None:
            detail = f"there is an experiment {experiment.slug!r} already; it stays as it is"
            raise Problem(409, "experiment-exists", detail, field="experiment_id")
        self._registry.install(compile_snapshot(published))
        try:
            await self._announcer.publish(published)
        except StoreUnavailableError as error:
            # The reconciler brings it there; until then this process alone knows it.
            log.warning("version 0 is not in the store yet", error=str(error))
        await self._following.refresh()
        return Answer(201, orjson.dumps(told(await self._newest(experiment.slug))), HEADERS)

    async def read(self, experiment: str) -> Answer:
        """Return what is declared.

        Raises
        ------
        Problem
            404 or 503.
        """
        return Answer(200, orjson.dumps(told(await self._newest(experiment))), HEADERS)

    async def revisions(self, experiment: str) -> Answer:
        """Return every revision, oldest first, with who and why.

        Raises
        ------
        Problem
            404 or 503.
        """
        found = await self._all(experiment)
        document = {"experiment_id": experiment, "revisions": [told(each) for each in found]}
        return Answer(200, orjson.dumps(document), HEADERS)

    async def listed(self, after: str, limit: int, caller: Caller) -> Answer:
        """Return a page of the experiments that the caller's key reaches, by name."""
        found = await self._experiments.in_force(after, limit)
        following = found[-1].experiment if len(found) == limit else None
        seen = [told(each) for each in found if caller.sees(each.experiment)]
        document = {"experiments": seen, "next_after": following}
        return Answer(200, orjson.dumps(document), HEADERS)

    async def _newest(self, experiment: str) -> Revision:
        return (await self._all(experiment))[-1]

    async def _all(self, experiment: str) -> list[Revision]:
        found = await self._experiments.revisions(experiment) if is_name(experiment) else []
        if not found:
            raise not_found(experiment)
        return found


def told(revision: Revision) -> dict[str, Any]:
    """Return a revision as clients are told of it."""
    document = revision.document
    return {
        "experiment_id": revision.experiment,
        "state": revision.state,
        "arm_ids": document["arms"],
        "strategy": document["policy"]["name"],
        "strategy_params": document["policy"]["params"],
        "challenger": document.get("challenger"),
        "gate": revision.gate,
        "revision": revision.revision,
        "revision_hash": revision.revision_hash,
        "origin": revision.origin,
        "submitted_by": revision.submitted_by,
        "reason": revision.reason,
        "submitted_at": revision.submitted_at,
        "declaration": document,
    }
