"""The registry: names in any case, parameters checked, laws that every policy keeps."""

from typing import Any

import numpy as np
import pytest

from include.bandit.allocation import allocate
from include.bandit.policies import POLICIES, find, method_of
from include.errors import ExperimentError
from tests.support.sums import arm_statistics, declare

CELLS = {"young": {"when": {"age": "young"}, "features": [1.0]}}
N, REWARDS = [[[500, 800, 300]] * 2], [[[20, 41, 6], [9, 12, 11]]]


def shares(name: str, **params: Any) -> list[tuple[int, ...]]:
    wanted = declare(3, positions=2, cells=CELLS, policy={"name": name, "params": params})
    found = allocate(wanted, {"young": arm_statistics(N, REWARDS)})
    return [part.buckets for part in found.allocations]


@pytest.mark.parametrize("name", ["THOMPSON", "Thompson", " thompson "])
def test_names_are_taken_in_any_case(name: str) -> None:
    assert find(name)[0] is POLICIES["thompson"]
    assert method_of(name) == "thompson/1"


def test_words_may_be_joined_as_people_write_them() -> None:
    assert find("Epsilon-Greedy")[0] is find("epsilon greedy")[0] is POLICIES["epsilon_greedy"]


@pytest.mark.parametrize(
    ("name", "params", "named"),
    [
        ("epsilon_greedy", {"epsilon": 0.0}, "epsilon"),
        ("epsilon_greedy", {"epsilon": 1.5}, "epsilon"),
        ("ucb1", {"uniform_mix": 0.0}, "uniform_mix"),
        ("kl_ucb", {"c": -1}, "c:"),
        ("thompson", {"epsilon": 0.1}, "epsilon"),
        ("top_two_thompson", {"beta": 1.0}, "beta"),
        ("linear_thompson", {"ridge": 0}, "ridge"),
        ("lin_ucb", {"alpha": "wide"}, "alpha"),
        ("position_based", {"examination": [1.2, 0.5]}, "examination"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(
    name: str, params: dict[str, Any], named: str
) -> None:
    with pytest.raises(ExperimentError, match=named):
        find(name, params)


def test_the_registry_is_not_empty_and_every_default_is_valid() -> None:
    assert len(POLICIES) >= 10
    for name in POLICIES:
        assert find(name)[1] == POLICIES[name].params()


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_equal_beliefs_give_equal_shares(name: str) -> None:
    assert shares(name) == shares(name)


@pytest.mark.parametrize("name", ["epsilon_greedy", "ucb1", "kl_ucb", "lin_ucb", "uniform"])
def test_what_would_put_arms_at_zero_is_mixed_with_uniform(name: str) -> None:
    assert all(min(buckets) >= 333 for buckets in shares(name))


def test_fixed_shares_are_checked() -> None:
    assert shares("fixed", shares=[0.2, 0.3, 0.5]) == [(2000, 3000, 5000)] * 4
    for wrong in ([0.5, 0.5], [0.5, 0.4, 0.2]):
        with pytest.raises(ExperimentError, match="summing"):
            shares("fixed", shares=wrong)


def test_every_proposal_is_a_distribution_per_slot() -> None:
    for name in POLICIES:
        wanted = declare(3, positions=2, cells=CELLS, policy={"name": name})
        for part in allocate(wanted, {"young": arm_statistics(N, REWARDS)}).allocations:
            assert np.all(np.array(part.proposed) >= 0)
            assert sum(part.proposed) == pytest.approx(1.0, abs=1e-12)
