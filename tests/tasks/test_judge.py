"""Verdicts from stored rows: laid out by version, judged per position, unknown where need be."""

import json
from dataclasses import replace

import numpy as np
import pytest

from include.settings import Settings
from include.stores.reports.statistics import StatisticsRow
from include.tasks.judge import judge_experiment, judgement, published_shares, strata
from tests.support.declared import experiment, observe, registered, sums

OBD = experiment()
LOG = experiment(source={"kind": "decision_log"}, control="item-0")


def even(version: str, cohort: str, position: int) -> list[float]:
    return [1 / 3] * 3


def versioned(clicks: list[int], version: str) -> list[StatisticsRow]:
    return [replace(row, version=version) for row in sums(clicks, views=1000)]


def log(*versions: str) -> list[tuple[str, list[StatisticsRow]]]:
    return [
        (f"2026-01-{day:02}", versioned([50, 60, 120], version))
        for day, version in enumerate(versions, 1)
    ]


def test_rows_are_laid_out_by_batch_and_version_in_order() -> None:
    rows = [("2026-01-01", versioned([1, 2, 3], "v10") + versioned([4, 5, 6], "v9"))]
    found = strata(LOG, rows, even, 0)
    assert found is not None
    assert found.versions == (("2026-01-01", "v9"), ("2026-01-01", "v10"))
    assert found.statistics.sum_r.tolist() == [[4, 5, 6], [1, 2, 3]]
    assert strata(LOG, rows, even, 1) is None


def test_a_clear_winner_of_a_rerandomised_log_ships() -> None:
    found = strata(LOG, log("v0", "v1", "v2", "v3", "v4"), even, 0)
    assert found is not None
    said = judgement(LOG, found, alpha=0.05)
    assert said["winner"] == "item-2"
    assert [effect["ships"] for effect in said["effects"]] == [False, True]  # type: ignore[union-attr, index, call-overload]
    assert json.loads(json.dumps(said, allow_nan=False)) == said


@pytest.mark.parametrize(
    ("declared", "versions"),
    [
        (LOG, ("v0", "v1", "v1", "v2", "v3")),
        (
            experiment(source={"kind": "decision_log"}, control="item-0", assignment="nested"),
            ("v0", "v1", "v2", "v3", "v4"),
        ),
    ],
    ids=["held version", "nested"],
)
def test_sums_hold_units_that_were_drawn_so_that_they_may_be_judged(
    declared: object, versions: tuple[str, ...]
) -> None:
    """A unit is in the sums of the batch of its first decision alone: each row is a fresh draw."""
    found = strata(declared, log(*versions), even, 0)  # type: ignore[arg-type]
    assert found is not None
    said = judgement(declared, found, alpha=0.05)  # type: ignore[arg-type]
    assert said["winner"] == "item-2"
    assert said["sample_ratio"]["mismatch"] is False  # type: ignore[index, call-overload]


def test_a_foreign_log_is_uniform_and_has_no_effects_without_a_control() -> None:
    shares = published_shares(OBD, [])
    assert shares("random", "*", 0) == [1 / 3] * 3
    found = strata(OBD, [("2019-11-24", sums([5, 5, 5]))], shares, 0)
    assert found is not None
    said = judgement(OBD, found, alpha=0.05)
    assert said["effects"] == []
    assert said["winner"] is None
    assert said["known"] == dict.fromkeys(OBD.arms, False)


def test_lost_units_are_named() -> None:
    rows = [
        (f"2026-01-{day:02}", [replace(r, version=f"v{day}") for r in sums([5, 5, 5], 1000)])
        for day in range(1, 8)
    ]
    lost = [(batch, [replace(r, n=700) if r.arm == 1 else r for r in some]) for batch, some in rows]
    found = strata(LOG, lost, even, 0)
    assert found is not None
    assert not np.allclose(found.statistics.n, 1000)
    said = judgement(LOG, found, alpha=0.05)
    assert said["sample_ratio"]["mismatch"] is True  # type: ignore[index, call-overload]
    assert said["sample_ratio"]["arm"] == "item-1"  # type: ignore[index, call-overload]


@pytest.mark.services
def test_stored_rows_are_judged_alike_twice(database: Settings) -> None:
    registered(database, experiment(control="item-0"))
    for batch in ("2019-11-24", "2019-11-25", "2019-11-26"):
        observe(database, batch, [10, 12, 60])
    once = judge_experiment(database, "shop")
    assert once == judge_experiment(database, "shop")
    assert once["batch"] == "2019-11-26"
    positions = once["positions"]
    assert isinstance(positions, list)
    (said,) = positions
    assert said["winner"] == "item-2"  # type: ignore[index, call-overload]


@pytest.mark.services
def test_an_experiment_without_batches_has_nothing_to_say(database: Settings) -> None:
    registered(database, experiment())
    assert judge_experiment(database, "shop")["positions"] == [None]
