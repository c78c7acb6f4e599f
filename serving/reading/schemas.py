"""The read-only routes' answers as documented in OpenAPI."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CURSOR = "hand back as `cursor` for the next page; null: there is none"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Page(_Answer):
    experiment_id: str
    next_cursor: str | None = Field(description=CURSOR)


class PublishedShare(_Answer):
    """How an arm came to its share of a version."""

    cell: str = Field(description="context cell; * where all contexts share one")
    arm_id: str
    share: float = Field(description="buckets / 10,000")
    buckets: int
    shift: float | None = Field(description="share minus that of the version before")
    best_probability: float | None = Field(description="P(best): a description, not a test")
    proposed_share: float = Field(description="what the policy asked for")
    limits: list[Any] = Field(description="what each limit did, in order")
    why: str = Field(description="the reasons in words")


class PublishedPosition(_Answer):
    """One position's shares."""

    position: int = Field(ge=0)
    arms: list[PublishedShare]


class PublishedVersion(_Answer):
    """One weights version with its reason."""

    version: int = Field(ge=0)
    batch: str | None = Field(description="newest batch folded in; null for version 0")
    published_at: datetime
    content_hash: str
    parent: str
    statistics: str | None
    revision: int
    provenance: dict[str, Any]
    reason: Literal["created", "batch", "restatement", "revision"]
    held: bool = Field(description="whether the hold rule kept the shares that were live")
    explanation: str
    restated: list[str] = Field(description="batches that an earlier version knew otherwise")
    positions: list[PublishedPosition]


class History(_Page):
    """A page of versions, newest first."""

    versions: list[PublishedVersion]


class Sequence(_Answer):
    """A confidence sequence at one look: valid whenever it is looked at."""

    family: Literal["control", "best"] = Field(
        description="control: arm minus control; best: arm minus the best of the others"
    )
    against: str | None
    answer: Literal["better", "worse", "undecided", "unknown"]
    reason: str = Field(description="why it is unknown; empty when it is known")
    estimate: float
    lo: float | None
    hi: float | None


class BatchSequence(Sequence):
    """A confidence sequence as it stood after a batch."""

    look: int
    level: float


class BatchArm(_Answer):
    """One arm in one batch."""

    arm_id: str
    observations: int
    rewards: float = Field(description="sum of the rewards")
    observed_share: float | None = Field(description="of the batch's observations")
    published_share: float | None = Field(description="in the version made after the batch")
    best_probability: float | None = Field(description="P(best) behind that version")
    sequences: list[BatchSequence]


class BatchPosition(_Answer):
    """One position in one batch."""

    position: int = Field(ge=0)
    arms: list[BatchArm]


class Batch(_Answer):
    """One batch as it is known today, with the first version that was made after it."""

    batch: str
    version: int | None
    published_at: datetime | None
    positions: list[BatchPosition]


class Timeseries(_Page):
    """A page of batches, oldest first."""

    batches: list[Batch]


class ArmReport(_Answer):
    """One arm at one position, over all batches: naive and corrected side by side."""

    position: int = Field(ge=0)
    arm: int = Field(ge=0)
    arm_id: str
    observations: int
    rewards: float
    naive_mean: float | None = Field(description="biased where shares moved with what was seen")
    naive_lo: float | None
    naive_hi: float | None
    corrected_mean: float | None = Field(description="Σ(r/p) / Σ(1/p)")
    corrected_lo: float | None = Field(description="one look; for verdicts see /summary")
    corrected_hi: float | None
    posterior_mean: float | None
    posterior_sd: float | None
    best_probability: float | None
    live_share: float | None
    weights_version: int


class Arms(_Page):
    """A page of arms per position."""

    arms: list[ArmReport]


class CohortArm(ArmReport):
    """One arm at one position in one cohort."""

    cohort: str = Field(description="declared context cell; * where none is declared")


class Cohorts(_Page):
    """A page of arms per cohort and position."""

    arms: list[CohortArm]


class Event(_Answer):
    """Something that happened to an experiment."""

    at: datetime
    kind: Literal["revision", "state", "version"]
    number: int = Field(description="of the revision, the state or the version")
    by: str = Field(description="a person's or key's name; the DAG run that published")
    why: str
    details: dict[str, Any]


class Events(_Page):
    """A page of events, newest first."""

    events: list[Event]


class BestSlot(_Answer):
    """P(best) of one position in one context cell."""

    cell: str
    position: int
    p_best: dict[str, float | None]


class Best(_Answer):
    """P(arm is best) behind the newest weights."""

    experiment_id: str
    weights_version: int
    batch: str | None
    p_best: dict[str, float | None] = Field(
        description="of the first position; null before the first batch, or without a belief"
    )
    positions: list[BestSlot]


class LiveSlot(_Answer):
    """The live shares of one position in one context cell."""

    cell: str
    position: int
    shares: dict[str, float]


class LiveVersion(_Answer):
    """The newest published weights."""

    version: int | None
    batch: str | None
    published_at: datetime | None
    slots: list[LiveSlot]


class Leader(_Answer):
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


class Verdict(_Answer):
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


class Summary(_Answer):
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
