"""How often DAGs run where a setting says so.

Airflow parses DAGs where other settings may be missing, so that only this one is read here.
"""

import os
from datetime import timedelta
from typing import Final

from include.errors import SettingsError

LOG_SECONDS: Final = "ALLOT_LOG_SCHEDULE_SECONDS"


def log_schedule() -> timedelta:
    """Return how often the decision log is brought into the lake; five minutes by default.

    Raises
    ------
    SettingsError
        If the variable is no number of at least 10 seconds.
    """
    given = os.environ.get(LOG_SECONDS, "300")
    if not given.isdecimal() or int(given) < 10:
        raise SettingsError(f"{LOG_SECONDS} is {given!r}; give whole seconds, 10 or more")
    return timedelta(seconds=int(given))
