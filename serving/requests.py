"""Bodies that clients send, checked before anything else looks at them."""

from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_validator,
)

from include.contract.names import NAME_PATTERN
from include.contract.records import LARGEST_VALUE, MAX_UNIT_LENGTH, MOST_VALUES, unit_fault
from serving.records import TAG, Alone, Refused

MANY = 1_000


def _unit(text: str) -> str:
    fault = unit_fault(text)
    if fault is not None:
        raise ValueError(fault)
    return text


Slug = Annotated[str, Field(pattern=NAME_PATTERN)]
Unit = Annotated[
    str,
    Field(min_length=1, max_length=MAX_UNIT_LENGTH, pattern=r"^[^\x00]+$"),
    AfterValidator(_unit),
]
# What Allot derives itself holds a slash, so that nobody can name it.
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
# Flat and small: it chooses a cell, and of it only declared covariates are kept.
Context = Annotated[
    dict[
        Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")],
        Annotated[str, Field(max_length=256)] | bool | int | float | None,
    ],
    # Members of other names are refused, too; a pattern alone leaves them open.
    Field(max_length=100, json_schema_extra={"additionalProperties": False}),
]


Values = Annotated[
    dict[
        Annotated[str, Field(pattern=NAME_PATTERN)],
        Annotated[float, Field(strict=True, ge=-LARGEST_VALUE, le=LARGEST_VALUE)],
    ],
    Field(max_length=MOST_VALUES, json_schema_extra={"additionalProperties": False}),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DecisionRequest(_Body):
    """Whom to decide for: one unit, several, or none."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"not": {"required": ["unit_id", "unit_ids"]}}
    )

    experiment_id: Slug
    request_id: Key | None = Field(
        default=None, description="a repeat with the same id gets the first answer"
    )
    unit_id: Unit | None = Field(default=None, description="without a unit every decision draws")
    unit_ids: list[Annotated[Unit, Alone]] | None = Field(
        default=None,
        min_length=1,
        max_length=MANY,
        description="several units in one call; each is judged alone",
    )
    cell: Slug | None = Field(default=None, description="context cell, where any is declared")
    context: Context | None = Field(
        default=None,
        description="what is known of the moment: chooses the cell, and who takes part; "
        "only declared covariates are kept",
    )
    forced_arm_ids: list[Slug] | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="for checking by hand: these arms, one per position; never learned from",
    )

    @model_validator(mode="after")
    def _one_or_many(self) -> Self:
        if {"unit_id", "unit_ids"} <= self.model_fields_set:
            raise ValueError("unit_id and unit_ids exclude each other")
        return self


class _Reward(_Body):
    reward: float = Field(allow_inf_nan=False)
    reward_id: Key | None = Field(
        default=None, description="a repeat with the same id counts once; so does one decision"
    )


class _Observed(_Reward):
    metrics: Values | None = Field(
        default=None, description="values of declared metrics, by name; added up per decision"
    )


class ByDecision(_Observed):
    """What was observed after a decision."""

    decision_id: UUID
    occurred_at: AwareDatetime | None = Field(default=None, description="now, when left out")


class ByUnit(_Observed):
    """What was observed of a unit: rewards its last decision before that."""

    unit_id: Unit
    occurred_at: AwareDatetime


class ByArm(_Reward):
    """What was observed of an arm: adds to its total, which is never part of a verdict."""

    arm_id: Slug
    occurred_at: AwareDatetime | None = Field(default=None, description="now, when left out")


class OneByDecision(ByDecision):
    """One reward, by its decision."""

    experiment_id: Slug


class OneByUnit(ByUnit):
    """One reward, by its unit."""

    experiment_id: Slug


class OneByArm(ByArm):
    """One reward, by its arm."""

    experiment_id: Slug


def _address(value: object) -> str:
    named = value if isinstance(value, dict) else {}
    for address in ("rewards", "unit_id", "arm_id"):
        if address in named:
            return TAG + address
    return TAG + "decision_id"


RewardEntry = Annotated[
    Annotated[ByDecision, Tag("~decision_id")]
    | Annotated[ByUnit, Tag("~unit_id")]
    | Annotated[ByArm, Tag("~arm_id")],
    Discriminator(_address),
]


class ManyRewards(_Body):
    """Several rewards of one experiment."""

    experiment_id: Slug
    rewards: list[Annotated[RewardEntry, Alone]] = Field(
        min_length=1, max_length=MANY, description="each is judged alone"
    )

    def entries(self) -> list[ByDecision | ByUnit | ByArm | Refused]:
        """Return the rewards, or why one cannot be taken."""
        return [*self.rewards]


RewardRequest = Annotated[
    Annotated[OneByDecision, Tag("~decision_id")]
    | Annotated[OneByUnit, Tag("~unit_id")]
    | Annotated[OneByArm, Tag("~arm_id")]
    | Annotated[ManyRewards, Tag("~rewards")],
    Discriminator(_address),
]
