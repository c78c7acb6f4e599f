"""Buttons on Airflow tasks, and entries of its menu, that lead to what Allot made."""

import logging
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseOperatorLink

from include.errors import SettingsError
from include.links import ALLOCATION, DATA_DOCS, LABELS, MLFLOW_RUN
from include.settings import settings

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

_log = logging.getLogger(__name__)


class _PushedLink(BaseOperatorLink):
    """A button that opens the URL that the task pushed to XCom; without one, no button.

    It is global, so that every task has it, decorated and mapped ones too, and a task
    that was retried or killed keeps what it pushed.
    """

    key: ClassVar[str]

    @property
    def name(self) -> str:
        """Words on the button."""
        return LABELS[self.key]

    @property
    def xcom_key(self) -> str:
        """Key under which the task pushes the URL."""
        return self.key

    def get_link(self, operator: "BaseOperator", *, ti_key: "TaskInstanceKey") -> str:
        """Read the URL; the API server asks, which has the database but no task to speak for."""
        from airflow.serialization.definitions.operatorlink import XComOperatorLink

        pushed = XComOperatorLink(name=self.name, xcom_key=self.key)
        # The server hands over its own, serialized operator and key.
        url = pushed.get_link(cast("Any", operator), ti_key=cast("Any", ti_key))
        return url if url.startswith(("http://", "https://")) else ""


class MlflowRunLink(_PushedLink):
    """Opens the MLflow run that the task recorded."""

    key = MLFLOW_RUN


class DataDocsLink(_PushedLink):
    """Opens the validation report of the data that the task read."""

    key = DATA_DOCS


class AllocationLink(_PushedLink):
    """Opens what the serving API answers for the task's experiment."""

    key = ALLOCATION


def _views() -> list[dict[str, str]]:
    try:
        tracking = settings().mlflow_link
    except SettingsError as error:
        _log.warning("no menu entry for MLflow: %s", error)
        return []
    return [{"name": "MLflow", "href": tracking, "destination": "nav", "category": "browse"}]


class AllotPlugin(AirflowPlugin):
    """What Airflow's interface shows of Allot."""

    name = "allot"
    global_operator_extra_links = [MlflowRunLink(), DataDocsLink(), AllocationLink()]  # noqa: RUF012
    external_views = _views()
