"""Changing experiments: declarations, arms, strategies and states."""

from typing import Any

import orjson
import structlog

from include.contract.lifecycle import State
from include.experiments.schema import Experiment
from serving.answers import JSON, NO_STORE, Answer, Problem, not_found
from serving.change_requests import ArmsRequest, ConfigRequest, ExperimentPatch
from serving.declaration import policy, validated
from serving.following import Following
from serving.keys.key import Caller
from serving.managing import told
from serving.stores.changes import Changes
from serving.stores.experiments import Experiments
from serving.stores.revisions import Submission

HEADERS = JSON + NO_STORE
log = structlog.get_logger("allot.serving")
SAID = {
    "strategy": "the next decisions name this strategy; weights follow with the next batch",
    "challenger": "gate is declared: it runs in the shadow of the one in force until it passes",
    "unchanged": "this is in force already",
}


class Changing:
    """Writes revisions and states; this process answers by them at once, others soon.

    Parameters
    ----------
    experiments
        Where experiments are declared.
    following
        Takes over the terms at once in this process.
    """

    def __init__(self, experiments: Experiments, following: Following) -> None:
        self._experiments = experiments
        self._changes = Changes(experiments)
        self._following = following

    async def patch(self, experiment: str, body: ExperimentPatch, caller: Caller) -> Answer:
        """Change parts of the declaration.

        Raises
        ------
        Problem
            404, 409, 422 or 503.
        """
        why = Submission(caller.name, body.reason or "changed through the API")
        after = await self._changes.revise(
            experiment, lambda document: validated(body.applied(document)), why, body.based_on
        )
        return await self._answer(told(after))

    async def add_arms(self, experiment: str, body: ArmsRequest, caller: Caller) -> Answer:
        """Let arms join; they get traffic with the next version of the weights.

        Raises
        ------
        Problem
            404, 409, 422 or 503.
        """
        why = Submission(caller.name, body.reason or f"arms added: {', '.join(body.arm_ids[:9])}")
        after = await self._changes.revise(
            experiment, lambda document: _with_arms(document, body.arm_ids), why, body.based_on
        )
        return await self._answer(told(after))

    async def configure(self, experiment: str, body: ConfigRequest, caller: Caller) -> Answer:
        """Swap the strategy, or register a challenger where the gate is declared.

        Raises
        ------
        Problem
            404, 409, 422 or 503.
        """
        wanted = policy(body.strategy, body.strategy_params)
        applied = "unchanged"

        def change(document: dict[str, Any]) -> Experiment:
            nonlocal applied
            if wanted == document["policy"]:
                # Naming what is in force takes a challenger back.
                return validated({**document, "challenger": None})
            applied = "challenger" if document.get("gate") else "strategy"
            part = "challenger" if document.get("gate") else "policy"
            return validated({**document, part: wanted})

        why = Submission(caller.name, body.reason or f"strategy: {wanted['name']}")
        after = await self._changes.revise(experiment, change, why, body.based_on)
        return await self._answer({**told(after), "applied": applied, "detail": SAID[applied]})

    async def enter(self, experiment: str, state: State, reason: str, caller: Caller) -> Answer:
        """Put an experiment in another state.

        Raises
        ------
        Problem
            404, 409 if that state cannot follow, or 503.
        """
        why = Submission(caller.name, reason or f"{state} through the API")
        return await self._answer(told(await self._changes.enter(experiment, state, why)))

    async def release(self, experiment: str, reason: str, caller: Caller) -> Answer:
        """Let publishing go on after a hold, or after guardrails stopped a batch.

        Raises
        ------
        Problem
            404 or 503.
        """
        done = await self._changes.release(experiment, Submission(caller.name, reason))
        log.warning("publishing released", experiment=experiment, **done._asdict())
        document = {"experiment_id": experiment, **done._asdict()}
        return Answer(200, orjson.dumps(document), HEADERS)

    async def holds(self, experiment: str) -> Answer:
        """Return every hold and release, oldest first, with who and why.

        Raises
        ------
        Problem
            404 or 503.
        """
        found = await self._changes.holds(experiment)
        document = {
            "experiment_id": experiment,
            "held": bool(found) and found[-1].held,
            "holds": [row._asdict() for row in found],
        }
        return Answer(200, orjson.dumps(document), HEADERS)

    async def states(self, experiment: str) -> Answer:
        """Return every state, oldest first, with who and why.

        Raises
        ------
        Problem
            404 or 503.
        """
        found = await self._experiments.revisions(experiment)
        if not found:
            raise not_found(experiment)
        states = [row._asdict() for row in await self._changes.states(experiment)]
        document = {"experiment_id": experiment, "state": found[-1].state, "states": states}
        return Answer(200, orjson.dumps(document), HEADERS)

    async def _answer(self, document: dict[str, Any]) -> Answer:
        await self._following.refresh()
        return Answer(200, orjson.dumps(document), HEADERS)


def _with_arms(document: dict[str, Any], names: list[str]) -> Experiment:
    if document["source"]["kind"] != "decision_log":
        detail = "it learns from a log of another system, which says what its arms are"
        raise Problem(409, "arms-are-given", detail, field="arm_ids")
    new = [name for name in names if name not in document["arms"]]
    return validated({**document, "arms": [*document["arms"], *new]})
