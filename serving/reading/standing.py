"""Where an experiment stands, as documented in OpenAPI: P(best) and the summary."""

from datetime import datetime

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
    decisions: int = Field(description="in this API's log, whether ingested or not")
    rewards: int = Field(description="received by this API, whatever became of them")
    observations: int = Field(description="in the batches, over all positions")
    reward_sum: float = Field(description="of those observations")
    live: LiveVersion
    leading: list[Leader] = Field(description="per position; none before the first batch")
    verdicts: list[Verdict] = Field(description="per position; none before the first judgement")
