"""The paged answers of the read-only routes as documented in OpenAPI."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

CURSOR = "hand back as `cursor` for the next page; null: there is none"


class ReadAnswer(BaseModel):
    """What all of them share: no member that is not documented."""

    model_config = ConfigDict(extra="forbid")


class _Page(ReadAnswer):
    experiment_id: str
    next_cursor: str | None = Field(description=CURSOR)


class PublishedShare(ReadAnswer):
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


class PublishedPosition(ReadAnswer):
    """One position's shares."""

    position: int = Field(ge=0)
    arms: list[PublishedShare]


class PublishedVersion(ReadAnswer):
    """One weights version with its reason."""

    version: int = Field(ge=0)
    batch: str | None = Field(description="newest batch folded in; null for version 0")
    published_at: datetime
    content_hash: str
    parent: str
    statistics: str | None
    revision: int
    provenance: dict[str, Any]
    reason: Literal["created", "batch", "restatement", "revision", "rollback", "ramp"]
    held: bool = Field(description="whether the hold rule kept the shares that were live")
    explanation: str
    restated: list[str] = Field(description="batches that an earlier version knew otherwise")
    positions: list[PublishedPosition]


class History(_Page):
    """A page of versions, newest first."""

    versions: list[PublishedVersion]


class Sequence(ReadAnswer):
    """A confidence sequence at one look: valid whenever it is looked at."""

    family: Literal["control", "best"] = Field(
        description="control: arm minus control; best: arm minus the best of the others"
    )
    method: str = Field(
        description="asymptotic: gives the verdict; betting, empirical-bernstein: hold at any size,"
        " and have ends only"
    )
    against: str | None
    answer: Literal["better", "worse", "undecided", "unknown"] | None = Field(
        description="null where a look was kept without one"
    )
    reason: str | None = Field(description="why it is unknown; empty when it is known")
    estimate: float | None
    lo: float | None
    hi: float | None


class BatchSequence(Sequence):
    """A confidence sequence as it stood after a batch."""

    look: int
    level: float


class BatchArm(ReadAnswer):
    """One arm in one batch."""

    arm_id: str
    observations: int
    rewards: float = Field(description="sum of the rewards")
    observed_share: float | None = Field(description="of the batch's observations")
    published_share: float | None = Field(description="in the version made after the batch")
    best_probability: float | None = Field(description="P(best) behind that version")
    sequences: list[BatchSequence]


class BatchPosition(ReadAnswer):
    """One position in one batch."""

    position: int = Field(ge=0)
    arms: list[BatchArm]


class Batch(ReadAnswer):
    """One batch as it is known today, with the first version that was made after it."""

    batch: str
    version: int | None
    published_at: datetime | None
    positions: list[BatchPosition]


class Timeseries(_Page):
    """A page of batches, oldest first."""

    batches: list[Batch]


class ArmReport(ReadAnswer):
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


class Event(ReadAnswer):
    """Something that happened to an experiment."""

    at: datetime
    kind: Literal["revision", "state", "hold", "version"]
    number: int = Field(description="of the revision, the state, the hold or the version")
    by: str = Field(description="a person's or key's name; the DAG run that published")
    why: str
    details: dict[str, Any]


class Events(_Page):
    """A page of events, newest first."""

    events: list[Event]
