"""One guardrail's answer, and what the answers of a batch together ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

State = Literal["pass", "warn", "fail", "unknown"]
Action = Literal["proceed", "hold", "roll_back"]
# Of the whole API: they block promotion and alert, and never touch an experiment's weights.
API_WIDE: Final = frozenset({"error_rate", "latency"})
# With these the log cannot be trusted, and nothing may be learned from it. A sample ratio that is
# unknown, since nothing was drawn, holds nothing.
UNTRUSTED: Final = frozenset(
    {("refused_share", "fail"), ("refused_share", "unknown"), ("srm", "fail")}
)
# Fails that roll back together, whichever they are.
FAILS: Final = 2


@dataclass(frozen=True, slots=True)
class Guardrail:
    """What one guardrail says of one batch.

    Attributes
    ----------
    name
        Which one.
    state
        ``unknown`` where there is nothing to judge by; it never passes a gate.
    value
        What was found; ``None`` where nothing could be.
    limit
        Beyond it the guardrail fails; ``None`` where it is no single number.
    explanation
        The answer in a sentence with its numbers.
    critical
        Whether it rolls back alone.
    arms
        Indices of the arms at fault, where the fault lies with some.
    """

    name: str
    state: State
    value: float | None
    limit: float | None
    explanation: str
    critical: bool = False
    arms: tuple[int, ...] = ()

    @property
    def api_wide(self) -> bool:
        """Whether it judges the API as a whole, not this experiment."""
        return self.name in API_WIDE


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the guardrails of a batch ask for.

    Attributes
    ----------
    action
        ``proceed``: the batch may move weights. ``hold``: it may not, since its log cannot be
        trusted. ``roll_back``: the shares go back, and wait for a person.
    explanation
        Why, in a sentence.
    promotable
        Whether a challenger may be promoted: nothing failed, nothing is unknown.
    arms
        Indices of the arms at fault.
    """

    action: Action
    explanation: str
    promotable: bool
    arms: tuple[int, ...] = ()


def combine(results: Sequence[Guardrail]) -> Outcome:
    """Decide by all guardrails of a batch.

    A critical fail, or two fails of any, roll back; a log that fails by the sample ratio or by
    what was refused, or was never validated, holds the update; API-wide ones only block promotion.

    Raises
    ------
    ValueError
        If there is none: nothing judged is not the same as all being well.
    """
    if not results:
        raise ValueError("no guardrail was judged")
    own = [one for one in results if not one.api_wide]
    failed = [one for one in own if one.state == "fail"]
    promotable = all(one.state in {"pass", "warn"} for one in results)
    if len(failed) >= FAILS or any(one.critical for one in failed):
        arms = tuple(sorted({arm for one in failed for arm in one.arms}))
        return Outcome("roll_back", _told(failed), promotable=False, arms=arms)
    untrusted = [one for one in own if (one.name, one.state) in UNTRUSTED]
    if untrusted:
        return Outcome("hold", _told(untrusted), promotable=False)
    if promotable:
        return Outcome("proceed", "all guardrails pass", promotable=True)
    blocking = [one for one in results if one.state in {"fail", "unknown"}]
    return Outcome("proceed", _told(blocking), promotable=False)


def _told(results: Sequence[Guardrail]) -> str:
    return "; ".join(f"{one.name} {one.state}: {one.explanation}" for one in results)
