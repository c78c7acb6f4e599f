"""Assignment: pinned pairs, uniform over buckets, independent over experiments and slots."""

import hashlib
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from include.contract.assignment import assign, bucket_of
from include.contract.weights import BUCKETS, WeightsContent, contiguous_slot

UNITS = [f"unit-{number}" for number in range(20_000)]


def snapshot(*buckets: int) -> WeightsContent:
    return WeightsContent(
        experiment="shop",
        revision="r" * 64,
        parent="p" * 64,
        batch=None,
        statistics=None,
        method="thompson/1",
        salt="salt",
        arms=tuple(f"arm-{arm}" for arm in range(len(buckets))),
        cells={"*": (contiguous_slot(buckets),)},
    )


def drawn(salt: str = "salt", experiment: str = "shop", slot: int = 0) -> NDArray[np.int64]:
    return np.array([bucket_of(salt, experiment, unit, slot) for unit in UNITS])


# Whoever changes one of these changes what every recorded decision means.
@pytest.mark.parametrize(
    ("salt", "experiment", "unit", "slot", "bucket"),
    [
        ("salt", "exp", "u1", 0, 2004),
        ("salt", "exp", "u2", 0, 2364),
        ("pepper", "exp", "u1", 0, 9306),
        ("salt", "other", "u1", 0, 7635),
        ("salt", "exp", "u1", 1, 9221),
        ("0" * 64, "obd-men", "ünïcode-単位", 2, 5034),
        ("", "e", "", 0, 9653),
    ],
)
def test_golden_pairs(salt: str, experiment: str, unit: str, slot: int, bucket: int) -> None:
    assert bucket_of(salt, experiment, unit, slot) == bucket


def test_the_hash_by_hand() -> None:
    parts = [b"salt", b"exp", b"u1", b"0"]
    message = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    expected = int.from_bytes(hashlib.sha256(message).digest()[:8], "big") % BUCKETS
    assert bucket_of("salt", "exp", "u1") == expected


def test_neighbouring_parts_do_not_run_into_each_other() -> None:
    pairs = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abc", "", "d")]
    assert len({bucket_of(*pair) for pair in pairs}) == len(pairs)


def test_buckets_are_uniform() -> None:
    counts = np.bincount(drawn() // 100, minlength=100)
    assert stats.chisquare(counts).pvalue > 1e-4


@pytest.mark.parametrize(
    "other",
    [{"experiment": "other"}, {"slot": 1}, {"salt": "pepper"}],
    ids=["experiment", "slot", "salt"],
)
def test_draws_are_independent_of_each_other(other: dict[str, object]) -> None:
    first, second = drawn() // 1000, drawn(**other) // 1000  # type: ignore[arg-type]
    table = np.zeros((10, 10))
    np.add.at(table, (first, second), 1)
    assert stats.chi2_contingency(table).pvalue > 1e-4


def test_realised_shares_are_the_published_ones() -> None:
    content = snapshot(100, 2900, 7000)
    arms = Counter(assign(content, unit).arm for unit in UNITS)
    expected = np.array([0.01, 0.29, 0.70]) * len(UNITS)
    assert stats.chisquare([arms[arm] for arm in range(3)], expected).pvalue > 1e-4


def test_the_propensity_is_the_bucket_share() -> None:
    content = snapshot(100, 2900, 7000)
    found = {assign(content, unit).arm: assign(content, unit).propensity for unit in UNITS[:2000]}
    assert found == {0: 0.01, 1: 0.29, 2: 0.70}


def test_what_the_snapshot_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        assign(snapshot(BUCKETS), "u", cell="nowhere")
    with pytest.raises(IndexError):
        assign(snapshot(BUCKETS), "u", slot=1)
