"""Where to look next: the four places in which people meet Allot."""

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table


def show_links(console: Console, environment: Mapping[str, str]) -> None:
    """Print the links to Airflow, MLflow and the API, and the psql command for the first view."""
    table = Table.grid(padding=(0, 2))
    login = f"{environment['ALLOT_AIRFLOW_USER']} / {environment['ALLOT_AIRFLOW_PASSWORD']}"
    table.add_row("Airflow", f"{environment['ALLOT_AIRFLOW_URL']}  (login {login})")
    table.add_row("MLflow", environment["ALLOT_MLFLOW_URL"])
    table.add_row("API", f"{environment['ALLOT_SERVING_URL']}/docs")
    table.add_row("SQL", 'make psql SQL="select * from allot.experiment_overview"')
    console.rule("[bold]where to look")
    # Links are copied by hand: they must not be wrapped.
    console.print(table, soft_wrap=True, highlight=False)
