"""The answers as documented in OpenAPI; hot routes render them without these models."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from include.contract.lifecycle import Flag, State
from include.contract.names import NAME_PATTERN
from include.contract.records import MAX_UNIT_LENGTH

ExperimentId = Annotated[
    str, Query(pattern=NAME_PATTERN, description="the experiment's slug", examples=["obd-men"])
]
UnitId = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=MAX_UNIT_LENGTH,
        pattern=r"^[^\x00]+$",
        description="who is assigned; without a unit every decision draws afresh",
        examples=["user-1234"],
    ),
]
Cell = Annotated[str | None, Query(description="context cell, where the experiment declares any")]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SlotShares(_Answer):
    """One position's traffic."""

    position: int = Field(ge=0)
    buckets: dict[str, int] = Field(description="integers that sum to 10,000")
    weights: dict[str, float] = Field(description="buckets / 10,000")


class Lineage(_Answer):
    """What the weights were made from."""

    parent: str = Field(description="content hash of the snapshot before; revision hash for v0")
    revision: str = Field(description="hash of the experiment's declaration")
    statistics: str | None = Field(description="hash over the statistics of all closed batches")
    method: str


class Allocation(_Answer):
    """The live weights of an experiment."""

    experiment_id: str
    version: int = Field(ge=0)
    content_hash: str = Field(description="SHA-256 of the snapshot's canonical JSON")
    batch: str | None = Field(description="newest batch folded in; null for version 0")
    strategy: str
    arms: list[str]
    buckets: dict[str, int] = Field(description="of the first position; they sum to 10,000")
    weights: dict[str, float] = Field(description="of the first position; buckets / 10,000")
    positions: list[SlotShares] | None = Field(
        default=None, description="every position, where the experiment has more than one"
    )
    cells: dict[str, list[SlotShares]] | None = Field(
        default=None, description="every context cell, where the experiment declares any"
    )
    lineage: Lineage
    provenance: dict[str, Any] = Field(description="what the publisher notes beside the content")
    effective_from: str
    state: State = Field(description="only while it is running arms are drawn by these weights")
    age_seconds: float = Field(description="since these weights went live")
    confirmed_seconds_ago: float | None = Field(
        description="since the store last named them the live ones; null: not since the start"
    )
    stale: bool = Field(description="unconfirmed for longer than the declared bound")


class SlateEntry(_Answer):
    """One position of a slate."""

    position: int = Field(ge=0)
    arm_id: str
    propensity: float = Field(gt=0, le=1)


class DecisionAnswer(_Answer):
    """A unit's arm, with the exact probability with which it was drawn."""

    decision_id: str = Field(
        description="time-ordered UUIDv7; derived from the request's id where there is one"
    )
    experiment_id: str
    weights_version: int
    content_hash: str
    strategy: str
    unit_id: str | None
    arm_id: str = Field(description="of the first position")
    propensity: float = Field(gt=0, le=1, description="of the first position")
    slate: list[SlateEntry] | None = Field(
        default=None, description="every position, where the experiment has more than one"
    )
    cell: str | None = Field(default=None, description="where the caller named one")
    flag: Flag | None = Field(
        default=None, description="why nothing was drawn; such decisions are never learned from"
    )
    stale: bool


class Refusal(_Answer):
    """Why one record of several was refused."""

    type: str
    status: int
    detail: str
    field: str | None


class RefusedRecord(_Answer):
    """One record of several that was refused; the others were taken."""

    refused: Refusal


class DecisionBatch(_Answer):
    """A decision per unit, in the order of the request."""

    decisions: list[DecisionAnswer | RefusedRecord]


class RewardAnswer(_Answer):
    """What was done with a reward."""

    reward_id: str = Field(description="as given, or as derived from what it rewards")
    outcome: Literal["recorded", "superseded"] = Field(
        description="superseded: another reward stands under this id; this one is kept beside it"
    )


