"""What an experiment has declared over time about whose arm is drawn, and what others get."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from include.contract.lifecycle import FLAG_OF
from include.contract.participation import traffic_buckets
from include.contract.weights import BUCKETS


@dataclass(frozen=True, slots=True)
class Rules:
    """What an experiment has declared over time about who takes part and what others get.

    Attributes
    ----------
    defaults
        Per revision the arms that are answered first where nothing is drawn.
    traffic
        Least and most traffic buckets over all revisions.
    ineligible
        Whether a revision has declared who is eligible.
    excluded
        Whether a revision has declared whom to leave out.
    states
        Flag to the earliest moment at which a state demanded it, in µs of Unix time.
    """

    defaults: frozenset[tuple[str, ...]] = frozenset({()})
    traffic: tuple[int, int] = (BUCKETS, BUCKETS)
    ineligible: bool = False
    excluded: bool = False
    states: Mapping[str, int] | None = None


def rules_of(
    documents: Iterable[Mapping[str, Any]], states: Iterable[tuple[str, int]] = ()
) -> Rules:
    """Collect the rules from an experiment's revisions and its states (name, since in µs)."""
    kept = list(documents)
    declared = [(each.get("default_arm"), each.get("control")) for each in kept]
    shares = [each.get("traffic_share") for each in kept]
    traffic = [BUCKETS if share is None else traffic_buckets(share) for share in shares]
    demanded: dict[str, int] = {}
    for state, since in states:
        flag = FLAG_OF.get(state)  # type: ignore[call-overload]
        if flag is not None:
            demanded[flag] = min(since, demanded.get(flag, since))
    return Rules(
        # A replica that was never told the terms answers the arms in their own order.
        defaults=frozenset({()} | {tuple(arm for arm in arms if arm) for arms in declared}),
        traffic=(min(traffic, default=BUCKETS), max(traffic, default=BUCKETS)),
        ineligible=any(each.get("eligible") for each in kept),
        excluded=any(each.get("exclude") for each in kept),
        states=demanded,
    )


def default_arms(declared: Sequence[str], arms: Sequence[str], positions: int) -> list[int]:
    """Return the arms that are answered where nothing is drawn, one index per position."""
    order = [*(arm for arm in declared if arm in arms), *arms]
    distinct = list(dict.fromkeys(order))
    return [arms.index(distinct[place % len(distinct)]) for place in range(positions)]
