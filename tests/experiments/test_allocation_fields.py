"""What an experiment declares about limits, priors and cells is checked when it is declared."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from include.errors import InfeasibleLimitsError
from include.experiments.files import load
from include.experiments.schema import ContextCell
from tests.support.sums import declare

CELLS = {
    "young": {"when": {"age": "18-25"}, "features": [0.0]},
    "returning": {"when": {"visits": 2, "known": True}, "features": [1.0]},
}


def test_infeasible_limits_are_refused_with_the_experiment_named() -> None:
    with pytest.raises(InfeasibleLimitsError, match=r"'shop'.*probability_floor.*12,000"):
        declare(4, limits={"probability_floor": 0.3})


def test_infeasible_limits_are_refused_when_a_file_is_loaded(tmp_path: Path) -> None:
    shipped = (Path(__file__).parents[2] / "include/experiments/obd-men.toml").read_text("utf-8")
    file = tmp_path / "obd-men.toml"
    file.write_text(shipped.replace("largest_share = 0.5", "largest_share = 0.02"), "utf-8")
    with pytest.raises(InfeasibleLimitsError, match="largest_share"):
        load(file)


def test_more_arms_than_buckets_are_refused() -> None:
    with pytest.raises(ValidationError, match="at most 10000 items"):
        declare(100_000)


def test_default_shares_must_respect_the_limits() -> None:
    with pytest.raises(ValidationError, match=r"default_shares.item-1"):
        declare(2, default_shares={"item-0": 1.0}, limits={"probability_floor": 0.1})


def test_an_informative_prior_names_its_arms() -> None:
    with pytest.raises(ValidationError, match="informative"):
        declare(2, prior={"kind": "informative"})
    with pytest.raises(ValidationError, match=r"prior\.arms names unknown arms: item-7"):
        declare(2, prior={"kind": "informative", "arms": {"item-7": (1, 1)}})
    with pytest.raises(ValidationError, match="not positive for item-0"):
        declare(2, prior={"kind": "informative", "arms": {"item-0": (1, 0)}})


def test_a_context_belongs_to_the_matching_cell_with_most_conditions() -> None:
    experiment = declare(2, cells=CELLS)
    assert experiment.cell_of({"age": "18-25", "visits": 2, "known": True}) == "returning"
    assert experiment.cell_of({"age": "18-25", "visits": 3}) == "young"
    assert experiment.cell_of({"age": "60", "visits": "2", "known": True}) == "returning"
    assert experiment.cell_of({"visits": 2}) == "*"
    assert experiment.cell_of({}) == "*"


def test_cells_that_leave_a_context_undecided_are_refused() -> None:
    german, mobile = {"when": {"country": "de"}}, {"when": {"device": "phone"}}
    with pytest.raises(ValidationError, match="cells german and mobile can fit the same context"):
        declare(2, cells={"german": german, "mobile": mobile})
    both = {"when": {"country": "de", "device": "phone"}}
    experiment = declare(2, cells={"german": german, "mobile": mobile, "both": both})
    assert experiment.cell_of({"country": "de", "device": "phone"}) == "both"


def test_cells_need_a_condition_and_equally_many_features() -> None:
    with pytest.raises(ValidationError):
        ContextCell.model_validate({"when": {}})
    uneven = CELLS | {"old": {"when": {"age": "60"}, "features": [1.0, 2.0]}}
    with pytest.raises(ValidationError, match="same number of features"):
        declare(2, cells=uneven)


def test_the_revision_hash_knows_every_field() -> None:
    changes: list[dict[str, Any]] = [
        {"cells": CELLS},
        {"prior": {"deviation": 2.0}},
        {"prior": {"cohort_strength": 5}},
    ]
    hashes = {declare(2, **change).revision_hash() for change in changes}
    assert len(hashes | {declare(2).revision_hash()}) == 4
