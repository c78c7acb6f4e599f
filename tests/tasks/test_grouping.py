"""Rows grouped by unit on disk: whole units, whatever the parts, and the answer of the rows."""

import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from include.bandit.feedback import Feedback
from include.bandit.ope import evaluate
from include.bandit.ope.units import UnitRows
from include.tasks.evaluation import grouping
from include.tasks.evaluation.grouping import group_by_unit

ARMS = 3
TARGET = np.array([[0.2, 0.3, 0.5]])


def _feedback(rows: pl.DataFrame) -> Feedback:
    arm, reward, pscore, position = (
        rows[name].to_numpy() for name in ("arm", "reward", "pscore", "position")
    )
    return Feedback.of(arm, reward, pscore, arms=ARMS, position=position, positions=1)


def _log(seed: int, n: int, units: int, unnamed: float) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    named = [f"u{number}" for number in rng.integers(0, units, n).tolist()]
    nameless = rng.random(n) < unnamed
    return pl.DataFrame(
        {
            "row_id": [f"{row:06}" for row in range(n)],
            "unit": [None if none else unit for none, unit in zip(nameless, named, strict=True)],
            "arm": rng.integers(0, ARMS, n).astype(np.int16),
            "position": np.zeros(n, np.int8),
            "reward": (rng.random(n) < 0.4).astype(float),
            "pscore": rng.uniform(0.1, 1.0, n),
        },
        schema_overrides={"unit": pl.String},
    )


def _grouped(frame: pl.DataFrame, folder: Path, part_rows: int, batches: int = 2) -> UnitRows:
    size = -(-frame.height // batches)
    scans = [frame.slice(start, size).lazy() for start in range(0, frame.height, size)]
    with mock.patch.object(grouping, "PART_ROWS", part_rows):
        return group_by_unit(scans, frame.height, folder, _feedback, positions=1)


def _clusters(frame: pl.DataFrame) -> np.ndarray:
    who = frame.select(pl.coalesce(pl.lit("u") + pl.col("unit"), "row_id")).to_series()
    return np.unique(who.to_numpy(), return_inverse=True)[1]


@given(
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(2, 120),
    units=st.integers(2, 60),
    unnamed=st.sampled_from([0.0, 0.3, 1.0]),
    part_rows=st.integers(1, 150),
    chunk=st.integers(1, 40),
)
@settings(max_examples=40, deadline=None)
def test_however_many_parts_the_variance_is_that_of_the_rows(
    seed: int, n: int, units: int, unnamed: float, part_rows: int, chunk: int
) -> None:
    frame = _log(seed, n, units, unnamed)
    rows = _feedback(frame)
    cluster = _clusters(frame)
    if len(np.unique(cluster)) < 2:
        return
    clustered = Feedback.of(rows.arm, rows.reward, rows.pscore, arms=ARMS, cluster=cluster)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(grouping, "CHUNK", chunk):
        grouped = _grouped(frame, Path(folder) / "log", part_rows)
        names = [rows.cluster for _, rows in grouped.pieces(None)]
        assert sum(len(set(one.tolist())) for one in names if one is not None) == len(
            np.unique(cluster)
        )
        flat = grouped.folded(np.zeros(2, np.int64))
        found = evaluate(rows.sums(), TARGET, ["ips", "snips"], units=flat)
    for own, expected in zip(found, evaluate(clustered, TARGET, ["ips", "snips"]), strict=True):
        assert own.variance == pytest.approx(expected.variance, rel=1e-9, abs=1e-15)


def test_the_name_says_which_rows_are_one_units_and_not_how_they_lie(tmp_path: Path) -> None:
    frame = _log(1, 200, 50, 0.2)
    name = _grouped(frame, tmp_path / "a", 1000).name
    assert _grouped(frame, tmp_path / "b", 13).name == name
    halves = [frame[:100].sample(100, shuffle=True, seed=5), frame[100:]]
    assert _grouped(pl.concat(halves), tmp_path / "c", 60).name == name
    # Two rows that change places between units, with all sums as before.
    other = frame.with_columns(unit=pl.col("unit").reverse())
    assert _grouped(other, tmp_path / "d", 1000).name != name


def test_files_lie_as_they_like_and_give_equal_bytes(tmp_path: Path) -> None:
    frame = _log(2, 300, 40, 0.1)
    shuffled = pl.concat([frame[:150].sample(150, shuffle=True, seed=1), frame[150:]])
    variances = [
        _grouped(one, tmp_path / name, 50).variance(lambda _, rows: rows.reward - 0.4)
        for name, one in (("a", frame), ("b", shuffled))
    ]
    assert variances[0] == variances[1]


def test_a_unit_longer_than_a_piece_stays_whole(tmp_path: Path) -> None:
    frame = _log(3, 100, 2, 0.0)
    with mock.patch.object(grouping, "CHUNK", 7):
        grouped = _grouped(frame, tmp_path / "log", 1000)
        pieces = [rows.n for _, rows in grouped.pieces(None)]
    assert sorted(pieces) == sorted(frame["unit"].value_counts()["count"].to_list())


def test_only_the_grouped_rows_stay_on_disk(tmp_path: Path) -> None:
    _grouped(_log(4, 100, 20, 0.0), tmp_path / "log", 30)
    left = [path for path in (tmp_path / "log").rglob("*") if path.is_file()]
    assert len(left) == 4
    assert {path.parent.name for path in left} == {"all"}
