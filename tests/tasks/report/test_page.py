"""A report as people open it: complete, self-contained, and safe against what is in its texts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from include.errors import UnknownExperimentError
from include.settings import Settings
from include.tasks.evaluate import evaluate_experiment
from include.tasks.judgement.store import judge_and_store
from include.tasks.report.page import page, shown
from include.tasks.report.read import read_contents
from include.tasks.report.render import render_report
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.evaluated import BTS, RANDOM, SOURCE
from tests.support.silver import BATCHES, write_silver

HOSTILE = "<script>alert('shop')</script>"
CLICKS = ([5, 10, 60], [5, 10, 70], [60, 5, 5])


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.asked: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.asked += [
            value or "" for name, value in attrs if name in {"src", "href", "xlink:href", "action"}
        ]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def _read(text: str) -> _Page:
    found = _Page()
    found.feed(text)
    return found


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    registered(isolated, experiment(title=HOSTILE))
    write_silver(isolated, RANDOM, SOURCE, "random")
    write_silver(isolated, BTS, SOURCE, "bts")
    for batch, clicks in zip(BATCHES, CLICKS, strict=True):
        observe(isolated, batch, clicks)
    update_experiment(isolated, "shop", provenance={"dag_run": "manual"})
    evaluate_experiment(isolated, "shop", dag_run="manual", code_revision="abc")
    judge_and_store(isolated, "shop", dag_run="manual")
    return isolated


@pytest.mark.services
def test_a_page_shows_what_the_views_say_and_asks_for_nothing(
    shop: Settings, tmp_path: Path
) -> None:
    report = render_report(shop, "shop", tmp_path)
    text = report.path.read_text("utf-8")
    found = _read(text)
    assert report.link == ""
    assert HOSTILE in "".join(found.text)
    assert "script" not in found.tags
    assert found.asked
    assert all(asked.startswith("#") for asked in found.asked)
    assert set(re.findall(r"url\(([^)]*?)[#)]", text)) <= {"", "#"}
    assert found.tags.count("svg") >= 6
    contents = read_contents(shop, "shop")
    words = " ".join(found.text)
    for row in contents.curves["arm_performance"]:
        assert shown(row["corrected_mean"]) in words
    for table in contents.tables:
        assert (f'id="{table.section.name}"' in text) >= bool(table.rows)
    assert {"arms", "evidence", "scoreboard", "regret", "srm", "lineage", "cohorts"} <= {
        table.section.name for table in contents.tables if table.rows
    }
    assert page(contents) == text


@pytest.mark.services
def test_a_page_of_an_experiment_that_has_nothing_yet_says_so(
    database: Settings, tmp_path: Path
) -> None:
    registered(database, experiment())
    text = render_report(database, "shop", tmp_path).path.read_text("utf-8")
    assert "no recommendation yet" in text
    assert "Without rows:" in text
    with pytest.raises(UnknownExperimentError, match="nobody"):
        render_report(database, "nobody", tmp_path)


def test_values_are_written_for_people() -> None:
    assert [shown(value) for value in (0.0, 1200, 1e-7, -0.25, "", False, "a" * 64, "é")] == [
        *("0", "1,200", "1e-07", "-0.25", "–", "no", "a" * 12, "é"),
    ]
