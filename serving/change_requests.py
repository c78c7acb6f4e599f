"""Bodies that change an experiment."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from include.contract.lifecycle import State
from include.experiments.exposure import Exposure
from include.experiments.metric import Metrics
from include.experiments.promotion import Promotion
from include.experiments.schema import (
    ContextCell,
    LimitsDeclaration,
    Memory,
    Prior,
    Quality,
    Reward,
)
from serving.requests import Slug

Text = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*$")]
# With something to read in it.
Said = Annotated[str, Field(max_length=1_000, pattern=r"^[^\x00]*[^\x00-\x20][^\x00]*$")]
Short = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Params = dict[str, float | int | str | bool | list[float] | None]
Rules = Annotated[
    list[Annotated[dict[str, str | int | bool], Field(min_length=1)]], Field(max_length=100)
]
Arms = Annotated[
    list[Slug], Field(min_length=1, max_length=1_000, json_schema_extra={"uniqueItems": True})
]
# Parts of a declaration whose members are changed one by one; all others are replaced.
MERGED = ("limits", "prior", "memory", "reward", "quality", "metrics")


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Text = Field(default="", description="why; stands in the revision or the state")


class Reason(_Change):
    """Why."""


class ReleaseRequest(BaseModel):
    """Why publishing may go on."""

    model_config = ConfigDict(extra="forbid")

    reason: Said = Field(description="stands in the history for good")


class StateRequest(_Change):
    """Which state follows."""

    state: State


class ArmsRequest(_Change):
    """Arms that join; those that are there already stay as they are."""

    arm_ids: Arms
    based_on: int | None = Field(default=None, ge=1, description="revision that you saw")


class ConfigRequest(_Change):
    """Another strategy; what was learned stays."""

    strategy: str = Field(description="in any case", examples=["EPSILON_GREEDY"])
    strategy_params: Params = Field(default_factory=dict)
    based_on: int | None = Field(default=None, ge=1, description="revision that you saw")


class ExperimentPatch(_Change):
    """What changes; members that are left out stay as they are, null takes a value away."""

    based_on: int | None = Field(default=None, ge=1, description="revision that you saw")
    title: Short | None = None
    owner: Short | None = None
    control: Slug | None = None
    default_arm: Slug | None = None
    reward: Reward | None = None
    exposure: Exposure | None = None
    batch: timedelta | None = Field(default=None, description="cadence, ISO 8601")
    limits: LimitsDeclaration | None = None
    prior: Prior | None = None
    memory: Memory | None = None
    quality: Quality | None = None
    cells: dict[Slug, ContextCell] | None = None
    traffic_share: float | None = Field(default=None, ge=0, le=1)
    eligible: Rules | None = None
    exclude: Rules | None = None
    gate: bool | None = None
    promotion: Promotion | None = None
    default_shares: dict[Slug, float] | None = None
    metrics: Metrics | None = Field(default=None, description="those that join")

    def applied(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document with the changes in it."""
        given = self.model_dump(mode="json", exclude_unset=True, exclude={"reason", "based_on"})
        for name in MERGED:
            if isinstance(given.get(name), dict):
                given[name] = {**document.get(name, {}), **given[name]}
        return {**document, **given}
