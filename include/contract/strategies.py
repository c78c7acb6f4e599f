"""Policies by name with their parameters and ranges: what a declaration may say.

The policies themselves check the same in `include.bandit.policies`; a test holds them equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Number:
    """A number within a range.

    Attributes
    ----------
    above, least, below, most
        Bounds; ``above`` and ``below`` are not in the range themselves.
    optional
        Whether null is a value, too.
    """

    above: float = -inf
    least: float = -inf
    below: float = inf
    most: float = inf
    optional: bool = False

    def fault(self, value: object) -> str | None:
        """Tell why a value cannot be this parameter; ``None`` when it can."""
        if value is None and self.optional:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return "is to be a number"
        try:
            fits = isfinite(value)
        except OverflowError:
            fits = False
        fits = fits and self.above < value < self.below and self.least <= value <= self.most
        return None if fits else f"is to be {self._range()}"

    def _range(self) -> str:
        bounds = (
            ("above", self.above),
            ("at least", self.least),
            ("below", self.below),
            ("at most", self.most),
        )
        return " and ".join(f"{word} {value:g}" for word, value in bounds if isfinite(value)) or (
            "finite"
        )


@dataclass(frozen=True, slots=True)
class Numbers:
    """A list of numbers within a range, or null."""

    each: Number

    def fault(self, value: object) -> str | None:
        """Tell why a value cannot be this parameter; ``None`` when it can."""
        if value is None:
            return None
        if not isinstance(value, (list, tuple)):
            return "is to be a list of numbers"
        faults = ((place, self.each.fault(number)) for place, number in enumerate(value))
        return next((f"[{place}] {fault}" for place, fault in faults if fault is not None), None)


Parameter = Number | Numbers
_MIX: Final = {"uniform_mix": Number(above=0, most=1)}
_LINEAR: Final = {"ridge": Number(above=0), "noise": Number(above=0, optional=True)}
_SHARES: Final = Numbers(Number(least=0, most=1))

STRATEGIES: Final[dict[str, Mapping[str, Parameter]]] = {
    "thompson": {},
    "top_two_thompson": {"beta": Number(above=0, below=1)},
    "epsilon_greedy": {"epsilon": Number(above=0, most=1)},
    "ucb1": _MIX,
    "kl_ucb": {**_MIX, "c": Number(least=0)},
    "uniform": {},
    "fixed": {"shares": _SHARES},
    "position_based": {"examination": _SHARES},
    "linear_thompson": {**_LINEAR, "inflation": Number(above=0)},
    "lin_ucb": {**_LINEAR, **_MIX, "alpha": Number(least=0)},
}
# Names that clients of other services use.
ALIASES: Final = {
    "thompson_sampling": "thompson",
    "ts": "thompson",
    "egreedy": "epsilon_greedy",
    "e_greedy": "epsilon_greedy",
    "ucb": "ucb1",
    "klucb": "kl_ucb",
    "random": "uniform",
    "linucb": "lin_ucb",
    "top_two": "top_two_thompson",
}
NEEDS_BOUNDS: Final = frozenset({"ucb1", "kl_ucb", "position_based"})


def strategy_name(text: str) -> str | None:
    """Return the name of the policy that a text means, in any case; ``None``: there is none."""
    name = text.strip().lower().replace("-", "_").replace(" ", "_")
    name = ALIASES.get(name, name)
    return name if name in STRATEGIES else None


def parameter_fault(strategy: str, params: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return (parameter, why it cannot be used), or ``None`` where all can."""
    known = STRATEGIES[strategy]
    for name, value in params.items():
        if name not in known:
            told = ", ".join(sorted(known)) or "none"
            return name, f"is not a parameter of {strategy}, which takes: {told}"
        if (fault := known[name].fault(value)) is not None:
            return name, fault
    return None


def fit_fault(
    strategy: str, params: Mapping[str, Any], arms: int, positions: int, reward_kind: str
) -> tuple[str | None, str] | None:
    """Tell what of an experiment a strategy cannot serve: (parameter or none, why)."""
    if strategy in NEEDS_BOUNDS and reward_kind == "real":
        return None, f"{strategy} needs bernoulli or bounded rewards"
    if strategy == "position_based" and positions > arms:
        return None, f"{strategy} needs as many arms as positions, at least"
    if strategy == "fixed":
        return _shares_fault(params.get("shares"), arms)
    examination = params.get("examination")
    if strategy == "position_based" and examination is not None and len(examination) != positions:
        return "examination", f"is to have {positions} numbers, one per position"
    return None


def _shares_fault(shares: Sequence[float] | None, arms: int) -> tuple[str, str] | None:
    if shares is None or (len(shares) == arms and abs(sum(shares) - 1.0) <= 1e-9):
        return None
    return "shares", f"are to be {arms} numbers that sum to 1, in the order of the arms"
