"""What an experiment declares about its end: when a verdict may fall, and what follows it."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Planned(BaseModel):
    """What is expected before the start, for the planner.

    ``base_rate`` is the success rate without any uplift, ``traffic`` units per batch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_rate: float = Field(gt=0.0, lt=1.0)
    traffic: int = Field(ge=1, le=10_000_000)
    uplift: float | None = Field(
        default=None,
        gt=0.0,
        description="relative; null: minimum_uplift, which must then be above 0",
    )


class Verdict(BaseModel):
    """When the experiment may be told to ship or to stop, and what stays afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    minimum_uplift: float = Field(
        default=0.0, ge=0.0, description="least effect worth shipping, relative to the baseline"
    )
    harm: float = Field(
        default=0.0, ge=0.0, description="relative loss beyond which an arm does harm"
    )
    minimum_days: float = Field(default=7.0, ge=0.0)
    maximum_days: float | None = Field(
        default=None, gt=0.0, description="null: what the planner says, or 28"
    )
    minimum_units: int = Field(default=0, ge=0, description="observations per arm")
    expected_loss: float | None = Field(
        default=None, ge=0.0, description="largest expected loss per decision of a shipped arm"
    )
    require_discovery: bool = Field(
        default=False, description="ship only what online FDR over all experiments lets pass"
    )
    ship: Literal["ask", "automatic"] = Field(
        default="ask", description="whether a person approves what is recommended"
    )
    holdout_share: Share = Field(
        default=0.0, description="share that the control keeps for good after shipping"
    )
    floor_after: Share = Field(
        default=0.0, description="share that every arm keeps for good after shipping"
    )
    planned: Planned | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.maximum_days is not None and self.maximum_days < self.minimum_days:
            raise ValueError(
                f"verdict.maximum_days {self.maximum_days:g} is below minimum_days "
                f"{self.minimum_days:g}"
            )
        planned = self.planned
        if planned is not None and planned.uplift is None and self.minimum_uplift == 0:
            raise ValueError("verdict.planned needs an uplift: there is no minimum_uplift to take")
        return self

    @property
    def keeps_drawing(self) -> bool:
        """Whether a floor or a holdout stays after shipping, so that arms are drawn for good."""
        return self.floor_after > 0 or self.holdout_share > 0

    def fault(self, arms: Sequence[str], control: str | None) -> str | None:
        """Tell why this cannot be declared for these arms; ``None`` when it can."""
        if self.holdout_share > 0 and control is None:
            return "verdict.holdout_share is declared, but no arm is the control"
        others = (len(arms) - 1) * self.floor_after
        if others + max(self.floor_after, self.holdout_share) > 1:
            return "verdict.floor_after and verdict.holdout_share together exceed all traffic"
        return None
