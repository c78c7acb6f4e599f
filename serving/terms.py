"""The terms on which an experiment answers now: its state, who takes part, which rewards fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from include.contract.layers import Slice, held_out
from include.contract.lifecycle import FLAG_OF, Flag, State
from include.contract.participation import (
    Rule,
    fits_any,
    is_eligible,
    matches,
    most_specific_first,
    takes_part,
    traffic_buckets,
)
from include.contract.records import value_fault
from include.contract.rules import default_arms
from include.contract.weights import BUCKETS, POOLED_CELL
from include.experiments.metric import Metric, covariates_of, values_of


@dataclass(frozen=True, slots=True)
class RewardRule:
    """Which values a reward may have."""

    kind: str
    lower: float
    upper: float

    def fault(self, value: float) -> str | None:
        """Tell why a value cannot be a reward of this kind; ``None`` when it can."""
        if self.kind == "bernoulli" and value not in (0.0, 1.0):
            return f"reward {value} is neither 0 nor 1, as kind bernoulli declares"
        if self.kind == "bounded" and not self.lower <= value <= self.upper:
            return f"reward {value} is not within [{self.lower}, {self.upper}] as declared"
        return None

    def total_fault(self, count: int, total: float) -> str | None:
        """Tell why a sum cannot be of so many rewards; ``None`` when it can."""
        if self.kind == "real":
            return None if count or not total else f"rewards {total} of no impressions"
        if self.kind == "bernoulli" and not total.is_integer():
            return f"rewards {total} is not a whole number, as kind bernoulli declares"
        lower, upper = (0.0, 1.0) if self.kind == "bernoulli" else (self.lower, self.upper)
        if not lower * count <= total <= upper * count:
            return f"rewards {total} is not between {lower * count:g} and {upper * count:g}"
        return None


@dataclass(frozen=True, slots=True)
class Terms:
    """What the newest revision and the newest state say about answering.

    Attributes
    ----------
    state
        State of the experiment.
    strategy
        Policy in force; ``None`` where that is not known: then the weights' own.
    default
        Arms that are answered where nothing is drawn, as far as the weights have them.
    traffic
        Buckets of 10,000 whose units take part.
    eligible
        Rules of which a context has to fit one.
    exclude
        Rules of which a context may fit none.
    cells
        Context cells with their rules, in the order in which they are tried.
    reward
        Which values a reward may have; ``None`` where that is not known.
    layer
        The only units that may take part; ``None``: all may.
    holdout
        Buckets of 10,000 whose units take part in no experiment.
    values
        Names of the values that rewards may carry; ``None`` where that is not known.
    covariates
        Names of the numbers that are kept of a context.
    draws
        Whether every unit's arm is drawn, so that no more has to be asked.
    """

    state: State = "running"
    strategy: str | None = None
    default: tuple[str, ...] = ()
    traffic: int = BUCKETS
    eligible: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    cells: tuple[tuple[str, Rule], ...] = ()
    reward: RewardRule | None = None
    layer: Slice | None = None
    holdout: int = 0
    values: tuple[str, ...] | None = None
    covariates: tuple[str, ...] = ()
    draws: bool = field(init=False)

    def __post_init__(self) -> None:
        everybody = self.traffic == BUCKETS and self.layer is None and not self.holdout
        asks = self.eligible or self.exclude
        draws = self.state == "running" and everybody and not asks
        object.__setattr__(self, "draws", draws)

    def flag(self, experiment: str, unit: str, context: Mapping[str, object]) -> Flag | None:
        """Tell why no arm is drawn for a unit; ``None`` where one is."""
        if self.state != "running":
            return FLAG_OF[self.state]
        # First of all that concern the context: how many bots came is to be told in full.
        if fits_any(self.exclude, context):
            return "excluded"
        if not is_eligible(self.eligible, context):
            return "ineligible"
        return None if self._has_part(experiment, unit) else "outside"

    def _has_part(self, experiment: str, unit: str) -> bool:
        if self.holdout and held_out(unit, self.holdout):
            return False
        if self.layer is not None and not self.layer.holds(unit):
            return False
        return self.traffic == BUCKETS or takes_part(experiment, unit, self.traffic)

    def cell_of(self, context: Mapping[str, object]) -> str:
        """Return the matching cell with most conditions; the pooled cell where none matches."""
        return next((name for name, when in self.cells if matches(when, context)), POOLED_CELL)

    def values_fault(self, given: Mapping[str, float]) -> tuple[str, str] | None:
        """Tell which value of a reward cannot be taken, and why; ``None`` when all can."""
        for name, value in given.items():
            if self.values is not None and name not in self.values:
                known = ", ".join(self.values) or "no metrics"
                return name, f"is not declared; the experiment declares {known}"
            if (fault := value_fault(value)) is not None:
                return name, fault
        return None

    def default_arms(self, arms: tuple[str, ...], positions: int) -> list[int]:
        """Return the arms that are answered where nothing is drawn, one index per position."""
        return default_arms(self.default, arms, positions)


# Of an experiment of which PostgreSQL has not told yet.
UNTOLD = Terms()


def terms_of(state: State, document: Mapping[str, Any]) -> Terms:
    """Read the terms from the parts of a declaration that `stores.terms` selects."""
    reward, named = document["reward"], (document["default_arm"], document["control"])
    share = document["traffic_share"]
    rules = {name: cell["when"] for name, cell in (document["cells"] or {}).items()}
    declared = document.get("metrics") or {}
    metrics = {name: Metric.model_validate(one) for name, one in declared.items()}
    return Terms(
        state=state,
        strategy=document["strategy"],
        default=tuple(arm for arm in named if arm is not None),
        traffic=BUCKETS if share is None else traffic_buckets(share),
        # What an older process kept on disk knows of none of these.
        layer=Slice(*layer) if (layer := document.get("layer")) else None,
        holdout=traffic_buckets(document.get("holdout") or 0.0),
        exclude=tuple(document.get("exclude") or ()),
        eligible=tuple(document["eligible"] or ()),
        cells=tuple((name, rules[name]) for name in most_specific_first(rules)),
        reward=RewardRule(reward["kind"], reward["lower"], reward["upper"]),
        values=values_of(metrics),
        covariates=covariates_of(metrics.values()),
    )
