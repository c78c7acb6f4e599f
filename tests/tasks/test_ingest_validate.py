"""From files to silver and quarantine, against real S3 and PostgreSQL."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from include.errors import RefusedShareError, SourceChangedError, SourceError
from include.settings import Settings
from include.stores.lake.bronze import open_object
from include.stores.lake.log_reader import read_blocks
from include.stores.lake.quarantine import scan_quarantine
from include.stores.lake.silver import partition_hash, scan_feedback, set_hash, silver_batches
from include.stores.lake.source_file import fingerprint
from include.stores.lake.storage import object_client
from include.stores.reports.connection import transaction
from include.tasks.ingest import ingest_log
from include.tasks.item_features import load_item_features
from include.tasks.validate import validate_log
from include.tasks.validation_run import ValidatedLog
from tests.support.obd_logs import (
    MEN_BTS,
    MEN_RANDOM,
    good_lines,
    with_field,
    write_bytes,
    write_log,
)

pytestmark = pytest.mark.services
ROWS = 300
SOURCE = "open_bandit-men"


def run(settings: Settings, root: Path, policy: str = "random") -> ValidatedLog:
    found = ingest_log(settings, "men", policy, str(root))
    return validate_log(settings, "men", policy, found.log_key)


def silver(settings: Settings, policy: str = "random") -> pl.DataFrame:
    return scan_feedback(settings, SOURCE, policy).sort("row_id").collect()


def query(settings: Settings, text: str) -> list[Any]:
    with transaction(settings) as connection:
        return connection.execute(text).fetchall()


def spoiled(index: int, value: str) -> list[str]:
    """300 good lines with one field of row 8 (counted from 1) replaced."""
    lines = good_lines(ROWS)
    lines[7] = with_field(lines[7], index, value)
    return lines


BAD_ROWS = {
    "wrong type": (spoiled(2, "seven"), "item_id_type"),
    "wrong type of the time": (spoiled(1, "yesterday"), "decided_at_type"),
    "time without offset": (spoiled(1, "2019-11-24 00:07:00"), "decided_at_type"),
    "NaN propensity": (spoiled(5, "NaN"), "propensity_score_type"),
    "zero propensity": (spoiled(5, "0.0"), "propensity_range"),
    "propensity above 1": (spoiled(5, "1.5"), "propensity_range"),
    "not the uniform propensity": (spoiled(5, "0.03"), "propensity_uniform"),
    "unknown item": (spoiled(2, "34"), "item_known"),
    "position 4": (spoiled(3, "4"), "position_known"),
    "half a click": (spoiled(4, "0.5"), "reward_kind"),
    "before the log": (spoiled(1, "2019-11-23 23:59:59+00:00"), "time_after_start"),
    "future": (spoiled(1, "2999-01-01 00:00:00+00:00"), "time_not_in_future"),
    "too few fields": ([*good_lines(ROWS)[:7], "7,few", *good_lines(ROWS)[8:]], "field_count"),
    "an empty line": ([*good_lines(ROWS)[:7], "", *good_lines(ROWS)[8:]], "field_count"),
    "NUL": (spoiled(6, "a\0b"), "no_nul"),
    "duplicate row": ([*good_lines(7), *good_lines(7)[:1], *good_lines(ROWS)[7:]], "row_unique"),
}


@pytest.mark.parametrize(("lines", "expectation"), BAD_ROWS.values(), ids=list(BAD_ROWS))
def test_a_bad_row_goes_to_quarantine_by_its_expectation(
    isolated: Settings, tmp_path: Path, lines: list[str], expectation: str
) -> None:
    write_log(tmp_path, lines)
    told = run(isolated, tmp_path)
    assert (told.rows_in, told.rows_silver, told.rows_quarantined) == (
        len(lines),
        len(lines) - 1,
        1,
    )
    assert silver(isolated).height == len(lines) - 1
    found = ingest_log(isolated, "men", "random", str(tmp_path))
    row = (
        scan_quarantine(isolated, SOURCE, "random", Path(found.log_key).stem)
        .collect()
        .row(0, named=True)
    )
    assert (row["row_number"], row["expectation"]) == (8, expectation)
    assert row["raw"] == lines[7].replace("\0", "\\x00")
    assert query(isolated, "select expectation, row_count from allot.quarantine_count") == [
        (expectation, 1)
    ]


def test_a_row_that_is_not_utf8_goes_to_quarantine(isolated: Settings, tmp_path: Path) -> None:
    path = write_log(tmp_path, spoiled(6, "naïve"))
    write_bytes(tmp_path, path.read_text("utf-8").encode("latin-1"))
    assert run(isolated, tmp_path).rows_quarantined == 1
    ((name, arm),) = query(isolated, "select expectation, arm from allot.quarantine_count")
    assert (name, arm) == ("utf8", None)


@pytest.mark.parametrize("cut", [20, 1], ids=["within a row", "before its newline"])
def test_the_last_row_of_a_truncated_file_is_refused(
    isolated: Settings, tmp_path: Path, cut: int
) -> None:
    content = write_log(tmp_path, good_lines(ROWS)).read_bytes()
    write_bytes(tmp_path, content[:-cut])
    told = run(isolated, tmp_path)
    assert (told.rows_in, told.rows_quarantined) == (ROWS, 1)
    ((name,),) = query(isolated, "select expectation from allot.quarantine_count")
    assert name == "line_is_complete"


def without_column(name: str) -> bytes:
    lines = good_lines(3)
    header = b",timestamp,item_id,position,click,propensity_score"
    text = "\n".join(lines).encode()
    return header.replace(name.encode() + b",", b"") + b"\n" + text + b"\n"


def header_only() -> bytes:
    from include.bandit.open_bandit import columns_of

    return ",".join(columns_of(34)).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (without_column("click"), r"columns_are_declared .*missing: click"),
        (header_only(), r"has_rows"),
        ("häder\n".encode("latin-1"), r"header is not UTF-8"),
        (b"\0\0\n", r"no CSV header"),
    ],
    ids=["missing column", "header only", "header not UTF-8", "binary"],
)
def test_a_file_that_is_no_log_is_refused_and_silver_stays(
    isolated: Settings, tmp_path: Path, content: bytes, says: str
) -> None:
    write_log(tmp_path, good_lines(ROWS))
    before = run(isolated, tmp_path).content_hash
    path = write_bytes(tmp_path, content)
    with pytest.raises(SourceError, match=says) as caught:
        run(isolated, tmp_path)
    assert "campaign men" in str(caught.value)
    assert path.name in str(caught.value)
    assert silver(isolated).height == ROWS
    write_log(tmp_path, good_lines(ROWS))
    assert run(isolated, tmp_path).content_hash == before


def test_an_empty_file_is_refused_at_ingest(isolated: Settings, tmp_path: Path) -> None:
    path = write_bytes(tmp_path, b"")
    with pytest.raises(SourceError, match=f"{path} is empty"):
        ingest_log(isolated, "men", "random", str(tmp_path))


def test_a_missing_file_is_named(isolated: Settings, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"men\.csv cannot be read"):
        ingest_log(isolated, "men", "random", str(tmp_path))


def test_a_file_that_changes_while_it_is_read_leaves_nothing(
    isolated: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.stores.lake import bronze

    path = write_log(tmp_path, good_lines(ROWS))
    read_once = fingerprint

    def read_then_written_to(found: Path) -> Any:
        seen = read_once(found)
        content = bytearray(found.read_bytes())
        content[-10:-9] = b"7"
        found.write_bytes(content)
        return seen

    monkeypatch.setattr(bronze, "fingerprint", read_then_written_to)
    with pytest.raises(SourceChangedError, match="changed while it was read"):
        ingest_log(isolated, "men", "random", str(tmp_path))
    client = object_client(isolated)
    assert list(client.list_objects(isolated.bronze_bucket, recursive=True)) == []
    assert path.exists()


def test_too_many_refusals_fail_the_run_and_leave_silver(
    isolated: Settings, tmp_path: Path
) -> None:
    write_log(tmp_path, good_lines(ROWS))
    before = run(isolated, tmp_path)
    lines = [
        with_field(line, 3, "4") if row < 4 else line for row, line in enumerate(good_lines(ROWS))
    ]
    write_log(tmp_path, lines)
    with pytest.raises(
        RefusedShareError, match=r"4 of 300 rows .*1\.33%.*obd-men: position_known 4.*row 1"
    ):
        run(isolated, tmp_path)
    assert silver(isolated).height == ROWS
    verdicts = query(
        isolated, "select verdict, rows_in, rows_quarantined from allot.validation order by verdict"
    )
    assert verdicts == [("accepted", 300, 0), ("refused", 300, 4)]
    assert before.batches == ["2019-11-24"]


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


def test_the_report_is_a_page_that_anyone_with_the_link_can_read(
    isolated: Settings, tmp_path: Path
) -> None:
    import urllib.request

    write_log(tmp_path, spoiled(6, "<script>"))
    told = run(isolated, tmp_path)
    with urllib.request.urlopen(told.docs_link) as page:
        text = page.read().decode()
    assert "rows in silver" in text
    assert "propensity_uniform" in text
    assert MEN_RANDOM.source in text
