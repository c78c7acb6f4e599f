"""What a client declares when it creates an experiment."""

from datetime import timedelta
from typing import Any, Final, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.contract.strategies import STRATEGIES, fit_fault, parameter_fault, strategy_name
from include.errors import InfeasibleLimitsError
from include.experiments.exposure import Exposure
from include.experiments.metric import Metrics
from include.experiments.promotion import Promotion
from include.experiments.schema import (
    ContextCell,
    Experiment,
    LimitsDeclaration,
    Memory,
    Prior,
    Reward,
)
from serving.answers import Problem, unprocessable
from serving.change_requests import Params, Rules, Short, Text
from serving.requests import Slug

WINDOW: Final = timedelta(days=1)


class ExperimentRequest(BaseModel):
    """An experiment that learns from this API's own log; all but its name and arms has defaults."""

    model_config = ConfigDict(extra="forbid")

    experiment_id: Slug
    arm_ids: list[Slug] = Field(
        min_length=2, max_length=1_000, json_schema_extra={"uniqueItems": True}
    )
    strategy: str = Field(default="thompson", description="in any case", examples=["THOMPSON"])
    strategy_params: Params = Field(default_factory=dict)
    title: Short | None = None
    owner: Short = Field(default="api")
    reason: Text = Field(default="created through the API")
    draft: bool = Field(default=False, description="answers the default arm until it is started")
    control: Slug | None = None
    default_arm: Slug | None = Field(
        default=None, description="where nothing is drawn; control or the first arm, if left out"
    )
    positions: int = Field(default=1, ge=1, le=100)
    reward: Reward | None = Field(default=None, description="0 or 1 within a day, when left out")
    exposure: Exposure | None = Field(default=None, description="only what was shown counts")
    batch: timedelta = Field(default=timedelta(days=1), description="cadence, ISO 8601")
    limits: LimitsDeclaration | None = None
    prior: Prior | None = None
    memory: Memory | None = None
    default_shares: dict[Slug, float] | None = Field(
        default=None, description="weights version 0; uniform when left out"
    )
    cells: dict[Slug, ContextCell] = Field(
        default_factory=dict, description="contexts with weights of their own; most conditions win"
    )
    traffic_share: float = Field(default=1.0, ge=0, le=1, description="part that takes part")
    eligible: Rules = Field(default_factory=list, description="contexts that take part")
    exclude: Rules = Field(
        default_factory=list, description="bots and staff: answered, never learned from"
    )
    assignment: Literal["rerandomise", "nested"] = "rerandomise"
    gate: bool = Field(default=False, description="new strategies become challengers first")
    promotion: Promotion | None = Field(
        default=None, description="what a challenger must show, and the steps of its ramp"
    )
    metrics: Metrics = Field(
        default_factory=dict, description="judged beside the reward; they move no weights"
    )


def declared(body: ExperimentRequest) -> Experiment:
    """Turn a request into a declaration.

    Raises
    ------
    Problem
        422 with field and reason.
    """
    given: dict[str, Any] = {
        "slug": body.experiment_id,
        "title": body.title or body.experiment_id,
        "owner": body.owner,
        "arms": body.arm_ids,
        "control": body.control,
        "positions": body.positions,
        "source": {"kind": "decision_log"},
        "reward": body.reward or Reward(window=WINDOW),
        "exposure": body.exposure,
        "batch": body.batch,
        "policy": policy(body.strategy, body.strategy_params),
        "default_shares": body.default_shares,
        "default_arm": body.default_arm,
        "cells": body.cells,
        "traffic_share": body.traffic_share,
        "eligible": body.eligible,
        "exclude": body.exclude,
        "assignment": body.assignment,
        "gate": body.gate,
        "metrics": body.metrics,
    }
    optional = {
        "limits": body.limits,
        "prior": body.prior,
        "memory": body.memory,
        "promotion": body.promotion,
    }
    given |= {name: value for name, value in optional.items() if value is not None}
    return validated(given)


def policy(strategy: str, params: Params) -> dict[str, Any]:
    """Return a policy's part of a declaration, by a name in any case.

    Raises
    ------
    Problem
        422 if there is no such strategy, or a parameter is unknown or out of range.
    """
    name = strategy_name(strategy)
    if name is None:
        raise unprocessable("strategy", f"is to be one of: {', '.join(sorted(STRATEGIES))}")
    if (fault := parameter_fault(name, params)) is not None:
        parameter, told = fault
        raise unprocessable(f"strategy_params.{ascii(parameter)[1:-1]}", told)
    # Null is what leaving a parameter out means.
    return {"name": name, "params": {k: v for k, v in params.items() if v is not None}}


def validated(document: dict[str, Any]) -> Experiment:
    """Return a declaration that an experiment can have.

    Raises
    ------
    Problem
        422 with field and reason.
    """
    try:
        experiment = Experiment.model_validate(document)
        # Numbers and texts that JSON cannot hold have no hash.
        experiment.revision_hash()
        orjson.dumps(_as_stored(experiment.document()))
    except InfeasibleLimitsError as error:
        raise Problem(422, "invalid-experiment", str(error), field="limits") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "experiment"
        raise Problem(422, "invalid-experiment", first["msg"], field=field) from error
    except (ValueError, orjson.JSONEncodeError) as error:
        raise Problem(422, "invalid-experiment", ascii(str(error)), field="experiment") from error
    _refuse_unfit(experiment)
    return experiment


def _as_stored(value: object) -> object:
    """Return a document as PostgreSQL gives it back: large whole numbers lose their exponent."""
    if isinstance(value, dict):
        return {key: _as_stored(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_as_stored(member) for member in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _refuse_unfit(experiment: Experiment) -> None:
    for declared_policy in (experiment.policy, experiment.challenger):
        name = None if declared_policy is None else strategy_name(declared_policy.name)
        if declared_policy is None or name is None:
            continue
        size = (len(experiment.arms), experiment.positions, experiment.reward.kind)
        if (fault := fit_fault(name, declared_policy.params, *size)) is not None:
            parameter, told = fault
            place = "strategy" if parameter is None else f"strategy_params.{parameter}"
            raise Problem(422, "invalid-experiment", f"{place} {told}", field=place)
