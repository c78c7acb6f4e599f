"""Simulations from a form: checked, labelled, and shown as curves of equal names."""

import numpy as np
import pytest

from include.errors import SimulationError
from include.tasks.simulate import contents, simulate
from include.tasks.simulation_request import SimulationRequest

FORM = {
    "rates": [0.1, 0.3],
    "policies": ["thompson", "uniform"],
    "batches": 6,
    "batch_size": 200,
    "replications": 30,
}


def test_policies_are_compared_on_the_same_arms() -> None:
    found = simulate(SimulationRequest.of(FORM))
    assert found["thompson"].mean[-1] < found["uniform"].mean[-1]
    assert found["uniform"].mean[-1] == pytest.approx(6 * 100 * 0.2, rel=0.05)


def test_adding_a_policy_changes_no_other() -> None:
    one = simulate(SimulationRequest.of(FORM))
    more = simulate(SimulationRequest.of(FORM | {"policies": ["kl_ucb", "uniform", "thompson"]}))
    assert np.array_equal(one["thompson"].mean, more["thompson"].mean)


@pytest.mark.parametrize(
    "change",
    [
        {"batch_size": 1, "batches": 100},
        {"end_rates": [0.3, 0.1]},
        {"mean_delay": 1.0, "window": 3},
        {"floor": 0.2, "discount": 0.9},
    ],
)
def test_environments_of_the_form(change: dict[str, object]) -> None:
    request = SimulationRequest.of(FORM | change)
    for band in simulate(request).values():
        assert band.mean.shape == (request.batches,)
        assert (band.low <= band.high).all()
        assert np.isfinite(band.mean).all()


def test_runs_are_labelled_simulated_and_share_their_metric_names() -> None:
    request = SimulationRequest.of(FORM)
    found = contents(request, simulate(request))
    assert list(found) == ["thompson", "uniform", "comparison"]
    names = [[curve.name for curve in found[name].curves] for name in ("thompson", "uniform")]
    assert names[0] == names[1]
    assert all(
        name.startswith("simulated/")
        for run in found.values()
        for name in [*run.metrics, *(curve.name for curve in run.curves)]
    )
    assert set(found["comparison"].figures) == {"simulated-regret"}
    assert found["thompson"].params["rates"] == "0.1, 0.3"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rates": [0.1]}, "rates"),
        ({"rates": [0.1, float("nan")]}, "rates"),
        ({"end_rates": [0.1]}, "end_rates"),
        ({"policies": []}, "policies"),
        ({"policies": ["uniform", "uniform"]}, "policies"),
        ({"batches": 0}, "batches"),
        ({"replications": 1}, "replications"),
        ({"replications": 10**9}, "at most"),
        ({"floor": 0.6}, "floor"),
        ({"discount": 0}, "discount"),
        ({"mean_delay": 2.0}, "window"),
        ({"batch_size": 1, "floor": 0.1}, "batch_size 1"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_simulated_is_refused_by_name(change: dict[str, object], words: str) -> None:
    with pytest.raises(SimulationError, match=words):
        SimulationRequest.of(FORM | change)


def test_an_unknown_policy_is_refused_with_those_that_are() -> None:
    with pytest.raises(SimulationError, match="thompson"):
        simulate(SimulationRequest.of(FORM | {"policies": ["magic"]}))
