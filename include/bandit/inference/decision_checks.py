"""Checks: conditions with value, threshold and outcome, which a decision consists of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

State = Literal["met", "not met", "unknown"]


class Outcome(NamedTuple):
    """How a condition came out, in the order in which a check takes it."""

    state: State
    value: float | None
    threshold: float | None


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of one rule.

    Attributes
    ----------
    rule
        ``ship``, ``harm``, ``futility`` or ``duration``.
    name
        The condition.
    state
        ``met``, ``not met`` or ``unknown``, which is never met.
    value, threshold
        What was compared; ``None`` where nothing was, or nothing is known.
    words
        What was looked at, for a person.
    arm, position
        What it is about; ``None``: all of them.
    """

    rule: str
    name: str
    state: State
    value: float | None
    threshold: float | None
    words: str
    arm: str | None = None
    position: int | None = None

    def text(self) -> str:
        """Say it in a sentence, with its numbers."""
        about = "" if self.arm is None else f"{self.arm}: "
        numbers = "" if self.value is None else f" is {self.value:.6g}"
        if self.threshold is not None:
            numbers += f" (threshold {self.threshold:.6g})"
        return f"{about}{self.words}{numbers}: {self.state}"


def compare(
    value: float | None, relation: Callable[[float, float], bool], threshold: float | None
) -> Outcome:
    """Compare a value with a threshold; what is missing makes it unknown."""
    if value is None or threshold is None:
        return Outcome("unknown", value, threshold)
    return Outcome(truth(relation(value, threshold)), value, threshold)


def truth(holds: bool) -> State:  # noqa: FBT001 — the condition itself
    """Name an outcome that is known."""
    return "met" if holds else "not met"
