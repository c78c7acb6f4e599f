"""Plan an experiment before it starts: power, days and regret for every probability floor."""

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, get_current_context, task

from include.links import MLFLOW_RUN

POLICIES = ["thompson", "top_two", "epsilon_greedy", "ucb1", "kl_ucb", "uniform"]

_DOC = """
### Plan an experiment

Trigger it with the form: how many arms, what they earn today, which uplift would matter, how much
traffic there is. It plays the experiment some hundred times per probability floor, with the policy
and the verdict that would run, and ends the task's log with the trade: **a larger floor buys power
and days, and costs regret**. The same table, curves and a figure are an MLflow run in *plans*.

| column | what it says |
|---|---|
| `power` ± `power_error` | chance that the better arm is declared best by the last day |
| `median_days`, `expected_days` | days to that verdict; mean days if it stops there |
| `regret` | rewards given up over all days |
| `uniform_power` | what an equal split of the same traffic would reach |
| `interval_half_width` | width of an off-policy interval of "always the rarest arm" |
| `mass_without_support` | share of a uniform policy that the log could not speak about |

**When it is red**

* *the message names a parameter*: change the form, trigger again.
* *replications × max_days × pairs of arms*: ask for fewer replications or arms.
* *MLflow does not answer*: clear the task later. The same form finds its run.
"""


@dag(
    schedule=None,
    catchup=False,
    max_active_runs=2,
    default_args={
        "owner": "allot",
        "retries": 1,
        "retry_delay": timedelta(seconds=10),
        "execution_timeout": timedelta(minutes=30),
    },
    tags=["allot", "simulation"],
    doc_md=_DOC,
    params={
        "arms": Param(2, type="integer", minimum=2, maximum=100, title="Arms, control included"),
        "base_rate": Param(
            0.05,
            type="number",
            exclusiveMinimum=0,
            exclusiveMaximum=1,
            title="Base rate",
            description="What every arm but one earns per decision, as clicks per view.",
        ),
        "minimum_uplift": Param(
            0.2,
            type="number",
            exclusiveMinimum=0,
            title="Minimum uplift",
            description="Relative: 0.2 asks for 5 % against 6 %.",
        ),
        "traffic_per_day": Param(2000, type="integer", minimum=1, title="Units per day"),
        "floors": Param(
            [0.01, 0.05, 0.1, 0.2],
            type="array",
            items={"type": "number", "minimum": 0, "maximum": 1},
            title="Floors to compare",
            description="The equal split is always added; floors above it are left out.",
        ),
        "max_days": Param(28, type="integer", minimum=1, maximum=365, title="Longest duration"),
        "policy": Param("thompson", type="string", enum=POLICIES, title="Policy"),
        "control": Param(
            default=False,
            type="boolean",
            title="One arm is a control",
            description="With more than two arms two families of claims then share the error.",
        ),
        "alpha": Param(
            0.05, type="number", exclusiveMinimum=0, exclusiveMaximum=0.5, title="Error"
        ),
        "replications": Param(500, type="integer", minimum=2, maximum=5000, title="Replications"),
        "seed": Param(1, type="integer", minimum=0, title="Seed"),
    },
)
def plan_experiment() -> None:
    """Simulate the planned experiment, and record the trade."""

    @task(doc_md="Ends its log with the trade table; the button opens the run.")
    def plan() -> str:
        from include.settings import settings
        from include.tasks.plan import plan_and_record
        from include.tasks.plan_request import PlanForm

        context = get_current_context()
        params: dict[str, Any] = dict(context["params"])
        run = plan_and_record(settings(), PlanForm.of(params))
        context["ti"].xcom_push(key=MLFLOW_RUN, value=run.url)
        return run.url

    plan()


plan_experiment()
