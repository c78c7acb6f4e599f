"""What an experiment declares about metrics beside its reward: value, cap, covariate, ratio."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from include.contract.names import NAME_PATTERN
from include.contract.records import LARGEST_VALUE, MOST_VALUES
from include.experiments.guardrails import BUILT_IN

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
MOST_METRICS: Final = 20


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ratio(_Declared):
    """Names of the values whose sums are divided: clicks per view, not a mean of ratios."""

    of: Name
    per: Name

    @model_validator(mode="after")
    def _two(self) -> Self:
        if self.of == self.per:
            raise ValueError(f"a ratio of {self.of} per {self.per} is always 1")
        return self


class Metric(_Declared):
    """A number per unit that is judged as the reward is, but moves no weights.

    It is the sum of the named value over a unit's rewards within batch and weights version, 0
    where there is none; or the ratio of two such sums over all units.
    """

    value: Name | None = Field(
        default=None, description="name of the value in rewards; null: the metric's own"
    )
    cap: float | None = Field(
        default=None,
        gt=0.0,
        le=LARGEST_VALUE,
        description="a unit's larger values count as this; an amount, fixed in advance",
    )
    covariate: Name | None = Field(
        default=None, description="number in the decision's context, known before the arm is"
    )
    ratio: Ratio | None = Field(default=None, description="instead of a value")
    higher_is_better: bool = True

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.ratio is None:
            return self
        given = [name for name in ("value", "cap", "covariate") if getattr(self, name) is not None]
        if given:
            raise ValueError(f"a ratio has no {', '.join(given)} of its own")
        return self

    @property
    def method(self) -> Literal["mean", "cuped", "ratio"]:
        """How it is estimated."""
        if self.ratio is not None:
            return "ratio"
        return "mean" if self.covariate is None else "cuped"

    def values(self, name: str) -> tuple[str, ...]:
        """Return the names of the values that it is made of, `name` being its own."""
        if self.ratio is not None:
            return (self.ratio.of, self.ratio.per)
        return (self.value or name,)


Metrics = Annotated[dict[Name, Metric], Field(max_length=MOST_METRICS)]


def values_of(metrics: Mapping[str, Metric]) -> tuple[str, ...]:
    """Return the names of all values that rewards may carry, sorted."""
    return tuple(sorted({value for name, one in metrics.items() for value in one.values(name)}))


def covariates_of(metrics: Iterable[Metric]) -> tuple[str, ...]:
    """Return the names of the numbers that are kept of a decision's context, sorted."""
    return tuple(sorted({one.covariate for one in metrics if one.covariate is not None}))


def metrics_fault(metrics: Mapping[str, Metric], source: str) -> str | None:
    """Tell why metrics cannot be declared; ``None`` when they can."""
    if metrics and source != "decision_log":
        return "metrics come with rewards of the decision log; the Open Bandit Dataset has none"
    if taken := sorted(set(BUILT_IN) & set(metrics)):
        return f"metrics.{taken[0]}: guardrails know {', '.join(BUILT_IN)} by themselves"
    for what, names in (
        ("values", values_of(metrics)),
        ("covariates", covariates_of(metrics.values())),
    ):
        if len(names) > MOST_VALUES:
            return f"metrics name {len(names)} {what}; a record carries at most {MOST_VALUES}"
    return None
