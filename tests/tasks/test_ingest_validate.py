"""From files to silver, against real S3 and PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from include.settings import Settings
from include.stores.lake.bronze import open_object
from include.stores.lake.log_reader import read_blocks
from include.stores.lake.silver import partition_hash, set_hash, silver_batches
from include.stores.lake.storage import object_client
from include.tasks.ingest import ingest_log
from include.tasks.item_features import load_item_features
from tests.support.ingested import ROWS, SOURCE, query, run, silver
from tests.support.obd_logs import (
    MEN_BTS,
    good_lines,
    with_field,
    write_log,
)

pytestmark = pytest.mark.services


def test_bronze_keeps_the_bytes_and_the_same_bytes_once(isolated: Settings, tmp_path: Path) -> None:
    path = write_log(tmp_path, good_lines(ROWS))
    first = ingest_log(isolated, "men", "random", str(tmp_path))
    os.utime(path, (0, 0))
    again = ingest_log(isolated, "men", "random", str(tmp_path))
    assert (first.log_key, first.stored, again.stored) == (again.log_key, True, False)
    with open_object(isolated, first.log_key) as stream:
        assert stream.read() == path.read_bytes()
    keys = [
        entry.object_name
        for entry in object_client(isolated).list_objects(
            isolated.bronze_bucket, prefix="open_bandit/", recursive=True
        )
    ]
    assert keys == [first.log_key, f"{first.log_key}.manifest.json"]
    assert query(isolated, "select count(*) from allot.bronze_object") == [(2,)]


def test_validating_again_makes_no_new_version(isolated: Settings, tmp_path: Path) -> None:
    write_log(tmp_path, good_lines(ROWS))
    first, again = run(isolated, tmp_path), run(isolated, tmp_path)
    assert first.lake_version == again.lake_version
    assert first.content_hash == again.content_hash
    assert query(isolated, "select count(*) from allot.validation") == [(1,)]


def test_another_file_replaces_the_whole_log(isolated: Settings, tmp_path: Path) -> None:
    write_log(tmp_path, good_lines(3000))
    assert run(isolated, tmp_path).batches == ["2019-11-24", "2019-11-25", "2019-11-26"]
    write_log(tmp_path, good_lines(ROWS))
    run(isolated, tmp_path)
    assert silver_batches(isolated, SOURCE, "random")[0] == ["2019-11-24"]
    assert silver(isolated).height == ROWS


def test_silver_rows_are_what_the_lines_say(isolated: Settings, tmp_path: Path) -> None:
    write_log(tmp_path, good_lines(ROWS))
    run(isolated, tmp_path)
    row = silver(isolated).row(10, named=True)
    assert str(row["decided_at"]) == "2019-11-24 00:10:00.000001+00:00"
    values = [row[name] for name in ("arm", "position", "reward", "pscore", "user_feature_3")]
    assert values == [10, 1, 1.0, 1 / 34, "d"]
    assert row["row_id"].endswith("-0000000011")


def test_content_hash_does_not_depend_on_blocks(
    isolated: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.tasks import validation_run

    write_log(tmp_path, good_lines(3000))
    whole = run(isolated, tmp_path)
    read = read_blocks
    monkeypatch.setattr(
        validation_run, "read_blocks", lambda *given: read(*given, block_bytes=100_000)
    )
    write_log(tmp_path, good_lines(2999))
    run(isolated, tmp_path)
    write_log(tmp_path, good_lines(3000))
    pieces = run(isolated, tmp_path)
    assert pieces.content_hash == whole.content_hash
    read_back = {day: partition_hash(isolated, SOURCE, "random", day) for day in pieces.batches}
    assert set_hash(read_back) == whole.content_hash
    assert pieces.lake_version > whole.lake_version


def test_warnings_do_not_refuse(isolated: Settings, tmp_path: Path) -> None:
    lines = good_lines(ROWS, MEN_BTS)
    lines[7] = with_field(lines[7], 5, "1e-06")
    write_log(tmp_path, lines, MEN_BTS)
    assert run(isolated, tmp_path, "bts").rows_silver == ROWS
    warned = query(
        isolated,
        "select expectation, unexpected, observed from allot.validation_result"
        " where unexpected > 0 order by 1",
    )
    assert [row[0] for row in warned] == ["mean_weight_near_1", "propensity_grid"]
    assert warned[1][1:] == (1, "1e-06")


def test_two_processes_at_once_leave_the_rows_once(isolated: Settings, tmp_path: Path) -> None:
    write_log(tmp_path, good_lines(ROWS))
    key = ingest_log(isolated, "men", "random", str(tmp_path)).log_key
    code = (
        "from include.settings import settings\n"
        "from include.tasks.validate import validate_log\n"
        f"validate_log(settings(), 'men', 'random', {key!r})"
    )
    both = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [process.wait(timeout=200) for process in both] == [0, 0]
    assert silver(isolated).height == ROWS
    assert query(isolated, "select rows_silver from allot.validation") == [(ROWS,)]


def test_item_features_are_silver(isolated: Settings, tmp_path: Path) -> None:
    from include.stores.lake.item_features import read_item_features

    write_log(tmp_path, good_lines(3))
    found = ingest_log(isolated, "men", "random", str(tmp_path))
    assert load_item_features(isolated, "men", "random", found.items_key)["items"] == 34
    assert read_item_features(isolated, SOURCE, "random").row(33) == (33, 0.5, "x", "y", "z")
