"""The scheduler's row: Airflow itself runs the DAGs, and finishes what the fault cut off."""

import time
from typing import Final

from faults.ground import Ground
from include.errors import StackError

CHAIN: Final = ("ingest_decision_log", "update_allocation")
CLOSE_SECONDS: Final = 10.0


def finish(site: Ground, experiment: str) -> None:
    """Wait until the last batch has closed, run both DAGs once more, and see nothing left.

    Raises
    ------
    StackError
        If a batch that closed is not learned from then.
    """
    from include.tasks.decision_log.run import waiting

    time.sleep(CLOSE_SECONDS)
    with site.stack.airflow() as airflow:
        for dag in CHAIN:
            airflow.wait(dag, airflow.trigger(dag))
    if waiting(site.direct, [experiment]):
        raise StackError(
            f"{experiment}: a closed batch is not learned from; look at Airflow's runs"
        )
