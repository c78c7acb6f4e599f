"""Strategies that an experiment may name, with their parameters; a test compares the policies."""

from typing import Final

STRATEGIES: Final[dict[str, frozenset[str]]] = {
    "thompson": frozenset(),
    "top_two_thompson": frozenset({"beta"}),
    "epsilon_greedy": frozenset({"epsilon"}),
    "ucb1": frozenset({"uniform_mix"}),
    "kl_ucb": frozenset({"c", "uniform_mix"}),
    "uniform": frozenset(),
    "fixed": frozenset({"shares"}),
    "position_based": frozenset({"examination"}),
    "linear_thompson": frozenset({"inflation", "noise", "ridge"}),
    "lin_ucb": frozenset({"alpha", "noise", "ridge", "uniform_mix"}),
}
