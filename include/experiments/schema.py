"""The experiment: arms, reward, policy, limits, as a team declares them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from include.contract.canonical import content_hash
from include.contract.limits import Bounds, bucket_bounds
from include.contract.names import NAME_PATTERN
from include.contract.participation import Rule, matches, most_specific_first, undecided
from include.contract.rounding import default_buckets
from include.contract.weights import BUCKETS, POOLED_CELL
from include.errors import InfeasibleLimitsError
from include.experiments.exposure import Exposure
from include.experiments.guardrails import Guardrails
from include.experiments.metric import Metrics, metrics_fault
from include.experiments.promotion import Promotion
from include.experiments.verdict import Share, Verdict

Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
ContextRules = tuple[Annotated[dict[str, str | int | bool], Field(min_length=1)], ...]
LATER_FIELDS: Final = (
    *("traffic_share", "eligible", "default_arm", "gate", "challenger", "verdict", "guardrails"),
    *("mode", "layer", "promotion", "metrics", "exclude", "exposure"),
)


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OpenBanditSource(_Declared):
    """Learn from a log of the Open Bandit Dataset; its other policy's log serves evaluation."""

    kind: Literal["open_bandit"] = "open_bandit"
    campaign: Literal["all", "men", "women"]
    learn_from: Literal["random"] = "random"
    evaluate_on: tuple[Literal["random", "bts"], ...] = ("random", "bts")


class DecisionLogSource(_Declared):
    """Learn from the decisions that Allot's own API made for this experiment."""

    kind: Literal["decision_log"] = "decision_log"


