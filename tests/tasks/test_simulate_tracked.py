"""Simulated runs in the real MLflow: recorded once, thinned, labelled."""

import pytest

from include.tasks.simulate import EXPERIMENT, simulate_and_record
from include.tasks.simulation_request import SimulationRequest
from stack.platform import Stack

pytestmark = [pytest.mark.stack, pytest.mark.xdist_group("stack")]

REQUEST = SimulationRequest(
    rates=(0.1, 0.3), policies=("thompson", "ucb1"), batches=500, batch_size=1, replications=20
)


def test_a_simulation_is_recorded_once_and_its_curves_are_thinned(stack: Stack) -> None:
    from mlflow import MlflowClient

    first = simulate_and_record(stack.settings, REQUEST)
    again = simulate_and_record(stack.settings, REQUEST)
    assert [run.run_id for run in again] == [run.run_id for run in first]
    assert not any(run.created or run.logged for run in again)
    client = MlflowClient(stack.settings.mlflow_url)
    shown = client.get_run(first[0].run_id)
    assert shown.data.tags["allot.simulated"] == "true"
    assert shown.data.params["policy"] == "thompson"
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    assert shown.info.experiment_id == experiment.experiment_id
    points = client.get_metric_history(first[0].run_id, "simulated/regret")
    assert 100 < len(points) <= 300
    assert points[-1].value == shown.data.metrics["simulated/final_regret"]
    artifacts = {file.path for file in client.list_artifacts(first[-1].run_id, "figures")}
    assert "figures/simulated-regret.png" in artifacts
