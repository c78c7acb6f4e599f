"""Distinct rows with their counts give what the core gives on rows."""

from dataclasses import fields
from functools import reduce
from operator import add
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from include.bandit.feedback import Feedback
from include.bandit.ope import Options, evaluate
from include.bandit.ope.stream import RowPass
from include.bandit.reward_model import RewardModel, cross_fit_sums
from include.bandit.statistics import ArmStatistics, IntArray
from include.errors import EvaluationError
from include.tasks.evaluation.reading import distinct_rows
from tests.reference.cases import open_bandit, reward_table, tilted_policy

NAMES = ("ips", "snips", "dm", "dr", "sndr", "clipped-ips", "sg-ips", "switch-dr", "dr-os", "sg-dr")
SUMS = [field.name for field in fields(ArmStatistics)]
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
        }
    )
    frame.write_parquet(path, row_group_size=1_700)
    return path


def _feedback(rows: pl.DataFrame, data: Feedback) -> Feedback:
    columns = (rows[name].to_numpy() for name in ("arm", "reward", "pscore", "position"))
    arm, reward, pscore, position = columns
    return Feedback.of(
        arm, reward, pscore, arms=data.arms, position=position, positions=data.positions
    )


def _parts(parquet: Path, data: Feedback, number: int) -> list[tuple[Feedback, IntArray]]:
    """Return the distinct rows and their counts of some contiguous parts of the log."""
    frame, size = pl.scan_parquet(parquet), -(-data.n // number)
    found = [distinct_rows(frame.slice(start, size)) for start in range(0, data.n, size)]
    return [(_feedback(rows, data), rows["n"].to_numpy()) for rows in found]


def test_distinct_rows_are_the_rows_in_one_order(data: Feedback, parquet: Path) -> None:
    [(found, count)] = _parts(parquet, data, 1)
    assert count.sum() == data.n
    assert np.array_equal(np.sort(np.repeat(found.pscore, count)), np.sort(data.pscore))
    shuffled = distinct_rows(pl.read_parquet(parquet).sample(data.n, shuffle=True, seed=1).lazy())
    assert shuffled.equals(distinct_rows(pl.scan_parquet(parquet)))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_pass_equals_the_core(data: Feedback, parquet: Path, number: int) -> None:
    policy = tilted_policy(data.positions, data.arms)
    model = RewardModel.given(reward_table(data.positions, data.arms))
    passes = []
    for rows, count in _parts(parquet, data, number):
        passes.append(RowPass(policy, model, NAMES, PARAMETERS))
        passes[-1].add(rows, count)
    found = reduce(add, passes).results()
    core = evaluate(data, policy, NAMES, model, Options(parameters=PARAMETERS))
    assert sorted(found) == sorted(NAMES)
    for estimate in core:
        value, variance = found[estimate.estimator]
        assert value == pytest.approx(estimate.value, rel=1e-9), estimate.estimator
        assert variance == pytest.approx(estimate.variance, rel=1e-9), estimate.estimator


def test_streamed_sums_equal_the_cores(data: Feedback, parquet: Path) -> None:
    [(rows, count)] = _parts(parquet, data, 1)
    flat, expected = rows.sums(count=count), data.sums()
    size = -(-data.n // 4)
    by_fold = data.sums(np.arange(data.n, dtype=np.int64) // size)
    parts = [one.sums(count=times) for one, times in _parts(parquet, data, 4)]
    for name in SUMS:
        folded = np.stack([getattr(part, name) for part in parts])
        assert getattr(flat, name) == pytest.approx(getattr(expected, name), rel=1e-12)
        assert folded == pytest.approx(getattr(by_fold, name), rel=1e-12)
    stacked = ArmStatistics(*(np.stack([getattr(part, name) for part in parts]) for name in SUMS))
    assert cross_fit_sums(stacked).mean == pytest.approx(cross_fit_sums(by_fold).mean, rel=1e-9)


def test_a_pass_that_cannot_answer_says_so() -> None:
    policy = np.full((1, 2), 0.5)
    model = RewardModel.given(np.zeros((1, 2)))
    with pytest.raises(EvaluationError, match="needs its parameter declared"):
        RowPass(policy, model, ["switch-dr"], {})
    with pytest.raises(EvaluationError, match="the fold of a chunk"):
        RowPass(policy, RewardModel(np.zeros((2, 1, 2)), np.zeros(5, np.int64)), ["ips"], {})
    with pytest.raises(EvaluationError, match="0 independent rows"):
        RowPass(policy, model, ["ips"], {}).results()
