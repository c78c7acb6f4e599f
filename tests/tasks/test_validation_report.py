"""The validation report: what people with its link read."""

import urllib.request
from pathlib import Path

import pytest

from include.settings import Settings
from tests.support.ingested import query, run, spoiled
from tests.support.obd_logs import MEN_RANDOM, write_log

pytestmark = pytest.mark.services


def page(link: str) -> str:
    with urllib.request.urlopen(link) as answer:
        return str(answer.read().decode())


def test_the_report_is_a_page_that_anyone_with_the_link_can_read(
    isolated: Settings, tmp_path: Path
) -> None:
    write_log(tmp_path, spoiled(6, "<script>"))
    told = run(isolated, tmp_path)
    text = page(told.docs_link)
    assert "rows in silver" in text
    assert "propensity_uniform" in text
    assert MEN_RANDOM.source in text
    assert "<script>" not in text
    assert f"{tmp_path}: random/men/men.csv" in text


def test_the_packaged_sample_is_named_without_its_place_on_the_machine(isolated: Settings) -> None:
    told = run(isolated, Path("obp sample"))
    text = page(told.docs_link)
    assert "obp sample: random/men/men.csv" in text
    assert "site-packages" not in text
    assert query(isolated, "select source_name from allot.bronze_object order by 1") == [
        ("obp sample: random/men/item_context.csv",),
        ("obp sample: random/men/men.csv",),
    ]
