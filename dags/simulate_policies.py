"""Simulate policies on arms whose rates you choose, and compare their regret in MLflow."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from include.links import MLFLOW_RUN

POLICIES = ["thompson", "top_two", "epsilon_greedy", "ucb1", "kl_ucb", "uniform"]

_DOC = """
### Simulate policies

Trigger it with the form: true rates of the arms, policies, horizon, batch size, delay. It plays
every policy on the same arms many times over and records one MLflow run per policy, and
one that compares them, in the experiment **simulations**. Everything there is labelled *simulated*.

**When it is red**

* *parameters*: the message names the parameter and what it may be. Change the form, trigger again.
* *replications × batches × arms*: ask for fewer; 500 replications give a good band.
* *MLflow does not answer*: clear the task later. The same request finds its runs.
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=2,
    default_args={
        "owner": "allot",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=60),
    },
    tags=["allot", "simulation"],
    doc_md=_DOC,
    params={
        "rates": Param(
            [0.05, 0.06],
            type="array",
            items={"type": "number", "minimum": 0, "maximum": 1},
            minItems=2,
            title="True rates",
            description="Success rate of every arm.",
        ),
        "end_rates": Param(
            [],
            type=["array", "null"],
            items={"type": "number", "minimum": 0, "maximum": 1},
            title="Rates at the end",
            description="Where they drift: one per arm. Leave empty for rates that stay.",
        ),
        "policies": Param(
            ["thompson", "epsilon_greedy", "ucb1", "kl_ucb"],
            type="array",
            examples=POLICIES,
            minItems=1,
            title="Policies",
        ),
        "batches": Param(28, type="integer", minimum=1, maximum=20_000, title="Batches"),
        "batch_size": Param(
            2000,
            type="integer",
            minimum=1,
            maximum=10_000_000,
            title="Decisions per batch",
            description="1 plays one decision at a time, without floor, delay, drift or discount.",
        ),
        "floor": Param(0.05, type="number", minimum=0, maximum=0.5, title="Probability floor"),
        "mean_delay": Param(0.0, type="number", minimum=0, title="Mean delay in batches"),
        "window": Param(0, type="integer", minimum=0, title="Reward window in batches"),
        "discount": Param(
            1.0, type="number", exclusiveMinimum=0, maximum=1, title="Discount per batch"
        ),
        "replications": Param(500, type="integer", minimum=2, maximum=20_000, title="Replications"),
        "seed": Param(1, type="integer", minimum=0, title="Seed"),
    },
)
def simulate_policies() -> None:
    """Simulate, and record the regret curves."""

    @task(
        doc_md="Simulates every policy and records the runs; `Tracking run` opens the comparison."
    )
    def simulate() -> dict[str, str]:
        from include.settings import settings
        from include.tasks.simulate import simulate_and_record
        from include.tasks.simulation_request import SimulationRequest

        context = get_current_context()
        params: dict[str, Any] = dict(context["params"])
        params["end_rates"] = params.get("end_rates") or []
        runs = simulate_and_record(settings(), SimulationRequest.of(params))
        context["ti"].xcom_push(key=MLFLOW_RUN, value=runs[-1].url)
        return {run.run_id: run.url for run in runs}

    simulate()


simulate_policies()
