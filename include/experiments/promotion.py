"""What an experiment declares about its gate: what a challenger must show, and how it ramps."""

from itertools import pairwise
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Step = Annotated[float, Field(gt=0.0, le=1.0)]


class Promotion(BaseModel):
    """When a challenger leaves the shadow, and in which steps it takes over the traffic.

    ``margin`` is absolute, in units of the reward per observation: a challenger may be worse by
    at most so much. 0 demands that it is proven better.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: float = Field(
        default=0.0, ge=0.0, allow_inf_nan=False, description="largest loss of value, absolute"
    )
    alpha: float = Field(
        default=0.05, gt=0.0, lt=1.0, description="error of the interval, over all looks"
    )
    effective_sample_size: float = Field(
        default=1000.0, ge=0.0, allow_inf_nan=False, description="the least that is enough"
    )
    changed: float = Field(
        default=1000.0,
        ge=0.0,
        allow_inf_nan=False,
        description="least number of observations that it would have decided otherwise",
    )
    mean_weight_tolerance: float = Field(
        default=0.05, gt=0.0, lt=1.0, description="how far the mean weight may lie from 1"
    )
    support: float = Field(
        default=0.99, ge=0.0, le=1.0, description="least part of its shares on arms that were drawn"
    )
    steps: tuple[Step, ...] = Field(
        default=(0.1, 0.5, 1.0), min_length=1, max_length=20, description="shares of the ramp"
    )
    batches_per_step: int = Field(
        default=1, ge=1, description="batches that must pass every guardrail at each step"
    )

    @model_validator(mode="after")
    def _rises_to_all(self) -> Self:
        if any(low >= high for low, high in pairwise(self.steps)) or self.steps[-1] != 1.0:
            raise ValueError(f"promotion.steps {list(self.steps)} do not rise to 1.0")
        return self