class Reward(_Declared):
    """What is observed after a decision, and for how long.

    ``kind`` is ``bernoulli`` (0 or 1), ``bounded`` (within [lower, upper]) or ``real``.
    """

    kind: Literal["bernoulli", "bounded", "real"] = "bernoulli"
    lower: float = 0.0
    upper: float = 1.0
    window: timedelta = Field(default=timedelta(0), description="how long a reward may take")
    missing: float | None = Field(
        default=0.0, description="what no reward within the window means; null: left out"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.lower >= self.upper:
            raise ValueError(f"reward.lower {self.lower} is not below reward.upper {self.upper}")
        return self


class Policy(_Declared):
    """Name of a registered policy, and its parameters."""

    name: str = "thompson"
    params: dict[str, float | int | str | bool | list[float]] = Field(default_factory=dict)


class Prior(_Declared):
    """Belief before the first batch.

    Bernoulli rewards use ``alpha`` and ``beta``; bounded and real ones ``mean`` and
    ``strength``, a number of pseudo-observations. ``informative`` gives arms their own pair,
    under a version; ``empirical_bayes`` fits one pair to all arms.
    """

    kind: Literal["declared", "informative", "empirical_bayes"] = "declared"
    version: str = "1"
    alpha: float = Field(default=1.0, gt=0)
    beta: float = Field(default=1.0, gt=0)
    mean: float = 0.0
    strength: float = Field(default=1.0, gt=0)
    deviation: float | None = Field(
        default=None, gt=0, description="of one reward; null: the largest possible, or estimated"
    )
    arms: dict[Name, tuple[float, float]] = Field(
        default_factory=dict, description="informative: arm to (alpha, beta) or (mean, strength)"
    )
    cohort_strength: float = Field(
        default=100.0,
        ge=0,
        description="observations of other cohorts that count in a cohort's belief, at most",
    )

    @model_validator(mode="after")
    def _informative(self) -> Self:
        if (self.kind == "informative") != bool(self.arms):
            raise ValueError("prior.arms is what kind 'informative' declares, and only it")
        if weak := sorted(arm for arm, pair in self.arms.items() if pair[1] <= 0):
            raise ValueError(f"prior.arms: strength is not positive for {', '.join(weak)}")
        return self


class Memory(_Declared):
    """How long batches count: all (default), a discount per batch, or a window of batches."""

    discount: float = Field(default=1.0, gt=0, le=1.0)
    window_batches: int | None = Field(default=None, ge=1)
    stratified: bool = Field(default=False, description="compare arms within batches, not pooled")


class ContextCell(_Declared):
    """Contexts that share one set of weights: those that have every value of ``when``.

    ``features`` are the numbers by which linear policies tell cells apart.
    """

    when: dict[str, str | int | bool] = Field(min_length=1)
    features: tuple[float, ...] = ()

    def matches(self, context: Mapping[str, object]) -> bool:
        """Tell whether a context belongs here; values are compared as text."""
        return matches(self.when, context)


class LimitsDeclaration(_Declared):
    """What the policy may not do with traffic; each a share of one slot."""

    probability_floor: Share = 0.0
    uniform_slice: Share = 0.0
    largest_share: Share = 1.0
    largest_shift: Share = 1.0
    control_floor: Share = 0.0
    reserved: dict[Name, Share] = Field(default_factory=dict)
    burn_in_decisions: int = Field(default=0, ge=0, description="per arm, before it may adapt")
    burn_in_rewards: int = Field(default=0, ge=0, description="per arm, before it may adapt")
    hold_below: Share = Field(
        default=0.0, description="keep the shares when no arm would move by more"
    )


class Quality(_Declared):
    """How much of a batch may be refused before the run fails."""

    refused_share: Share = 0.01


class Layer(_Declared):
    """Units that no other experiment of the layer gets."""

    name: Name
    share: float = Field(ge=1 / BUCKETS, le=1.0, description="of the layer's units")


class Experiment(_Declared):
    """One experiment, as declared in a TOML file or an API call."""

    slug: Name
    title: str
    owner: str
    arms: tuple[Name, ...] = Field(min_length=2, max_length=BUCKETS)
    control: Name | None = None
    positions: int = Field(default=1, ge=1, le=100)
    source: OpenBanditSource | DecisionLogSource = Field(discriminator="kind")
    reward: Reward = Reward()
    exposure: Exposure | None = Field(
        default=None, description="only decisions that were shown count; null: all that were made"
    )
    batch: Annotated[timedelta, Field(gt=timedelta(0))] = timedelta(days=1)
    policy: Policy = Policy()
    prior: Prior = Prior()
    memory: Memory = Memory()
    cells: dict[Name, ContextCell] = Field(
        default_factory=dict,
        max_length=1_000,
        description="cohorts with weights of their own; most conditions win",
    )
    limits: LimitsDeclaration = LimitsDeclaration()
    assignment: Literal["rerandomise", "nested"] = "rerandomise"
    quality: Quality = Quality()
    default_shares: dict[Name, Share] | None = Field(
        default=None, description="weights version 0; uniform when left out"
    )
    traffic_share: Share = Field(
        default=1.0, description="part of the units that takes part; the others get the default arm"
    )
    eligible: ContextRules = Field(
        default=(), description="contexts that take part: those that fit one of the rules"
    )
    exclude: ContextRules = Field(
        default=(), description="contexts of bots or staff: answered, but never learned from"
    )
    default_arm: Name | None = Field(
        default=None, description="where nothing is drawn; control, or else the first arm"
    )
    gate: bool = Field(default=False, description="a new policy is a challenger before it is live")
    challenger: Policy | None = Field(
        default=None, description="policy that runs in the shadow of the one in force"
    )
    promotion: Promotion = Promotion()
    verdict: Verdict = Verdict()
    guardrails: Guardrails = Guardrails()
    mode: Literal["live", "aa"] = Field(
        default="live", description="aa: shares are computed and logged, traffic stays as declared"
    )

    layer: Layer | None = Field(
        default=None, description="experiments of one layer get disjoint units; fixed at creation"
    )
    metrics: Metrics = Field(
        default_factory=dict, description="judged beside the reward; they move no weights"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.arms)) != len(self.arms):
            twice = sorted({arm for arm in self.arms if self.arms.count(arm) > 1})
            raise ValueError(f"arms must be unique; given twice: {', '.join(twice)}")
        named: dict[str, set[str]] = {
            "control": {self.control} if self.control is not None else set(),
            "default_arm": {self.default_arm} if self.default_arm is not None else set(),
            "limits.reserved": set(self.limits.reserved),
            "default_shares": set(self.default_shares or ()),
            "prior.arms": set(self.prior.arms),
        }
        for field, arms in named.items():
            if unknown := arms - set(self.arms):
                raise ValueError(f"{field} names unknown arms: {', '.join(sorted(unknown))}")
        if self.challenger is not None and not self.gate:
            raise ValueError("challenger is declared, but gate is not: it could never go live")
        if fault := self.verdict.fault(self.arms, self.control):
            raise ValueError(fault)
        if fault := metrics_fault(self.metrics, self.source.kind):
            raise ValueError(fault)
        if fault := self.guardrails.fault(self.arms, self.positions, self.metrics):
            raise ValueError(fault)
        self.default_buckets()
        return self

    @model_validator(mode="after")
    def _shown_in_time(self) -> Self:
        rule, window = self.exposure, self.reward.window
        if rule is not None and (fault := rule.fault(self.source.kind, window)):
            raise ValueError(fault)
        return self

    @model_validator(mode="after")
    def _cells_decide(self) -> Self:
        if len({len(cell.features) for cell in self.cells.values()}) > 1:
            raise ValueError("cells must all have the same number of features")
        if pair := undecided(self._rules()):
            raise ValueError(
                f"cells {pair[0]} and {pair[1]} can fit the same context with as many conditions;"
                " give one of them more, or declare a cell with the conditions of both"
            )
        return self

    def cell_of(self, context: Mapping[str, object]) -> str:
        """Return the matching cell with most conditions; the pooled cell where none matches."""
        ordered = most_specific_first(self._rules())
        return next((each for each in ordered if self.cells[each].matches(context)), POOLED_CELL)

    def _rules(self) -> dict[str, Rule]:
        return {name: cell.when for name, cell in self.cells.items()}

    def bucket_bounds(self) -> Bounds:
        """Return the fewest and most buckets of every arm under the declared limits.

        Raises
        ------
        InfeasibleLimitsError
            Naming the limits that clash.
        """
        try:
            return bucket_bounds(self.arms, self.control, self.limits)
        except InfeasibleLimitsError as error:
            raise InfeasibleLimitsError(f"experiment {self.slug!r}: {error}") from None

    def default_buckets(self) -> tuple[int, ...]:
        """Return the buckets per arm of weights version 0: declared default shares, or uniform."""
        return default_buckets(self.arms, self.default_shares, self.bucket_bounds())

    def document(self) -> dict[str, Any]:
        """Return the declaration as JSON values, as stored in a revision."""
        document = self.model_dump(mode="json")
        fields = type(self).model_fields
        # Fields that came later are left out at their default: older declarations keep their hash.
        unsaid = {
            name
            for name in LATER_FIELDS
            if getattr(self, name) == fields[name].get_default(call_default_factory=True)
        }
        return {name: value for name, value in document.items() if name not in unsaid}

    def revision_hash(self) -> str:
        """Return the hash that names this declaration."""
        return content_hash(self.document())
