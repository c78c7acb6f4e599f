"""How rates are judged and tables written; the tables in the docs are what the studies wrote."""

import csv
from pathlib import Path

import pytest
from scipy.stats import binom

from studies.__main__ import FOLDER, NAMES
from studies.table import Rate, Study


def test_a_method_at_exactly_five_per_cent_is_not_failed_by_luck() -> None:
    failed = sum(binom.pmf(k, 1500, 0.05) for k in range(1501) if not Rate(k, 1500).at_most(0.05))
    assert 0.001 < failed <= 0.01


def test_a_broken_method_is_failed() -> None:
    assert not Rate(120, 1500).at_most(0.05)
    assert not Rate(1380, 1500).at_least(0.95)


def test_lower_bound_is_clopper_pearson() -> None:
    """The chance of 90 or more hits of 1500 at the bound is 1 %."""
    assert binom.sf(89, 1500, Rate(90, 1500).lower()) == pytest.approx(0.01, rel=1e-6)
    assert Rate(0, 10).lower() == 0.0


def test_a_study_says_what_broke(tmp_path: Path) -> None:
    study = Study(
        name="toy",
        title="Toy",
        question="Asked.",
        seed=5,
        rows=[{"arm": "a", "rate": Rate(1, 4), "width": 0.123456789}],
        promises={"held": True, "not held": False},
    )
    study.write(tmp_path)
    page = (tmp_path / "toy.md").read_text("utf-8")
    assert not study.kept
    assert "| a | 25.0 % ± 42.4 | 0.1235 |" in page
    assert "**broken**: not held" in page
    assert "seed 5" in page
    with (tmp_path / "toy.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == [{"arm": "a", "rate": "0.25", "width": "0.123457"}]


@pytest.mark.parametrize("name", NAMES)
def test_every_study_has_a_table_in_the_docs_and_broke_nothing(name: str) -> None:
    page = (FOLDER / f"{name}.md").read_text("utf-8")
    assert page.count("\n|") >= 4
    assert "**broken**" not in page
    assert (FOLDER / f"{name}.csv").exists()
