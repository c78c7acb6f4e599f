"""Choice of hyper-parameters."""

import numpy as np
import pytest

from include.bandit.ope import Options, clipped_ips, dros, evaluate, subgaussian_ips, switch_dr
from include.bandit.ope.catalogue import SHRUNK
from include.bandit.ope.tuning import slope
from tests.bandit.ope.logs import ARMS, POSITIONS, TARGET, TRUTH, draw

# An uneven log: arm 2, which the target likes, is rarely shown.
RARE = np.tile([0.3, 0.25, 0.02, 0.23, 0.2], (POSITIONS, 1))


def test_slope_stops_before_the_bias_shows() -> None:
    values = np.array([1.0, 1.1, 0.95, 0.2, 0.1])
    widths = np.array([1.0, 0.5, 0.2, 0.1, 0.01])
    # 0.2 lies within 0.1 + 1.45 × 1.0 of 1.0, but not within 0.1 + 1.45 × 0.2 of 0.95.
    assert slope(values, widths) == 2


def test_slope_goes_to_the_end_when_all_agree() -> None:
    assert slope(np.zeros(4), np.array([4.0, 3.0, 2.0, 1.0])) == 3


def test_slope_walks_from_the_widest_whatever_the_order_given() -> None:
    assert slope(np.array([0.1, 1.0, 0.95]), np.array([0.01, 1.0, 0.2])) == 2


@pytest.mark.parametrize("name", sorted(SHRUNK))
@pytest.mark.parametrize("rule", ["slope", "mse"])
def test_the_chosen_parameter_is_reported_and_errs_little(name: str, rule: str) -> None:
    rng = np.random.default_rng(1)
    errors = []
    for _ in range(40):
        data = draw(rng, 300, RARE)
        plain, chosen = evaluate(
            data,
            TARGET,
            ["dr" if "dr" in name else "ips", name],
            None,
            Options(rule=rule),  # type: ignore[arg-type]
        )
        assert chosen.parameters["chosen_by"] == rule
        assert SHRUNK[name].PARAMETER in chosen.parameters
        errors.append([(plain.value - TRUTH) ** 2, (chosen.value - TRUTH) ** 2])
    plain_error, chosen_error = np.mean(errors, axis=0)
    # SLOPE promises a root mean squared error within 3 + √6 of the best candidate's.
    allowed = 1.1 if rule == "mse" else (3.0 + np.sqrt(6.0)) ** 2
    assert chosen_error < allowed * plain_error


def test_a_declared_parameter_is_kept() -> None:
    data = draw(np.random.default_rng(2), 300)
    options = Options(parameters={"clipped-ips": 2.5})
    (found,) = evaluate(data, TARGET, ["clipped-ips"], None, options)
    assert found.parameters == {"tau": 2.5, "chosen_by": "declared"}


@pytest.mark.parametrize("module", list(SHRUNK.values()), ids=list(SHRUNK))
def test_the_first_candidate_changes_nothing_and_weights_only_shrink(module: object) -> None:
    weight = np.array([0.0, 0.1, 1.0, 5.0, 400.0])
    found = SHRUNK[module.NAME]  # type: ignore[attr-defined]
    grid = found.candidates(weight)
    assert found.shrink(weight, float(grid[0])) == pytest.approx(weight)
    for parameter in grid:
        smaller = found.shrink(weight, float(parameter))
        assert np.all(smaller >= 0)
        assert smaller[-1] <= weight[-1]


def test_maps_by_hand() -> None:
    weight = np.array([0.5, 2.0])
    assert clipped_ips.shrink(weight, 1.5) == pytest.approx([0.5, 1.5])
    assert switch_dr.shrink(weight, 1.5) == pytest.approx([0.5, 0.0])
    assert dros.shrink(weight, 4.0) == pytest.approx([2 / 4.25, 8 / 8])
    assert subgaussian_ips.shrink(weight, 0.5) == pytest.approx([0.5 / 0.75, 2 / 1.5])


def test_a_log_of_weights_below_one_needs_no_shrinking() -> None:
    data = draw(np.random.default_rng(3), 300)
    behavior = np.full((POSITIONS, ARMS), 1 / ARMS)
    for found in evaluate(data, behavior, list(SHRUNK)):
        assert np.isfinite(found.value)
