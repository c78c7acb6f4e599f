"""What cannot be evaluated is refused with a message that names it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from include.bandit.feedback import Feedback, RowPolicy, fixed_policy, uniform_policy
from include.bandit.ope import Options, evaluate
from include.bandit.reward_model import RewardModel, cross_fit, cross_fit_sums
from include.bandit.statistics import ArmStatistics
from include.errors import EvaluationError, FeedbackError
from tests.bandit.ope.logs import ARMS, POSITIONS, TARGET, draw

GOOD: dict[str, Any] = {"arm": [0, 1, 1], "reward": [0.0, 1.0, 0.0], "pscore": [0.5, 0.5, 0.5]}
DATA = draw(np.random.default_rng(0), 200)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reward": [0.0, np.nan, 0.0]}, "reward of row 1 is nan"),
        ({"reward": [0.0, np.inf, 0.0]}, "reward of row 1 is inf"),
        ({"pscore": [0.5, 0.0, 0.5]}, r"pscore of row 1 is 0\.0, not in \(0, 1\]"),
        ({"pscore": [0.5, -0.1, -0.1]}, r"pscore of row 1 .* \(2 such rows\)"),
        ({"pscore": [np.nan, 0.5, 0.5]}, "pscore of row 0 is nan"),
        ({"pscore": [0.5, 0.5, 1.5]}, "pscore of row 2"),
        ({"arm": [0, 2, 1]}, "arm of row 1 is 2, not one of 0 … 1"),
        ({"arm": [0, -1, 1]}, "arm of row 1 is -1"),
        ({"arm": [0.0, 0.5, 1.0]}, "arm must be integers"),
        ({"position": [0, 0, 3]}, "position of row 2 is 3"),
        ({"reward": [0.0, 1.0]}, "reward has shape"),
        ({"cluster": ["a", "b"]}, "cluster has shape"),
        ({"arm": [], "reward": [], "pscore": []}, "no rows"),
        ({"arms": 1}, "1 arms"),
    ],
)
def test_a_log_with_impossible_rows_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(FeedbackError, match=message):
        Feedback.of(**{"arms": 2, **GOOD, **change})


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (np.full((POSITIONS, ARMS), 0.3), "row 0 of the policy is no distribution"),
        (np.full((POSITIONS, ARMS), np.nan), "row 0 of the policy is no distribution"),
        (np.full((ARMS, POSITIONS), 0.5), "the policy has shape"),
        (np.eye(ARMS)[:POSITIONS] * 2 - np.eye(ARMS)[1], "smallest entry -1"),
        (RowPolicy(np.full((3, ARMS), 1 / ARMS)), "the policy has shape"),
    ],
)
def test_a_policy_that_is_none_is_refused(policy: Any, message: str) -> None:
    with pytest.raises(FeedbackError, match=message):
        evaluate(DATA, policy)


def test_a_policy_without_any_logged_arm_has_no_value() -> None:
    data = DATA.take(np.flatnonzero(DATA.arm != 2))
    with pytest.raises(EvaluationError, match="no mass to any logged row"):
        evaluate(data, fixed_policy(POSITIONS, ARMS, 2))


def test_one_row_or_one_cluster_has_no_variance() -> None:
    with pytest.raises(EvaluationError, match="two independent rows"):
        evaluate(DATA.take(np.array([0])), TARGET, ["ips"])
    with pytest.raises(EvaluationError, match="two independent rows or clusters"):
        evaluate(replace(DATA, cluster=np.zeros(DATA.n, np.int64)), TARGET, ["ips"])


def test_estimators_that_the_data_do_not_allow_are_named() -> None:
    sums = DATA.sums()
    with pytest.raises(EvaluationError, match="dr is not possible here"):
        evaluate(sums, TARGET, ["ips", "dr"])
    with pytest.raises(EvaluationError, match="clipped-ips is not possible here"):
        evaluate(sums, TARGET, ["clipped-ips"])
    with pytest.raises(EvaluationError, match="no estimator is called 'dre'"):
        evaluate(DATA, TARGET, ["dre"])
    with pytest.raises(EvaluationError, match="mips is not possible"):
        evaluate(DATA, TARGET, ["mips"])
    uneven = replace(DATA, pscore=np.linspace(0.1, 0.9, DATA.n))
    with pytest.raises(EvaluationError, match="replay is not possible"):
        evaluate(uneven, TARGET, ["replay"])


def test_sums_allow_what_follows_from_sums() -> None:
    names = [e.estimator for e in evaluate(DATA.sums(), TARGET)]
    assert names == ["ips", "snips"]
    batches = DATA.sums(np.arange(DATA.n) // 50)
    assert [e.estimator for e in evaluate(batches, TARGET)] == ["ips", "snips", "dm", "dr", "sndr"]


def test_sums_refuse_what_needs_rows() -> None:
    with pytest.raises(FeedbackError, match="a policy per row needs the rows"):
        evaluate(DATA.sums(), RowPolicy(np.full((200, ARMS), 1 / ARMS)))
    with pytest.raises(FeedbackError, match="no rows"):
        evaluate(ArmStatistics.zeros((POSITIONS, ARMS)), TARGET)
    with pytest.raises(FeedbackError, match="models for sums"):
        evaluate(DATA.sums(), TARGET, ["dr"], RewardModel(np.zeros((3, POSITIONS, ARMS))))
    options = Options(intervals=("normal", "bootstrap"), rng=np.random.default_rng(0))
    with pytest.raises(EvaluationError, match="bootstrap needs the rows"):
        evaluate(DATA.sums(), TARGET, ["ips"], None, options)


def test_models_that_do_not_fit_are_refused() -> None:
    with pytest.raises(FeedbackError, match="the reward model has shape"):
        evaluate(DATA, TARGET, ["dr"], RewardModel.given(np.zeros((ARMS, POSITIONS))))
    with pytest.raises(EvaluationError, match="finite means"):
        RewardModel.given(np.full((POSITIONS, ARMS), np.nan))
    with pytest.raises(EvaluationError, match="folds by unit need"):
        cross_fit(DATA, by="unit")
    with pytest.raises(EvaluationError, match="cross-fitting needs"):
        cross_fit_sums(DATA.sums())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 1.0}, "level 1.0"),
        ({"intervals": ("normal", "bootstrap")}, "random generator"),
        ({"intervals": ("empirical-bernstein",)}, "lowest propensity"),
    ],
)
def test_options_that_lack_something_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Options(**options)


def test_extreme_but_legal_numbers_give_finite_answers_or_an_error() -> None:
    tiny = replace(DATA, pscore=np.full(DATA.n, 1e-300))
    with pytest.raises(EvaluationError, match="no finite answer"), np.errstate(over="ignore"):
        evaluate(tiny, uniform_policy(POSITIONS, ARMS), ["ips"])
    small = replace(DATA, pscore=np.full(DATA.n, 1e-6))
    for estimate in evaluate(small, TARGET):
        assert np.isfinite([estimate.value, estimate.variance]).all()
        assert estimate.verdict == "unknown"
