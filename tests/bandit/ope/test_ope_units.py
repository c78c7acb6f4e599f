"""Units that come again in a log too long for memory: as if all rows were there."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.feedback import Feedback, RowPolicy
from include.bandit.ope import Estimate, Options, evaluate
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.stream import RowPass
from include.bandit.ope.streamed import StreamedLog, evaluate_streamed
from include.bandit.ope.units import Piece, UnitRows
from include.bandit.reward_model import RewardModel, cross_fit_sums
from include.bandit.statistics import FloatArray, IntArray
from include.errors import EvaluationError
from tests.bandit.ope.logs import ARMS, POSITIONS, TARGET, draw

GROUPS = np.array([0, 0, 1, 1, 2])
FOLDS = 4


def grouped(data: Feedback, fold: IntArray, pieces: int) -> UnitRows:
    """Deal the units of a log out to so many pieces."""
    assert data.cluster is not None
    dealt, cluster = data.cluster * 7 % pieces, data.cluster

    def every(position: int | None) -> Iterator[Piece]:
        for piece in range(pieces):
            asked = position is None or data.position == position
            mine = np.flatnonzero((dealt == piece) & asked)
            if len(mine):
                order = mine[np.argsort(cluster[mine], kind="stable")]
                yield fold[order], data.take(order)

    return UnitRows(every)


def streamed_log(data: Feedback, fold: IntArray, pieces: int) -> StreamedLog:
    smallest = np.full((POSITIONS, ARMS), np.inf)
    np.minimum.at(smallest, (data.position, data.arm), data.pscore)
    return StreamedLog(lambda: iter(()), data.sums(fold), smallest, grouped(data, fold, pieces))


@st.composite
def logs(draw_from: st.DrawFn) -> tuple[Feedback, IntArray]:
    """Draw a log whose units come once or often, in one fold or in several."""
    rng = np.random.default_rng(draw_from(st.integers(0, 2**32 - 1)))
    n = draw_from(st.integers(80, 400))
    behavior = rng.dirichlet(np.full(ARMS, 5.0), POSITIONS)
    data = draw(rng, n, behavior)
    if draw_from(st.booleans()):
        data = replace(data, reward=rng.normal(size=n) * (rng.random(n) < 0.5))
    units = draw_from(st.integers(2, n))
    cluster = np.unique(rng.integers(0, units, n), return_inverse=True)[1]
    fold = np.sort(rng.integers(0, FOLDS, n))
    fold[:FOLDS], fold[-FOLDS:] = 0, FOLDS - 1
    return replace(data, cluster=cluster), np.unique(fold, return_inverse=True)[1]


def _same(found: list[Estimate], expected: list[Estimate]) -> None:
    by_name = {one.estimator: one for one in found}
    assert set(by_name) == {one.estimator for one in expected}
    for one in expected:
        own = by_name[one.estimator]
        scale = 1e-12 * max(1.0, abs(one.value))
        for name in ("value", "variance", "n"):
            assert getattr(own, name) == pytest.approx(getattr(one, name), rel=1e-9, abs=scale), (
                one.estimator,
                name,
            )
        assert own.parameters == pytest.approx(one.parameters), one.estimator
        assert own.intervals[0].lower == pytest.approx(one.intervals[0].lower, rel=1e-9, abs=1e-9)
        for name in ("effective_sample_size", "mean_weight", "mean_weight_error", "largest_weight"):
            assert getattr(own.diagnostics, name) == pytest.approx(
                getattr(one.diagnostics, name), rel=1e-8, abs=1e-9
            ), (one.estimator, name)
        assert own.verdict == one.verdict, one.estimator


@given(log=logs(), pieces=st.integers(1, 12))
@settings(max_examples=60, deadline=None)
def test_however_units_are_dealt_out_the_answer_is_that_of_the_rows(
    log: tuple[Feedback, IntArray], pieces: int
) -> None:
    data, fold = log
    sums = data.sums(fold)
    fitted = cross_fit_sums(sums)
    # Which parameter is chosen may hang on the last bit where rows are few.
    options = Options(groups=GROUPS, parameters=dict.fromkeys(SHRUNK, 0.7))
    expected = evaluate(data, TARGET, None, replace(fitted, fold=fold), options)
    expected = [one for one in expected if one.estimator != "replay"]
    found = evaluate_streamed(streamed_log(data, fold, pieces), TARGET, fitted, options)
    _same(found, expected)


@pytest.mark.parametrize("pieces", [1, 5])
def test_parameters_are_chosen_by_the_spread_over_units(pieces: int) -> None:
    rng = np.random.default_rng(3)
    rare = np.tile([0.3, 0.25, 0.02, 0.23, 0.2], (POSITIONS, 1))
    once = draw(rng, 2_000, rare)
    # Every row came 1 to 40 times: with the unit's own size the bound prefers other parameters.
    often = rng.integers(1, 40, once.n)
    rows = np.repeat(np.arange(once.n), often)
    data = replace(once.take(rows), cluster=rows)
    fold = np.arange(data.n) * FOLDS // data.n
    fitted = cross_fit_sums(data.sums(fold))
    model = replace(fitted, fold=fold)
    expected = evaluate(data, TARGET, None, model, Options(groups=GROUPS))
    found = evaluate_streamed(
        streamed_log(data, fold, pieces), TARGET, fitted, Options(groups=GROUPS)
    )
    _same(found, expected)
    independent = evaluate(replace(data, cluster=None), TARGET, None, model)
    chosen = {one.estimator: dict(one.parameters) for one in found}
    others = {one.estimator: dict(one.parameters) for one in independent}
    assert any(chosen[name] != others[name] for name in SHRUNK)


def test_units_of_one_row_are_rows() -> None:
    data = draw(np.random.default_rng(0), 300)
    fold = np.arange(data.n) * FOLDS // data.n
    alone = replace(data, cluster=np.arange(data.n))
    fitted = cross_fit_sums(data.sums(fold))
    options = Options(parameters=dict.fromkeys(SHRUNK, 0.7))
    rows = evaluate(data, TARGET, None, replace(fitted, fold=fold), options)
    found = evaluate_streamed(streamed_log(alone, fold, 3), TARGET, fitted, options)
    _same(found, [one for one in rows if one.estimator != "replay"])


def test_the_variance_of_two_units_by_hand() -> None:
    """Unit 0 has w r − v of 1.5 and −0.5, unit 1 of −0.5 twice: (1² + 1²) · 2 / 1 / 4²."""
    data = Feedback.of([0, 1, 0, 1], [2, 0, 0, 0], [0.5] * 4, arms=2, cluster=[0, 0, 1, 1])
    units = UnitRows(lambda _: iter([(np.zeros(4, np.int64), data)]))
    [found] = evaluate(data.sums(), np.full((1, 2), 0.5), ["ips"], units=units)
    assert found.value == 0.5
    assert found.variance == pytest.approx(2 * 2 / 1 / 16)


def test_a_position_and_a_batch_keep_their_units() -> None:
    data = replace(draw(np.random.default_rng(1), 200), cluster=np.arange(200) // 4)
    batch = np.arange(200) // 50
    units = grouped(data, batch, 3)
    mine = data.position == 1
    own = data.take(mine)
    narrow = replace(own, position=np.zeros_like(own.position), positions=1)
    [expected] = evaluate(narrow, TARGET[1:], ["snips"])
    [found] = evaluate(
        narrow.sums(),
        TARGET[1:],
        ["snips"],
        units=units.at_position(1).folded(np.zeros(4, np.int64)),
    )
    assert found.variance == pytest.approx(expected.variance, rel=1e-9)


def test_what_has_no_units_says_so() -> None:
    data = draw(np.random.default_rng(0), 20)
    fold = np.zeros(20, np.int64)
    table: FloatArray = TARGET
    with pytest.raises(EvaluationError, match="name their unit"):
        evaluate(data.sums(), table, ["ips"], units=UnitRows(lambda _: iter([(fold, data)])))
    one = replace(data, cluster=fold)
    with pytest.raises(EvaluationError, match="two independent"):
        evaluate(data.sums(), table, ["ips"], units=UnitRows(lambda _: iter([(fold, one)])))
    with pytest.raises(EvaluationError, match="units stand behind sums"):
        evaluate(data, table, ["ips"], units=UnitRows(lambda _: iter([(fold, one)])))
    with pytest.raises(EvaluationError, match="distinct rows with counts"):
        RowPass(table, RewardModel.given(np.zeros_like(table)), ["ips"], {}).add(one, fold + 1)
    by_row = RowPolicy(np.full((20, ARMS), 1 / ARMS))
    with pytest.raises(EvaluationError, match="units stand behind sums"):
        evaluate(data, by_row, ["ips"], units=UnitRows(lambda _: iter([(fold, one)])))
