"""SIGKILL between the files of one validation: silver is the old log or the new, never a mix."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import Settings
from include.tasks.ingest import ingest_log
from tests.support.ingested import query, run, silver
from tests.support.obd_logs import good_lines, write_log

pytestmark = pytest.mark.services
ROWS = 3000
# Three days in blocks of 100 kB and files of about 500 rows; killed at the n-th file.
KILLED = """
import os, signal
from include.settings import settings
from include.stores.lake import replacement, silver
from include.tasks import validation_run
from include.tasks.validate import validate_log

silver.FILE_ROWS = 500
read, write, files = validation_run.read_blocks, replacement.Replacement.write, []

def write_or_die(self, values, rows):
    write(self, values, rows)
    files.append(values)
    if len(files) == {files}:
        os.kill(os.getpid(), signal.SIGKILL)

replacement.Replacement.write = write_or_die
validation_run.read_blocks = lambda *given: read(*given, block_bytes=100_000)
validate_log(settings(), 'men', 'random', {key!r})
"""


@pytest.mark.parametrize("files", [1, 4])
def test_a_kill_between_files_leaves_the_old_log_and_a_repeat_the_new(
    isolated: Settings, tmp_path: Path, files: int
) -> None:
    write_log(tmp_path, good_lines(ROWS))
    undisturbed = run(isolated, tmp_path)
    write_log(tmp_path, good_lines(50))
    old = run(isolated, tmp_path)
    write_log(tmp_path, good_lines(ROWS))
    key = ingest_log(isolated, "men", "random", str(tmp_path)).log_key
    code = KILLED.format(files=files, key=key)
    killed = subprocess.run([sys.executable, "-c", code], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert silver(isolated).height == old.rows_silver == 50
    again = run(isolated, tmp_path)
    assert (again.content_hash, again.rows_silver) == (undisturbed.content_hash, ROWS)
    assert silver(isolated)["row_id"].n_unique() == silver(isolated).height == ROWS
    assert query(isolated, "select rows_in from allot.validation order by 1") == [(50,), (ROWS,)]
