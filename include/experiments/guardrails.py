"""What an experiment declares about its guardrails: bounds, which are critical, what comes back."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from include.contract.names import NAME_PATTERN
from include.experiments.verdict import Share

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Positive = Annotated[timedelta, Field(gt=timedelta(0))]
# What a custom guardrail can judge without a metric being declared.
BUILT_IN: Final = ("reward", "observations")
# Judged for every experiment; custom ones stand beside them under names of their own.
GUARDRAILS: Final = (
    "error_rate",
    "latency",
    "concentration",
    "reward_drop",
    "srm",
    "refused_share",
    "snapshot_age",
    "exploration",
    "inbox",
)


class CustomGuardrail(BaseModel):
    """A metric of the experiment's own, between bounds.

    ``reward`` is Σ(r/p) / Σ(1/p) over the batch, of one arm or of all arms as they were drawn;
    ``observations`` counts; any other name is that of a declared metric. It fails when it is
    beyond a bound by three standard errors, and warns when it is beyond it at all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Name = Field(default="reward", description="reward, observations, or a metric's name")
    arm: Name | None = Field(default=None, description="null: all arms as they were drawn")
    position: int = Field(default=0, ge=0)
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("a custom guardrail needs at_least, at_most or both")
        if None not in (self.at_least, self.at_most) and self.at_least >= self.at_most:  # type: ignore[operator]
            raise ValueError(f"at_least {self.at_least} is not below at_most {self.at_most}")
        return self


class Guardrails(BaseModel):
    """Bounds beyond which an experiment, or the API that serves it, is in trouble."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    error_rate: Share = Field(default=0.01, description="requests answered 5xx, of all")
    p95_seconds: float = Field(default=0.12, gt=0.0, description="95 of 100 requests are faster")
    largest_share: Share | None = Field(
        default=None, description="of one arm during burn-in; null: 1/K + 25 points"
    )
    burn_in_batches: int = Field(default=3, ge=0, description="how many batches burn-in lasts")
    reward_drop: float = Field(
        default=0.05, gt=0.0, le=1.0, description="relative loss against the control"
    )
    reward_of: Literal["arms", "traffic"] = Field(
        default="arms", description="whose loss counts: any arm's, or that of the live shares"
    )
    snapshot_age: Positive | None = Field(
        default=None, description="oldest live weights; null: four batches and the reward window"
    )
    exploration: Share = Field(
        default=0.02, description="least entropy of the shares, as a part of the largest possible"
    )
    inbox_share: Share = Field(default=0.2, description="rewards that found no decision, of all")
    custom: dict[Name, CustomGuardrail] = Field(default_factory=dict)
    critical: tuple[Name, ...] = Field(
        default=("reward_drop",), description="one fail of these rolls back; of others, two"
    )
    restore: Literal["last_good", "default"] = Field(
        default="last_good", description="what comes back when shares are rolled back"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if taken := sorted(set(self.custom) & set(GUARDRAILS)):
            raise ValueError(f"guardrails.custom: {', '.join(taken)} are names of built-in ones")
        known = {*GUARDRAILS, *self.custom}
        if unknown := sorted(set(self.critical) - known):
            raise ValueError(f"guardrails.critical names no guardrail: {', '.join(unknown)}")
        if shared := sorted({"error_rate", "latency"} & set(self.critical)):
            raise ValueError(
                f"guardrails.critical: {', '.join(shared)} belong to the whole API; they block "
                "promotion and alert, and roll back no experiment"
            )
        return self

    def fault(
        self, arms: Sequence[str], positions: int, metrics: Collection[str] = ()
    ) -> str | None:
        """Tell why this cannot be declared for these arms; ``None`` when it can."""
        for name, one in self.custom.items():
            if one.arm is not None and one.arm not in arms:
                return f"guardrails.custom.{name} names unknown arm {one.arm}"
            if one.metric not in {*BUILT_IN, *metrics}:
                return f"guardrails.custom.{name} names {one.metric}, which is no declared metric"
            if one.position >= positions:
                return f"guardrails.custom.{name} names position {one.position} of {positions}"
        return None
