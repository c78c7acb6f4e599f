"""Bodies of exposures."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Discriminator, Field, Tag

from serving.records import TAG, Alone, Refused
from serving.requests import MANY, Slug


class Shown(BaseModel):
    """That a decision was shown."""

    model_config = ConfigDict(extra="forbid")

    decision_id: UUID
    occurred_at: AwareDatetime | None = Field(default=None, description="now, when left out")


class OneExposure(Shown):
    """One exposure."""

    experiment_id: Slug


class ManyExposures(BaseModel):
    """Several exposures of one experiment."""

    model_config = ConfigDict(extra="forbid")

    experiment_id: Slug
    exposures: list[Annotated[Shown, Alone]] = Field(
        min_length=1, max_length=MANY, description="each is judged alone"
    )

    def entries(self) -> list[Shown | Refused]:
        """Return the exposures, or why one cannot be taken."""
        return [*self.exposures]


def _number(value: object) -> str:
    several = isinstance(value, dict) and "exposures" in value
    return TAG + ("exposures" if several else "decision_id")


ExposureRequest = Annotated[
    Annotated[OneExposure, Tag("~decision_id")] | Annotated[ManyExposures, Tag("~exposures")],
    Discriminator(_number),
]
