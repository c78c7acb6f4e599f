"""Bad input: each row or file is refused with its reason, and silver stays sound."""

from pathlib import Path
from typing import Any

import pytest

from include.errors import RefusedShareError, SourceChangedError, SourceError
from include.settings import Settings
from include.stores.lake.source_file import fingerprint
from include.stores.lake.storage import object_client
from include.tasks.ingest import ingest_log
from tests.support.ingested import ROWS, quarantined, query, run, silver, spoiled
from tests.support.obd_logs import good_lines, with_field, write_bytes, write_log

pytestmark = pytest.mark.services


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
    (row,) = quarantined(isolated, tmp_path)
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
    (row,) = quarantined(isolated, tmp_path)
    assert (row["row_number"], row["expectation"]) == (8, "utf8")
    assert "na\\xefve" in row["raw"]


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
    (row,) = quarantined(isolated, tmp_path)
    assert (row["row_number"], row["expectation"]) == (ROWS, "line_is_complete")
    assert row["raw"] == content[:-cut].decode().splitlines()[-1]


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
    places = [(row["row_number"], row["expectation"]) for row in quarantined(isolated, tmp_path)]
    assert places == [(number, "position_known") for number in (1, 2, 3, 4)]
    verdicts = query(
        isolated, "select verdict, rows_in, rows_quarantined from allot.validation order by verdict"
    )
    assert verdicts == [("accepted", 300, 0), ("refused", 300, 4)]
    assert before.batches == ["2019-11-24"]
