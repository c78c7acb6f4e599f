"""Policies by name. To add one: write its file, add its line here (docs/howto/add-a-policy.md)."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from include.bandit.policies import (
    epsilon_greedy,
    fixed,
    kl_ucb,
    lin_ucb,
    linear_thompson,
    position_based,
    thompson,
    top_two_thompson,
    ucb1,
    uniform,
)
from include.bandit.policies.base import Belief, Params, Policy
from include.errors import ExperimentError

POLICIES: Final[dict[str, Policy]] = {
    "thompson": Policy(thompson.Params, thompson.propose),
    "top_two_thompson": Policy(top_two_thompson.Params, top_two_thompson.propose),
    "epsilon_greedy": Policy(epsilon_greedy.Params, epsilon_greedy.propose),
    "ucb1": Policy(ucb1.Params, ucb1.propose),
    "kl_ucb": Policy(kl_ucb.Params, kl_ucb.propose),
    "uniform": Policy(uniform.Params, uniform.propose),
    "fixed": Policy(fixed.Params, fixed.propose),
    "position_based": Policy(position_based.Params, position_based.propose, scope="slate"),
    "linear_thompson": Policy(linear_thompson.Params, linear_thompson.propose, scope="context"),
    "lin_ucb": Policy(lin_ucb.Params, lin_ucb.propose, scope="context"),
}

__all__ = ["POLICIES", "Belief", "Params", "Policy", "find", "method_of"]


def find(name: str, params: Mapping[str, Any] | None = None) -> tuple[Policy, Params]:
    """Find a policy by its name, in any case, and check its parameters.

    Raises
    ------
    ExperimentError
        If there is no such policy, or a parameter is unknown or out of range.
    """
    key = _key(name)
    if key not in POLICIES:
        raise ExperimentError(f"no policy {name!r}; there are: {', '.join(sorted(POLICIES))}")
    policy = POLICIES[key]
    try:
        return policy, policy.params.model_validate(dict(params or {}))
    except ValidationError as error:
        reasons = "; ".join(
            f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()
        )
        raise ExperimentError(f"policy {key}: params: {reasons}") from error


def method_of(name: str) -> str:
    """Return the method named in weights, as ``thompson/1``."""
    key = _key(name)
    if key not in POLICIES:
        raise ExperimentError(f"no policy {name!r}; there are: {', '.join(sorted(POLICIES))}")
    return f"{key}/{POLICIES[key].version}"


def _key(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_")