class RewardBatch(_Answer):
    """What was done with each reward, in the order of the request."""

    rewards: list[RewardAnswer | RefusedRecord]


class ExposureAnswer(_Answer):
    """An exposure is in the log; repeating it changes nothing."""

    decision_id: str
    outcome: Literal["recorded"]


class ExposureBatch(_Answer):
    """What was done with each exposure, in the order of the request."""

    exposures: list[ExposureAnswer | RefusedRecord]


class TotalAnswer(_Answer):
    """What was done with one total."""

    date: str
    arm_id: str
    outcome: Literal["recorded", "unchanged"]


class EventsAnswer(_Answer):
    """What was done with each total, in the order of the request."""

    experiment_id: str
    events: list[TotalAnswer]


class GateAnswer(_Answer):
    """What was decided of the challenger last."""

    state: Literal["shadow", "ramp", "promoted", "rejected"]
    share: float = Field(ge=0, le=1, description="its part of the traffic, from the next version")
    verdict: Literal["pass", "wait", "fail", "unknown"] | None = Field(
        description="what its rows say; null where a roll-back decided"
    )
    explanation: str


class ExperimentAnswer(_Answer):
    """One revision of an experiment."""

    experiment_id: str
    state: State = Field(description="now; only a running experiment draws arms")
    arm_ids: list[str]
    strategy: str
    strategy_params: dict[str, Any]
    challenger: dict[str, Any] | None = Field(
        description="strategy in the shadow of the one in force, where gate is declared"
    )
    gate: GateAnswer | None = Field(
        description="where the challenger stands; null before anything was decided of it"
    )
    revision: int = Field(ge=1)
    revision_hash: str = Field(description="parent of weights version 0, for the first")
    origin: Literal["toml", "api"]
    submitted_by: str
    reason: str
    submitted_at: str
    declaration: dict[str, Any] = Field(description="the whole document, as hashed")


class ExperimentList(_Answer):
    """A page of experiments."""

    experiments: list[ExperimentAnswer]
    next_after: str | None = Field(description="name to ask for the next page after; null: none")


class RevisionList(_Answer):
    """Every revision of an experiment, oldest first."""

    experiment_id: str
    revisions: list[ExperimentAnswer]


class ConfigAnswer(ExperimentAnswer):
    """The experiment after a change of strategy, and what that did."""

    applied: Literal["strategy", "challenger", "unchanged"]
    detail: str = Field(description="the same in words")


class StateEntry(_Answer):
    """One state, since when, by whom and why."""

    number: int = Field(ge=1)
    state: State
    changed_by: str
    reason: str
    changed_at: str


class StateList(_Answer):
    """Every state that was noted, oldest first; none: it has been running since it began."""

    experiment_id: str
    state: State
    states: list[StateEntry]


class Hold(_Answer):
    """A hold of publishing, or its release."""

    number: int = Field(ge=1, description="the highest is in force")
    held: bool = Field(description="whether publishing stops, or goes on")
    by: str
    why: str
    through: str | None = Field(
        description="of a release: newest batch that is accepted as it is; null before any closed"
    )
    at: str


class HoldAnswer(Hold):
    """A release that was written."""

    experiment_id: str


class HoldList(_Answer):
    """Every hold and release, oldest first."""

    experiment_id: str
    held: bool = Field(description="whether no new version follows now but a roll-back")
    holds: list[Hold]


class ProblemAnswer(BaseModel):
    """A refusal or failure (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    request_id: str | None = None
    field: str | None = None


class Health(_Answer):
    """Whether the process lives."""

    status: str


class Readiness(_Answer):
    """Whether this replica can answer for every experiment that it knows of."""

    status: str = Field(description="ready or not-ready")
    reason: str | None
    experiments: int = Field(description="served")
    stale: int = Field(description="served, but not confirmed lately")
    missing: list[str] = Field(description="known, but without weights; the first 20")
