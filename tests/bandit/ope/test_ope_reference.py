"""Against Open Bandit Pipeline: its formulas on the six samples and on a synthetic log."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from include.bandit.feedback import Feedback
from include.bandit.ope import Options, clipped_ips, evaluate, replay
from include.bandit.ope.estimator import point, shrunk_point
from include.bandit.ope.tuning import slope
from include.bandit.ope.weighted_log import Rows, weighted
from include.bandit.reward_model import RewardModel
from tests.reference.cases import (
    PARAMETERS,
    all_cases,
    deterministic_policy,
    reward_table,
    tilted_policy,
)

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "reference" / "obp_values.json").read_text("utf-8")
)
CASES = sorted(STORED["versions"]["0.5.7"])

cases = cache(all_cases)


def our_values(data: Feedback) -> dict[str, float]:
    shape = (data.positions, data.arms)
    names = [name for name in STORED["versions"]["0.5.7"]["synthetic"] if name != "replay"]
    found = evaluate(
        data,
        tilted_policy(*shape),
        names,
        RewardModel.given(reward_table(*shape)),
        Options(parameters=PARAMETERS),
    )
    values = {estimate.estimator: estimate.value for estimate in found}
    # OBP replays on any log; Allot only on uniform ones, where it is unbiased.
    if data.uniform:
        kept = weighted(data, deterministic_policy(*shape), None)
        values["replay"] = point(replay, kept).value
    return values


def test_every_case_is_stored() -> None:
    assert sorted(cases()) == CASES
    assert len(CASES) == 7


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("version", ["0.4.1", "0.5.7"])
def test_values_equal_open_bandit_pipeline(case: str, version: str) -> None:
    ours = our_values(cases()[case])
    theirs = STORED["versions"][version][case]
    compared = [name for name in theirs if name in ours]
    assert len(compared) >= {"0.4.1": 7, "0.5.7": 10}[version]
    for name in compared:
        assert ours[name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-14), name


@pytest.mark.parametrize("case", CASES)
def test_slope_takes_the_threshold_that_open_bandit_pipeline_takes(case: str) -> None:
    data = cases()[case]
    log = weighted(data, tilted_policy(data.positions, data.arms), None)
    assert isinstance(log, Rows)
    grid = STORED["slope"]["grid"]
    points = [shrunk_point(clipped_ips, log, tau) for tau in grid]
    # It widens by a one-sided Student quantile, we by a normal one; the rule is compared.
    wide = stats.t(data.n - 1).ppf(0.95)
    widths = wide * np.sqrt([made.variance for made in points])
    # It orders by descending width, later ones first among equals.
    order = np.argsort(widths)[::-1]
    values = np.array([made.value for made in points])
    chosen = order[slope(values[order], widths[order])]
    assert grid[chosen] == STORED["slope"]["choice"][case]
