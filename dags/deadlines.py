"""Deadlines of DAG runs: who is told when a run takes longer than it should."""

from datetime import timedelta

# `airflow.sdk` has them at run time, but not among its declared types.
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from plugins.allot_notifier import AllotNotifier


def ends_within(interval: timedelta, what_to_do: str) -> DeadlineAlert:
    """Return an alert for runs that have not ended in time after they were queued.

    Parameters
    ----------
    interval
        From queueing to the end.
    what_to_do
        For the person who reads the message.
    """
    minutes = interval.total_seconds() / 60
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=interval,
        callback=AsyncCallback(
            AllotNotifier,
            {
                "kind": "deadline",
                "title": f"a run has not ended within {minutes:g} minutes",
                "text": what_to_do,
            },
        ),
    )
