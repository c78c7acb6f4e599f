"""Several weights versions in one log."""

from dataclasses import replace

import numpy as np
import pytest

from include.bandit.feedback import Feedback
from include.bandit.ope import evaluate, mixture
from include.errors import EvaluationError, FeedbackError
from tests.bandit.ope.logs import ARMS, POSITIONS, TARGET, TRUTH, draw

TIMID = np.tile([0.005, 0.005, 0.01, 0.49, 0.49], (POSITIONS, 1))
FLAT = np.full((POSITIONS, ARMS), 1 / ARMS)
SHARES = np.stack([TIMID, FLAT])


def two_versions(rng: np.random.Generator, n: int = 2_000) -> Feedback:
    parts = [draw(rng, n, TIMID), draw(rng, n, FLAT)]
    joined = [np.concatenate([getattr(p, f) for p in parts]) for f in ("arm", "reward", "pscore")]
    return Feedback.of(
        *joined,
        arms=ARMS,
        position=np.concatenate([p.position for p in parts]),
        positions=POSITIONS,
        version=np.repeat([0, 1], n),
    )


def test_the_mixture_weighs_versions_by_their_rows() -> None:
    shares = mixture.mixture_shares(np.array([[30, 0], [10, 50]]), SHARES)
    assert shares[0] == pytest.approx(0.75 * TIMID[0] + 0.25 * FLAT[0])
    assert shares[1] == pytest.approx(FLAT[1])


def test_one_denominator_tames_the_timid_version_and_stays_right() -> None:
    errors = []
    for seed in range(30):
        data = two_versions(np.random.default_rng(seed))
        (own,) = evaluate(data, TARGET, ["ips"])
        (one,) = evaluate(mixture.balanced(data, SHARES), TARGET, ["ips"])
        assert one.diagnostics.largest_weight < 0.2 * own.diagnostics.largest_weight
        assert one.variance < own.variance
        errors.append((one.value - TRUTH) / one.standard_error)
    assert abs(np.mean(errors)) < 4 / np.sqrt(30)


def test_sums_per_version_give_the_same_mixture() -> None:
    data = two_versions(np.random.default_rng(1))
    assert data.version is not None
    rows = evaluate(mixture.balanced(data, SHARES), TARGET, ["ips", "snips"])
    pooled = mixture.balanced_sums(data.sums(data.version), SHARES)
    for left, right in zip(rows, evaluate(pooled, TARGET, ["ips", "snips"]), strict=True):
        assert right.value == pytest.approx(left.value, rel=1e-12)
        assert right.variance == pytest.approx(left.variance, rel=1e-9)


def test_precision_weights_by_hand() -> None:
    (found,) = evaluate(draw(np.random.default_rng(0), 500), TARGET, ["ips"])
    pair = [replace(found, value=1.0, variance=1.0), replace(found, value=4.0, variance=2.0)]
    assert mixture.by_precision(pair) == pytest.approx((2.0, 2 / 3))
    with pytest.raises(EvaluationError, match="without variance"):
        mixture.by_precision([replace(found, variance=0.0)])
    with pytest.raises(EvaluationError, match="no estimates"):
        mixture.by_precision([])


def test_versions_that_are_missing_are_refused() -> None:
    data = two_versions(np.random.default_rng(2), 50)
    with pytest.raises(FeedbackError, match="needs the weights version"):
        mixture.balanced(replace(data, version=None), SHARES)
    with pytest.raises(FeedbackError, match="version 1 has no shares"):
        mixture.balanced(data, SHARES[:1])
    never = np.stack([np.eye(ARMS)[[0, 0]]] * 2)
    with pytest.raises(FeedbackError, match="give it no share"):
        mixture.balanced_sums(data.sums(data.version), never)
