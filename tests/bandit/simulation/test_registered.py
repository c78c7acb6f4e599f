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
    # The twin of P(best) is a grid that is good to about 0.003. Divided by what the leader leaves,
    # as top-two does, that is a promise only while it leaves enough.
    open_rows = TWINS["thompson"](n, successes).max(axis=-1) < 0.8
    rows = open_rows if twin == "top_two" else np.ones(len(n), np.bool_)
    assert rows.sum() >= 5
    assert found[rows] == pytest.approx(expected[rows], abs=0.015)


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
