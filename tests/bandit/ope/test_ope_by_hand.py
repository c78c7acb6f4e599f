"""A log of four rows, worked out on paper."""

import numpy as np
import pytest

from include.bandit.feedback import Feedback
from include.bandit.ope import Estimate, Options, evaluate, mips
from include.bandit.reward_model import RewardModel

# Weights π/p: arm 0 has 0.8 / 0.5 = 1.6, arm 1 has 0.2 / 0.5 = 0.4.
LOG = Feedback.of([0, 0, 1, 1], [1.0, 0.0, 1.0, 1.0], [0.5] * 4, arms=2)
POLICY = np.array([[0.8, 0.2]])
MODEL = RewardModel.given(np.array([[0.5, 1.0]]))


def by_name(**parameters: float) -> dict[str, Estimate]:
    options = Options(parameters={name.replace("_", "-"): v for name, v in parameters.items()})
    return {e.estimator: e for e in evaluate(LOG, POLICY, None, MODEL, options)}


def test_values() -> None:
    found = by_name(clipped_ips=1.0, switch_dr=1.0, dr_os=1.6, sg_ips=0.5, sg_dr=0.5)
    baseline = 0.8 * 0.5 + 0.2 * 1.0
    expected = {
        "ips": (1.6 + 0.4 + 0.4) / 4,
        "snips": 2.4 / 4.0,
        "replay": 2.4 / 4.0,
        "dm": baseline,
        # Residuals 0.5, −0.5, 0, 0 at weight 1.6 cancel.
        "dr": baseline,
        "sndr": baseline,
        "clipped-ips": (1.0 + 0.4 + 0.4) / 4,
        "switch-dr": baseline,
        "dr-os": baseline,
        "sg-ips": (1.6 / 1.3 + 2 * 0.4 / 0.7) / 4,
        "sg-dr": baseline,
    }
    assert {name: e.value for name, e in found.items()} == pytest.approx(expected)


def test_variance_of_ips() -> None:
    scores = np.array([1.6, 0.0, 0.4, 0.4])
    assert by_name()["ips"].variance == pytest.approx(np.var(scores, ddof=1) / 4)


def test_diagnostics() -> None:
    found = by_name()["ips"].diagnostics
    assert found.n == 4
    assert found.effective_sample_size == pytest.approx(4.0**2 / (2 * 1.6**2 + 2 * 0.4**2))
    assert found.effective_rewards == pytest.approx(2.4**2 / (1.6**2 + 2 * 0.4**2))
    assert found.largest_weight == pytest.approx(1.6)
    assert found.mean_weight == pytest.approx(1.0)
    assert found.mass_without_support == 0.0


def test_marginalised_over_one_group_is_the_plain_mean() -> None:
    # Both arms look alike: every row gets the mean weight, 1.
    assert mips.estimate(LOG, POLICY, np.array([0, 0])).value == pytest.approx(0.75)


def test_marginalised_over_each_arm_alone_is_ips_where_propensities_are_constant() -> None:
    assert mips.estimate(LOG, POLICY, np.array([0, 1])).value == pytest.approx(0.6)
