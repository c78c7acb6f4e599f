"""Links from an Airflow task to what it made: a task writes them, the plugin shows them.

A task that pushes a URL to XCom under one of these keys has a button of that name.
"""

from collections.abc import Mapping
from typing import Final

MLFLOW_RUN: Final = "allot_link_mlflow_run"
DATA_DOCS: Final = "allot_link_data_docs"
ALLOCATION: Final = "allot_link_allocation"

LABELS: Final[Mapping[str, str]] = {
    MLFLOW_RUN: "MLflow run",
    DATA_DOCS: "Validation report",
    ALLOCATION: "Live allocation",
}
