"""Who takes part: a share of units by a hash of their own, and rules on the context."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import TYPE_CHECKING, Final

from include.contract.assignment import bucket_in, unit_hasher
from include.contract.weights import BUCKETS

if TYPE_CHECKING:
    import hashlib

# Of its own, so that who takes part says nothing about which arm a unit gets.
TRAFFIC_SALT: Final = "allot.traffic/1"
Rule = Mapping[str, str | int | bool]


def traffic_buckets(share: float) -> int:
    """Return how many of the 10,000 traffic buckets take part."""
    return round(share * BUCKETS)


def takes_part(experiment: str, unit: str, buckets: int) -> bool:
    """Tell whether a unit is among those that take part.

    A unit that takes part still does when the share grows: buckets are filled from 0 up.

    Parameters
    ----------
    experiment
        Slug.
    unit
        Unit id; the decision id where there is no unit.
    buckets
        As `traffic_buckets` returns.
    """
    return bucket_in(_hasher(experiment), unit.encode("utf-8")) < buckets


def matches(when: Rule, context: Mapping[str, object]) -> bool:
    """Tell whether a context has every value of a rule; values are compared as text."""
    return all(key in context and str(context[key]) == str(value) for key, value in when.items())


def most_specific_first(rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Return names of rules in the order in which a context is held against them.

    The rule with most conditions comes first. No order of declaration is asked for: canonical
    JSON and PostgreSQL keep none.
    """
    return tuple(sorted(rules, key=lambda name: (-len(rules[name]), name)))


def undecided(rules: Mapping[str, Rule]) -> tuple[str, str] | None:
    """Return two rules between which some context is not decided; ``None`` where all are.

    Two rules with as many conditions that one context can fit leave it open, unless a rule with
    more conditions takes every such context.
    """
    for one, other in combinations(sorted(rules), 2):
        size = len(rules[one])
        if len(rules[other]) != size or _exclude(rules[one], rules[other]):
            continue
        both = {**rules[one], **rules[other]}
        if not any(len(rule) > size and matches(rule, both) for rule in rules.values()):
            return one, other
    return None


def fits_any(rules: Sequence[Rule], context: Mapping[str, object]) -> bool:
    """Tell whether a context fits one of the rules; without rules none does."""
    return any(matches(rule, context) for rule in rules)


def is_eligible(rules: Sequence[Rule], context: Mapping[str, object]) -> bool:
    """Tell whether a context fits one of the rules; without rules every context does."""
    return not rules or fits_any(rules, context)


def _exclude(one: Rule, other: Rule) -> bool:
    return any(key in other and str(other[key]) != str(value) for key, value in one.items())


@lru_cache(maxsize=4_096)
def _hasher(experiment: str) -> "hashlib._Hash":
    return unit_hasher(TRAFFIC_SALT, experiment)
