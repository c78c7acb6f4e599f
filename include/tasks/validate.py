"""Bronze → silver and quarantine: one atomic replacement per log, or a clear refusal."""

from collections.abc import Callable
from datetime import UTC, datetime

from include.bandit.open_bandit import Log
from include.errors import LakeError
from include.settings import Settings
from include.stores.lake.bronze import open_object, read_manifest
from include.tasks.quality import requirements_of
from include.tasks.validation_run import ValidatedLog, ValidationRun


def validate_log(
    settings: Settings,
    campaign: str,
    behavior_policy: str,
    log_key: str,
    *,
    on_report: Callable[[str], None] | None = None,
) -> ValidatedLog:
    """Validate a log in bronze and make its good rows silver.

    Safe to repeat and to run twice at once: silver ends with the same rows, once.

    Parameters
    ----------
    settings
        Where the lake is.
    campaign, behavior_policy
        Which log.
    log_key
        Its object in bronze, as `ingest_log` returns it.
    on_report
        Told the link of the report, also where the log is then refused.

    Raises
    ------
    SourceError
        If columns are missing or there are no rows; silver is untouched.
    RefusedShareError
        If more rows are refused than an experiment on this campaign declares as bearable;
        silver is untouched, quarantine and the report show the rows.
    ConcurrentReplacementError
        If another file of the same log was made silver meanwhile.
    """
    log = Log(campaign, behavior_policy)
    found = read_manifest(settings, log_key)
    if found is None:
        raise LakeError(f"bronze has no object {log_key}; run the ingest task again")
    required = requirements_of(settings, log)
    run = ValidationRun(settings, log, found, required, datetime.now(UTC), on_report)
    with open_object(settings, log_key) as stream:
        run.check_bronze(stream)
    return run.make_silver()
