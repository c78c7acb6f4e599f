"""Bodies of totals."""

import datetime as dt

from pydantic import BaseModel, ConfigDict, Field

from serving.requests import MANY, Slug

# Sums beyond it are no exact integers in JSON.
MOST = 2**53


class DayTotal(BaseModel):
    """What was counted of one arm on one day."""

    model_config = ConfigDict(extra="forbid")

    date: dt.date = Field(description="day in UTC")
    arm_id: Slug
    impressions: int = Field(ge=0, le=MOST, description="how often the arm was shown")
    clicks: float = Field(
        allow_inf_nan=False,
        ge=-MOST,
        le=MOST,
        description="sum of the rewards; of kind bernoulli: how many impressions were rewarded",
    )


class EventsRequest(BaseModel):
    """Totals of one experiment; each replaces what was posted before for its date and arm."""

    model_config = ConfigDict(extra="forbid")

    experiment_id: Slug
    events: list[DayTotal] = Field(min_length=1, max_length=MANY)
