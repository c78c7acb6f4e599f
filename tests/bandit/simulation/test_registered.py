"""A registered policy can be simulated at once, and its vectorised twin is the same policy."""

import numpy as np
import pytest

from include.bandit.policies import POLICIES as REGISTERED
from include.bandit.simulation.allocation import POLICIES as TWINS
from include.bandit.simulation.allocation import Shares
from include.bandit.simulation.batched import Horizon, run
from include.bandit.simulation.environment import Environment
from include.bandit.simulation.registered import registered_weights

# What a registered policy mixes in, so that nothing is published at 0; twins leave it to the floor.
MIX = {"ucb1": 0.1, "kl_ucb": 0.1}
NAMES = {"top_two": "top_two_thompson"}


@pytest.mark.parametrize("twin", sorted(TWINS))
def test_a_twin_gives_the_shares_of_the_registered_policy(twin: str) -> None:
    rng = np.random.default_rng(3)
    n = rng.integers(50, 3_000, size=(40, 4)).astype(float)
    successes = rng.binomial(
        n.astype(int), rng.uniform(0.02, 0.4, size=(40, 1)) + 0.02 * rng.random((40, 4))
    ).astype(float)
    mix = MIX.get(twin, 0.0)
    expected = mix / 4 + (1 - mix) * TWINS[twin](n, successes)
    found = registered_weights(NAMES.get(twin, twin), n, successes)
    assert found == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("arms", [2, 3, 4, 10])
@pytest.mark.parametrize("lead", [0.06, 0.12, 0.3])
def test_top_two_shares_out_what_a_nearly_sure_leader_leaves(arms: int, lead: float) -> None:
    """From a leader with four fifths to one with all but nothing: where the twin used to guess."""
    rng = np.random.default_rng(5)
    n = rng.integers(50, 3_000, size=(60, arms)).astype(float)
    rates = rng.uniform(0.02, 0.4, size=(60, 1)) + 0.02 * rng.random((60, arms))
    rates[:, 0] += lead
    successes = rng.binomial(n.astype(int), rates).astype(float)
    best = TWINS["thompson"](n, successes).max(axis=-1)
    assert lead < 0.3 or (best > 1 - 1e-7).any()
    # At the threshold of the registered rule a grid may stand on its other side.
    rows = (best > 0.8) & (np.abs(np.log10(np.maximum(1 - best, 1e-15)) + 6) > 0.05)
    assert rows.sum() > 15
    found = registered_weights("top_two_thompson", n[rows], successes[rows])
    assert TWINS["top_two"](n[rows], successes[rows]) == pytest.approx(found, abs=0.015)


def test_every_policy_that_decides_slot_by_slot_can_be_simulated() -> None:
    environment = Environment.stationary(np.array([0.1, 0.3]))
    rng = np.random.default_rng(0)
    slots = [name for name, policy in REGISTERED.items() if policy.scope == "slot"]
    assert len(slots) >= 7
    for name in slots:
        history = run(environment, Shares(name, 0.05), Horizon(3, 100, 2), rng)
        assert np.allclose(history.shares.sum(axis=-1), 1.0), name
        assert (history.shares >= 0.05 - 1e-12).all(), name


def test_policies_that_need_more_than_a_slot_say_so() -> None:
    with pytest.raises(ValueError, match="decides by context"):
        Shares("lin_ucb", 0.1)
    with pytest.raises(ValueError, match=r"there are: .*thompson"):
        Shares("magic", 0.1)
