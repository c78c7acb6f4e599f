"""Streams from parquet give what the core gives on rows."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from include.bandit.feedback import Feedback
from include.bandit.ope import Options, evaluate
from include.bandit.ope.stream import RowPass
from include.bandit.reward_model import RewardModel, cross_fit_sums
from include.errors import EvaluationError
from include.tasks.ope_stream import chunks, row_pass, sums
from tests.reference.cases import open_bandit, reward_table, tilted_policy

NAMES = ("ips", "snips", "dm", "dr", "sndr", "clipped-ips", "sg-ips", "switch-dr", "dr-os", "sg-dr")
PARAMETERS = {"clipped-ips": 3.0, "sg-ips": 0.1, "switch-dr": 3.0, "dr-os": 9.0, "sg-dr": 0.1}


@pytest.fixture(scope="module", params=["men/random", "men/bts"])
def data(request: pytest.FixtureRequest) -> Feedback:
    campaign, policy = request.param.split("/")
    return open_bandit(campaign, policy)


@pytest.fixture
def parquet(data: Feedback, tmp_path: Path) -> Path:
    path = tmp_path / "log.parquet"
    frame = pl.DataFrame(
        {
            "arm": data.arm.astype(np.int16),
            "position": data.position.astype(np.int8),
            "reward": data.reward,
            "pscore": data.pscore,
            "fold": (np.arange(data.n) * 4 // data.n).astype(np.int8),
        }
    )
    frame.write_parquet(path, row_group_size=1_700)
    return path


def test_chunks_are_the_rows_in_order(data: Feedback, parquet: Path) -> None:
    found = list(chunks(parquet, data.positions, data.arms))
    assert sum(chunk.n for chunk in found) == data.n
    assert np.array_equal(np.concatenate([chunk.pscore for chunk in found]), data.pscore)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_one_pass_equals_the_core(data: Feedback, parquet: Path, threads: int) -> None:
    policy = tilted_policy(data.positions, data.arms)
    model = RewardModel.given(reward_table(data.positions, data.arms))
    found = row_pass(parquet, RowPass(policy, model, NAMES, PARAMETERS), threads).results()
    core = evaluate(data, policy, NAMES, model, Options(parameters=PARAMETERS))
    assert sorted(found) == sorted(NAMES)
    for estimate in core:
        value, variance = found[estimate.estimator]
        assert value == pytest.approx(estimate.value, rel=1e-9), estimate.estimator
        assert variance == pytest.approx(estimate.variance, rel=1e-9), estimate.estimator


def test_streamed_sums_equal_the_cores(data: Feedback, parquet: Path) -> None:
    frame = pl.scan_parquet(parquet)
    flat, expected = sums(frame, data.positions, data.arms), data.sums()
    fold = np.arange(data.n) * 4 // data.n
    folded, by_fold = sums(frame, data.positions, data.arms, "fold"), data.sums(fold)
    for name in (
        "n",
        "sum_r",
        "sum_r2",
        "sum_ip",
        "sum_ip2",
        "sum_r_ip",
        "sum_r_ip2",
        "sum_r2_ip2",
    ):
        assert getattr(flat, name) == pytest.approx(getattr(expected, name), rel=1e-12)
        assert getattr(folded, name) == pytest.approx(getattr(by_fold, name), rel=1e-12)
    assert cross_fit_sums(folded).mean == pytest.approx(cross_fit_sums(by_fold).mean, rel=1e-9)


def test_a_pass_that_cannot_answer_says_so() -> None:
    policy = np.full((1, 2), 0.5)
    model = RewardModel.given(np.zeros((1, 2)))
    with pytest.raises(EvaluationError, match="needs its parameter declared"):
        RowPass(policy, model, ["switch-dr"], {})
    with pytest.raises(EvaluationError, match="the fold of a chunk"):
        RowPass(policy, RewardModel(np.zeros((2, 1, 2)), np.zeros(5, np.int64)), ["ips"], {})
    with pytest.raises(EvaluationError, match="0 rows"):
        RowPass(policy, model, ["ips"], {}).results()
