"""Airflow's notifier of Allot: for missed deadlines, failures and questions that wait."""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk.bases.notifier import BaseNotifier

if TYPE_CHECKING:
    from airflow.sdk.definitions.context import Context

    from include.notify import Kind


class AllotNotifier(BaseNotifier):
    """Tells of an event by the log and the webhook, as `include.notify` does.

    Parameters
    ----------
    kind
        What happened: a kind of `include.notify.Event`.
    title, text
        In one line, and what to do; rendered by Airflow's templates.
    experiment
        Slug, where it is about one; rendered likewise.
    context
        Given by Airflow; a missed deadline names its run in it.
    """

    template_fields = ("title", "text", "experiment")

    def __init__(
        self,
        kind: "Kind",
        title: str,
        text: str = "",
        experiment: str = "",
        context: "Context | None" = None,
    ) -> None:
        super().__init__(context=context)
        self.kind = kind
        self.title = title
        self.text = text
        self.experiment = experiment

    def notify(self, context: "Context") -> None:
        """Tell of the event."""
        from include.notify import Event, notify
        from include.settings import settings

        facts = _run(context)
        # A failed webhook is in the log already; it must not fail what was reported.
        notify(
            settings(),
            Event(self.kind, self.title, self.text, self.experiment or None, facts=facts),
        )

    async def async_notify(self, context: "Context") -> None:
        """Tell of the event from the triggerer, where missed deadlines are reported."""
        await asyncio.to_thread(self.notify, context)


def _run(context: Mapping[str, Any]) -> dict[str, object]:
    """Name the DAG run: an object while a task runs, a mapping in the triggerer."""
    run = context.get("dag_run")
    if run is None:
        return {}
    names = ("dag_id", "dag_run_id", "run_id")
    given = run if isinstance(run, Mapping) else {name: getattr(run, name, None) for name in names}
    found = {"DAG": given.get("dag_id"), "run": given.get("dag_run_id") or given.get("run_id")}
    return {name: value for name, value in found.items() if value}
