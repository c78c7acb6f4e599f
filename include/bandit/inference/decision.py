"""The decision: keep running, ship an arm, or stop, as it follows from a list of checks.

Every rule is a list of conditions, each with its value and threshold, and a recommendation is
what the list says: ship an arm when all its ship checks are met, stop when all checks of a stop
rule are. A check without data is `unknown`, and `unknown` is never met.

The evidence is the confidence sequence, which holds at all looks and over all arms at once.
So the decision may be asked for after every batch: an arm that is not better than the baseline
has its lower end above zero at *some* look with at most α. All further conditions only make
shipping rarer. Over positions the rule asks for the same arm in each (intersection-union: α is
not divided, since a false ship must be false somewhere).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf
from operator import ge, gt, le, lt
from typing import Literal

from include.bandit.inference.decision_checks import Check, State, compare, truth
from include.bandit.inference.decision_evidence import ArmEvidence, Evidence
from include.experiments.verdict import Verdict

Kind = Literal["ship", "stop_harm", "stop_futility", "stop_duration", "keep_running"]


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What to do, and every condition that was looked at."""

    kind: Kind
    arm: str | None
    checks: tuple[Check, ...]

    @property
    def final(self) -> bool:
        """Whether the experiment should end."""
        return self.kind != "keep_running"

    def reasons(self) -> tuple[Check, ...]:
        """Return the checks that made the decision, or those that keep it from being one."""
        if self.kind == "keep_running":
            return tuple(check for check in self.checks if check.state != "met")
        rule = self.kind.removeprefix("stop_")
        return tuple(
            check
            for check in self.checks
            if check.rule == rule and check.arm in (None, self.arm or check.arm)
        )


def recommend(evidence: Evidence, rules: Verdict) -> Recommendation:
    """Say what the evidence allows, with its reasoning.

    Shipping comes first, then harm, futility and the longest duration. Of several arms
    that may ship, the one with the largest smallest estimate over positions is taken; ties go
    to the first.

    Raises
    ------
    ValueError
        If there is no position, or positions do not name the same arms.
    """
    names = _names(evidence)
    checks = (*_experiment(evidence, rules), *_arms(evidence, rules))
    ready = [arm for arm in names if _holds(checks, "ship", arm)]
    if ready:
        best = max(ready, key=lambda arm: (_smallest(evidence, arm), -names.index(arm)))
        return Recommendation("ship", best, checks)
    for kind in ("stop_harm", "stop_futility", "stop_duration"):
        if _holds(checks, kind.removeprefix("stop_"), None):
            return Recommendation(kind, None, checks)
    return Recommendation("keep_running", None, checks)


def _holds(checks: Sequence[Check], rule: str, arm: str | None) -> bool:
    """Tell whether all checks of a rule are met: those of one arm, or of all."""
    own = [c for c in checks if c.rule == rule and (arm is None or c.arm in (None, arm))]
    return bool(own) and all(check.state == "met" for check in own)


def _experiment(evidence: Evidence, rules: Verdict) -> Iterator[Check]:
    """Yield the checks that concern all arms."""
    for rule in ("ship", "futility"):
        yield Check(
            rule,
            "minimum_days",
            *compare(evidence.days, ge, rules.minimum_days),
            "days of closed batches",
        )
    for at, position in enumerate(evidence.positions):
        state: State = "unknown" if position.sample_ratio is None else truth(not position.mismatch)
        for rule in ("ship", "harm", "futility"):
            yield Check(
                *(rule, "sample_ratio", state, position.sample_ratio, 0.01),
                "units arrived as published (p-value above)",
                position=at,
            )
    if rules.require_discovery:
        state = "unknown" if evidence.discovery is None else truth(evidence.discovery)
        yield Check(
            *("ship", "discovery", state, None, None),
            "online false discovery rate over all experiments lets it pass",
        )
    yield Check(
        "duration",
        "maximum_days",
        *compare(evidence.days, ge, evidence.maximum_days),
        "days of closed batches",
    )


def _arms(evidence: Evidence, rules: Verdict) -> Iterator[Check]:
    for at, position in enumerate(evidence.positions):
        for one in position.arms:
            make = partial(Check, arm=one.arm, position=at)
            yield from _ship(one, rules, make)
            yield from _stop(one, rules, make)


def _ship(one: ArmEvidence, rules: Verdict, make: Callable[..., Check]) -> Iterator[Check]:
    yield _known("ship", one, make)
    yield make("ship", "lower_end", *compare(one.lower, gt, 0.0), "lower end of the effect")
    yield make(
        "ship",
        "uplift",
        *compare(one.estimate, ge, one.threshold(rules.minimum_uplift)),
        "estimate of the effect, against the least uplift",
    )
    yield make(
        *("ship", "agreement", truth(not one.disagreement), None, None),
        "the equal-weight sequence agrees: the effect does not move in time",
    )
    yield _units("ship", one, rules, make)
    if rules.expected_loss is not None:
        yield make(
            "ship",
            "expected_loss",
            *compare(one.expected_loss, le, rules.expected_loss),
            "expected loss per decision",
        )


def _stop(one: ArmEvidence, rules: Verdict, make: Callable[..., Check]) -> Iterator[Check]:
    for rule in ("harm", "futility"):
        yield _known(rule, one, make)
    harm = one.threshold(rules.harm)
    yield make(
        "harm",
        "upper_end",
        *compare(one.upper, lt, None if harm is None else -harm),
        "upper end of the effect, against the loss that is harm",
    )
    yield _units("futility", one, rules, make)
    yield make(
        "futility",
        "upper_end",
        *compare(one.upper, lt, one.threshold(rules.minimum_uplift)),
        "upper end of the effect, against the least uplift",
    )


def _known(rule: str, one: ArmEvidence, make: Callable[..., Check]) -> Check:
    words = "the sequence may speak" + (f" ({one.reason})" if one.reason else "")
    return make(rule, "known", "met" if one.known else "unknown", None, None, words)


def _units(rule: str, one: ArmEvidence, rules: Verdict, make: Callable[..., Check]) -> Check:
    return make(
        rule,
        "minimum_units",
        *compare(one.units, ge, rules.minimum_units),
        "observations of the arm and of its baseline, the fewer",
    )


def _smallest(evidence: Evidence, arm: str) -> float:
    return min(
        one.estimate if one.estimate is not None else -inf
        for position in evidence.positions
        for one in position.arms
        if one.arm == arm
    )


def _names(evidence: Evidence) -> tuple[str, ...]:
    found = {tuple(one.arm for one in position.arms) for position in evidence.positions}
    if len(found) != 1 or not next(iter(found)):
        raise ValueError("a decision needs positions that all name the same arms, at least one")
    return next(iter(found))
