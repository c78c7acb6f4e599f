"""The API stays small: what it imports, in a process of its own."""

import subprocess
import sys

HEAVY = {
    "airflow", "dags", "deltalake", "great_expectations", "matplotlib", "minio", "mlflow",
    "numpy", "obp", "pandas", "plugins", "polars", "pyarrow", "scipy", "stack",
}  # fmt: skip


def test_the_api_imports_nothing_of_the_pipeline() -> None:
    program = "import sys, serving.app, serving.__main__; print(*sorted(sys.modules))"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    modules = set(result.stdout.split())
    assert {"serving.app", "fastapi", "redis.asyncio"} <= modules
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    assert {name for name in modules if name.startswith("include.")} <= {
        "include.contract", "include.contract.assignment", "include.contract.canonical",
        "include.contract.names", "include.contract.published", "include.contract.records",
        "include.contract.weights", "include.errors",
        # Decisions are explained by the audit's own recomputation.
        "include.contract.recompute", "include.contract.rules",
        # Experiments are declared through the API, too.
        "include.contract.lifecycle", "include.contract.participation",
        "include.contract.strategies",
        "include.contract.limits", "include.contract.rounding", "include.experiments",
        "include.experiments.revision", "include.experiments.schema",
        "include.experiments.guardrails", "include.experiments.metric",
        "include.experiments.verdict", "include.experiments.exposure",
        "include.experiments.promotion",
        # A release names the newest batch that is closed.
        "include.contract.batches",
        # Who takes part is asked with every decision.
        "include.contract.layers",
    }  # fmt: skip
