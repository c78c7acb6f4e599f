"""What a killed writer left is deleted; what a version refers to is not."""

import signal
import subprocess
import sys

import pytest

from include.settings import Settings
from include.stores.lake.silver import FEEDBACK, FeedbackReplacement, scan_feedback
from include.stores.lake.storage import object_client
from include.tasks.vacuum import vacuum_lake
from tests.support.lake_rows import BATCH, SOURCE, feedback_rows

pytestmark = pytest.mark.services
KILLED = """
import os, signal
from include.settings import settings
from include.stores.lake import silver
from tests.support.lake_rows import BATCH, SOURCE, feedback_rows
silver.FILE_ROWS = 10
replacement = silver.FeedbackReplacement(settings(), SOURCE, 'random')
replacement.write(BATCH, feedback_rows(50, 'c' * 64))
os.kill(os.getpid(), signal.SIGKILL)
"""


def files(settings: Settings) -> set[str]:
    entries = object_client(settings).list_objects(
        settings.silver_bucket, prefix=f"{FEEDBACK.name}/", recursive=True
    )
    return {str(entry.object_name) for entry in entries if "_delta_log" not in entry.object_name}


def replaced(settings: Settings, rows: int, sha: str) -> int:
    replacement = FeedbackReplacement(settings, SOURCE, "random")
    replacement.write(BATCH, feedback_rows(rows, sha))
    return replacement.commit({}).lake_version


def test_the_files_of_a_killed_writer_are_deleted_and_every_version_stays(lake: Settings) -> None:
    first = replaced(lake, 20, "a" * 64)
    second = replaced(lake, 30, "b" * 64)
    referred = files(lake)
    killed = subprocess.run([sys.executable, "-c", KILLED], check=False)
    assert killed.returncode == -signal.SIGKILL
    (orphan,) = files(lake) - referred
    assert vacuum_lake(lake) == {"feedback": 0}
    assert orphan in files(lake), "it may belong to a writer that is still at work"
    assert vacuum_lake(lake, orphan_hours=0) == {"feedback": 1}
    assert files(lake) == referred
    for version, rows in ((first, 20), (second, 30), (None, 30)):
        assert scan_feedback(lake, SOURCE, "random", version=version).collect().height == rows


def test_an_empty_lake_has_nothing_to_free(lake: Settings) -> None:
    assert vacuum_lake(lake) == {}


def test_with_nothing_to_free_the_table_gets_no_version(lake: Settings) -> None:
    version = replaced(lake, 20, "a" * 64)
    vacuum_lake(lake, orphan_hours=0)
    assert replaced(lake, 20, "a" * 64) == version
