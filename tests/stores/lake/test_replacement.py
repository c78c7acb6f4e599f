"""Replacing partitions: once, whole, or not at all, against real S3."""

import os
import signal
import subprocess
import sys

import pytest

from faults.lossy_proxy import lossy_proxy, once
from include.errors import ConcurrentReplacementError
from include.settings import Settings
from include.stores.lake.silver import FeedbackReplacement, scan_feedback, silver_batches
from tests.support.lake_rows import BATCH, SOURCE, feedback_rows

pytestmark = pytest.mark.services
WRITE = (
    "from include.settings import settings\n"
    "from include.stores.lake.silver import FeedbackReplacement\n"
    "from tests.support.lake_rows import BATCH, SOURCE, feedback_rows\n"
    "replacement = FeedbackReplacement(settings(), SOURCE, 'random')\n"
    "replacement.write(BATCH, feedback_rows(50, 'a' * 64))\n"
)


def prepared(settings: Settings, rows: int, sha: str = "a" * 64) -> FeedbackReplacement:
    replacement = FeedbackReplacement(settings, SOURCE, "random")
    replacement.write(BATCH, feedback_rows(rows, sha))
    return replacement


def height(settings: Settings) -> int:
    return scan_feedback(settings, SOURCE, "random").collect().height


def test_two_writers_of_the_same_rows_leave_them_once(lake: Settings) -> None:
    first, second = prepared(lake, 50), prepared(lake, 50)
    one, other = first.commit({}), second.commit({})
    assert one == other
    assert height(lake) == 50


def test_the_writer_that_was_overtaken_by_other_rows_is_told(lake: Settings) -> None:
    slow, fast = prepared(lake, 50), prepared(lake, 60, "b" * 64)
    fast.commit({})
    with pytest.raises(ConcurrentReplacementError, match="open_bandit-men"):
        slow.commit({})
    assert height(lake) == 60


def test_writers_of_other_partitions_do_not_disturb(lake: Settings) -> None:
    slow = prepared(lake, 50)
    other = FeedbackReplacement(lake, SOURCE, "bts")
    other.write(BATCH, feedback_rows(7, "c" * 64))
    other.commit({})
    slow.commit({})
    assert (height(lake), silver_batches(lake, SOURCE, "bts")[0]) == (50, [BATCH])


@pytest.mark.parametrize("version", [1, 2])
def test_a_lost_reply_to_the_commit_writes_nothing_twice(lake: Settings, version: int) -> None:
    if version == 2:
        prepared(lake, 20, "b" * 64).commit({})
    host, _, port = lake.s3_endpoint.partition(":")
    commit = f"PUT /{lake.silver_bucket}/feedback/_delta_log/{version:020d}.json".encode()
    with lossy_proxy((host, int(port)), once(commit)) as proxy:
        # A process of its own: delta-rs holds the interpreter's lock while it waits.
        endpoint = {"ALLOT_S3_ENDPOINT": f"127.0.0.1:{proxy.port}"}
        code = WRITE + "print(replacement.commit({}).lake_version)"
        writer = subprocess.run(
            [sys.executable, "-c", code],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **endpoint},
        )
        assert proxy.losses == 1
    assert (int(writer.stdout), height(lake)) == (version, 50)
    again = prepared(lake, 50).commit({})
    assert again.lake_version == version


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_kill_around_the_commit_is_mended_by_running_again(lake: Settings, moment: str) -> None:
    prepared(lake, 20, "b" * 64).commit({})
    commit = "replacement.commit({})\n" if moment == "after" else ""
    code = f"{WRITE}{commit}import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert height(lake) == (50 if moment == "after" else 20)
    undisturbed = prepared(lake, 50).commit({})
    assert (height(lake), undisturbed.lake_version) == (50, 2)


def test_a_table_is_read_as_it_was_at_a_version(lake: Settings) -> None:
    first = prepared(lake, 20, "b" * 64).commit({})
    prepared(lake, 50).commit({})
    frame = scan_feedback(lake, SOURCE, "random", version=first.lake_version)
    assert frame.collect().height == 20


def test_tables_keep_their_history_for_the_audit_horizon(lake: Settings) -> None:
    from include.stores.lake.delta import open_table
    from include.stores.lake.silver import FEEDBACK

    prepared(lake, 5).commit({})
    kept = open_table(lake, FEEDBACK).metadata().configuration
    assert kept["delta.logRetentionDuration"] == f"interval {lake.lake_horizon_days} days"
    assert kept["delta.deletedFileRetentionDuration"] == kept["delta.logRetentionDuration"]
