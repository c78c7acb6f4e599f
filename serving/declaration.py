"""What a client declares when it creates an experiment."""

from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from include.errors import InfeasibleLimitsError
from include.experiments.schema import Experiment, LimitsDeclaration, Memory, Prior, Reward
from serving.answers import Problem, unprocessable
from serving.requests import Slug
from serving.strategies import STRATEGIES

WINDOW: Final = timedelta(days=1)


class ExperimentRequest(BaseModel):
    """An experiment that learns from this API's own log; all but its name and arms has defaults."""

    model_config = ConfigDict(extra="forbid")

    experiment_id: Slug
    arm_ids: list[Slug] = Field(
        min_length=2, max_length=1_000, json_schema_extra={"uniqueItems": True}
    )
    strategy: str = Field(default="thompson", description="in any case", examples=["THOMPSON"])
    strategy_params: dict[str, float | int | str | bool | list[float]] = Field(default_factory=dict)
    title: str | None = Field(default=None, max_length=200, pattern=r"^[^\x00]*$")
    owner: str = Field(default="api", max_length=200, pattern=r"^[^\x00]*$")
    reason: str = Field(default="created through the API", max_length=1_000, pattern=r"^[^\x00]*$")
    control: Slug | None = None
    positions: int = Field(default=1, ge=1, le=100)
    reward: Reward | None = Field(default=None, description="0 or 1 within a day, when left out")
    batch: timedelta = Field(default=timedelta(days=1), description="cadence, ISO 8601")
    limits: LimitsDeclaration | None = None
    prior: Prior | None = None
    memory: Memory | None = None
    default_shares: dict[Slug, float] | None = Field(
        default=None, description="weights version 0; uniform when left out"
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
        "batch": body.batch,
        "policy": {"name": _strategy(body), "params": body.strategy_params},
        "default_shares": body.default_shares,
    }
    optional = {"limits": body.limits, "prior": body.prior, "memory": body.memory}
    given |= {name: value for name, value in optional.items() if value is not None}
    try:
        experiment = Experiment.model_validate(given)
        # Numbers and texts that JSON cannot hold have no hash.
        experiment.revision_hash()
    except InfeasibleLimitsError as error:
        raise Problem(422, "invalid-experiment", str(error), field="limits") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "experiment"
        raise Problem(422, "invalid-experiment", first["msg"], field=field) from error
    except ValueError as error:
        raise Problem(422, "invalid-experiment", ascii(str(error)), field="experiment") from error
    return experiment


def _strategy(body: ExperimentRequest) -> str:
    name = body.strategy.strip().lower().replace("-", "_").replace(" ", "_")
    if name not in STRATEGIES:
        raise unprocessable("strategy", f"is to be one of: {', '.join(sorted(STRATEGIES))}")
    unknown = sorted(body.strategy_params.keys() - STRATEGIES[name])
    if unknown:
        known = ", ".join(sorted(STRATEGIES[name])) or "none"
        told = f"of {name} are: {known}; not {', '.join(map(ascii, unknown[:9]))}"
        raise unprocessable("strategy_params", told)
    return name
