"""What a declaration may say of a policy is what the policy accepts."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from include.bandit.policies import POLICIES, find
from include.contract.strategies import STRATEGIES, fit_fault, parameter_fault, strategy_name
from include.errors import ExperimentError

NUMBERS = st.one_of(
    st.sampled_from([0, 1, -1, 0.0, 1.0, 0.5, 2.5, math.nan, math.inf, -math.inf, 1e-300]),
    st.floats(),
    st.none(),
)
VALUES = st.one_of(NUMBERS, st.lists(NUMBERS, max_size=3))
PARAMETERS = [(name, parameter) for name, known in STRATEGIES.items() for parameter in known]


def test_names_and_parameters_are_those_of_the_policies() -> None:
    known = {name: set(policy.params.model_fields) for name, policy in POLICIES.items()}
    assert known == {name: set(parameters) for name, parameters in STRATEGIES.items()}


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
@given(value=VALUES)
def test_a_value_is_accepted_by_both_or_by_neither(name: str, parameter: str, value: Any) -> None:
    try:
        find(name, {parameter: value})
        accepted = True
    except ExperimentError:
        accepted = False
    assert (parameter_fault(name, {parameter: value}) is None) == accepted


def test_names_come_in_any_case_and_by_what_others_call_them() -> None:
    for text in ("THOMPSON", "Thompson-Sampling", " epsilon greedy", "UCB1", "LinUCB"):
        assert strategy_name(text) in STRATEGIES
    assert strategy_name("guess") is None


def test_a_strategy_that_cannot_serve_an_experiment_says_why() -> None:
    assert fit_fault("ucb1", {}, 2, 1, "bernoulli") is None
    assert fit_fault("ucb1", {}, 2, 1, "real") is not None
    assert fit_fault("fixed", {"shares": [0.5, 0.5]}, 2, 1, "real") is None
    assert fit_fault("fixed", {"shares": [0.5, 0.6]}, 2, 1, "real") is not None
    assert fit_fault("fixed", {"shares": [1.0]}, 2, 1, "real") is not None
    assert fit_fault("position_based", {}, 2, 3, "bernoulli") is not None
    assert fit_fault("position_based", {"examination": [1.0]}, 3, 2, "bernoulli") is not None
