"""Where an experiment stands, as documented in OpenAPI: P(best) and the summary."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from serving.reading.schemas import ReadAnswer, Sequence


class BestSlot(ReadAnswer):
    """P(best) of one position in one context cell."""

    cell: str
    position: int
    p_best: dict[str, float | None]


class Best(ReadAnswer):
    """P(arm is best) behind the newest weights."""

    experiment_id: str
    weights_version: int
    batch: str | None
    p_best: dict[str, float | None] = Field(
        description="of the first position; null before the first batch, or without a belief"
    )
    positions: list[BestSlot]


class LiveSlot(ReadAnswer):
    """The live shares of one position in one context cell."""

    cell: str
    position: int
    shares: dict[str, float]


class LiveVersion(ReadAnswer):
    """The newest published weights."""

    version: int | None
    batch: str | None
    published_at: datetime | None
    slots: list[LiveSlot]


class Leader(ReadAnswer):
    """The arm with the largest P(best)."""

    cell: str
    position: int
    arm_id: str
    share: float
    best_probability: float | None
    expected_loss: float | None = Field(
        description="what always playing it is expected to give up per decision"
    )
    judged_batch: str | None = Field(description="newest batch behind the expected loss")


class ArmSequence(Sequence):
    """A confidence sequence of an arm."""

    arm_id: str


class Verdict(ReadAnswer):
    """What may be said of one position, valid under peeking."""

    position: int
    verdict: str = Field(description="ship: arm; no winner yet; unknown; contradicted: arm")
    winner: str | None
    p_value: float
    reason: str
    leader: str
    potential_value_remaining: float | None
    looks: int
    units: int
    batch: str
    level: float
    tracking_url: str | None
    sequences: list[ArmSequence] = Field(description="newest look of every arm")


class Recommendation(ReadAnswer):
    """What the experiment is told to do, and what a person said to it."""

    recommendation: Literal["keep_running", "ship", "stop_harm", "stop_futility", "stop_duration"]
    arm_id: str | None = Field(description="arm to ship")
    summary: str
    status: str = Field(
        description="running, waits for a person, rejected, superseded, automatic or ended"
    )
    answer: str | None
    answered_by: str | None
    answer_reason: str | None
    answered_at: datetime | None
    days: float
    maximum_days: float
    planned_power: float | None = Field(description="null where not planned")
    planner_warning: str
    batch: str
    recommended_at: datetime


class PublishingHold(ReadAnswer):
    """Why no new version follows, but a roll-back."""

    by: str = Field(description="a person, a key, or the run whose guardrails failed")
    why: str
    since: datetime


class Summary(ReadAnswer):
    """An experiment on one page."""

    experiment_id: str
    title: str
    owner: str
    state: str
    state_since: datetime
    strategy: str
    revision: int
    arm_ids: list[str]
    positions: int
    batches: int
    first_batch: str | None
    last_batch: str | None
    decisions: int = Field(description="received by this API, whether ingested or not")
    rewards: int = Field(description="received by this API, whatever became of them")
    counted: Literal["exactly", "at_least"] = Field(
        description="at_least: many records wait to be exported, and only some of them are counted"
    )
    observations: int = Field(description="in the batches, over all positions")
    reward_sum: float = Field(description="of those observations")
    publishing_hold: PublishingHold | None = Field(
        description="null: not held; `POST …/release` ends it"
    )
    live: LiveVersion
    leading: list[Leader] = Field(description="per position; none before the first batch")
    verdicts: list[Verdict] = Field(description="per position; none before the first judgement")
    recommendation: Recommendation | None = Field(
        description="what is to be done now; null before the first"
    )
