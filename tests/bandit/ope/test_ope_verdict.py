"""Below the limits there is no finding."""

from dataclasses import replace

import numpy as np
import pytest

from include.bandit.feedback import Feedback, uniform_policy
from include.bandit.ope import EvaluationLimits, Options, evaluate
from include.bandit.ope.production import bernoulli_thompson
from include.bandit.ope.self_grading import grade, on_policy
from include.bandit.reward_model import RewardModel
from tests.bandit.ope.logs import ARMS, POSITIONS, TARGET, TRUTH, draw
from tests.reference.cases import ARMS as CAMPAIGNS
from tests.reference.cases import open_bandit

DATA = draw(np.random.default_rng(0), 5_000)


def reasons(data: Feedback, **limits: float) -> str:
    (found,) = evaluate(data, TARGET, ["ips"], None, Options(limits=EvaluationLimits(**limits)))
    assert (found.verdict == "unknown") == bool(found.reasons)
    return "; ".join(found.reasons)


def test_a_healthy_log_is_usable() -> None:
    assert reasons(DATA) == ""


@pytest.mark.parametrize(
    ("limit", "value", "said"),
    [
        ("effective_sample_size", 1e6, "effective sample size"),
        ("effective_share", 0.99, "effective share"),
        ("effective_rewards", 1e6, "effective number of rewards"),
    ],
)
def test_each_limit_is_named(limit: str, value: float, said: str) -> None:
    assert said in reasons(DATA, **{limit: value})


def test_wrong_propensities_show_in_the_mean_weight() -> None:
    assert "propensities look wrong" in reasons(replace(DATA, pscore=DATA.pscore * 0.8))


def test_a_log_without_any_reward_says_nothing() -> None:
    # Its variance is 0, which is not certainty.
    assert "number of rewards" in reasons(replace(DATA, reward=np.zeros(DATA.n)))


def test_arms_that_were_never_shown_are_missing_support() -> None:
    kept = DATA.take(np.flatnonzero((DATA.arm != 2) | (DATA.position == 1)))
    (found,) = evaluate(kept, TARGET, ["ips"])
    share = np.mean(kept.position == 0)
    assert found.diagnostics.mass_without_support == pytest.approx(0.6 * share)
    assert any("never showed" in reason for reason in found.reasons)


def test_a_biased_model_disagrees_with_the_reference() -> None:
    found = evaluate(DATA, TARGET, ["dm", "dr"], RewardModel.given(np.full((2, ARMS), 0.9)))
    assert found[0].verdict == "unknown"
    assert "reference" in found[0].reasons[0]
    assert found[1].diagnostics.disagreement is None


def test_shrinking_that_cuts_much_of_the_policy_is_unknown() -> None:
    options = Options(parameters={"sg-ips": 1.0, "clipped-ips": 1.0})
    for found in evaluate(DATA, TARGET, ["clipped-ips", "sg-ips"], None, options):
        cut = found.diagnostics.weight_cut
        # λ = 1 makes every weight 1, the mean weight too; what was cut shows nevertheless.
        assert cut is not None
        assert cut > 0.2
        assert found.verdict == "unknown"


def test_one_row_of_the_open_bandit_dataset_takes_all_the_weight() -> None:
    data = open_bandit("women", "bts")
    uniform = uniform_policy(3, data.arms)
    (with_it,) = evaluate(data, uniform, ["ips"])
    assert with_it.diagnostics.largest_weight == pytest.approx(21_739, abs=1)
    assert with_it.diagnostics.effective_share == pytest.approx(0.0002, abs=1e-4)
    assert with_it.verdict == "unknown"
    without = evaluate(data.take(np.flatnonzero(data.pscore > 2e-6)), uniform, ["ips"])[0]
    assert without.diagnostics.effective_share == pytest.approx(0.054, abs=1e-3)


def test_grades_compare_with_the_mean_of_the_own_log() -> None:
    own = on_policy(draw(np.random.default_rng(1), 5_000, TARGET))
    assert own.value == pytest.approx(TRUTH, abs=4 * np.sqrt(own.variance))
    (found,) = evaluate(DATA, TARGET, ["dr"])
    graded = grade(found, own)
    assert abs(graded.z) < 4
    assert graded.overlapping
    assert graded.relative_error == pytest.approx(abs(found.value / own.value - 1))
    far = grade(replace(found, value=found.value + 1.0), own)
    assert far.z > 10


def test_on_policy_means_are_equal_from_rows_and_sums() -> None:
    rows, sums = on_policy(DATA), on_policy(DATA.sums())
    assert sums.value == pytest.approx(rows.value, rel=1e-12)
    assert sums.variance == pytest.approx(rows.variance, rel=1e-9)


def test_thompson_at_a_flat_prior_is_uniform_and_at_a_sharp_one_ranks_the_arms() -> None:
    flat = bernoulli_thompson([1.0] * 4, [9.0] * 4, 3)
    assert flat == pytest.approx(np.full((3, 4), 0.25))
    sharp = bernoulli_thompson([1e5, 3e5, 2e5], [1e6, 1e6, 1e6], 3)
    assert sharp == pytest.approx(np.eye(3)[[1, 2, 0]], abs=1e-9)


@pytest.mark.parametrize("campaign", sorted(CAMPAIGNS))
def test_uniform_propensities_of_the_random_logs_are_exact(campaign: str) -> None:
    data = open_bandit(campaign, "random")
    assert data.uniform
    assert not open_bandit(campaign, "bts").uniform
    assert evaluate(data, uniform_policy(POSITIONS + 1, data.arms), ["ips"])[0].value == (
        pytest.approx(data.reward.mean(), rel=1e-12)
    )
