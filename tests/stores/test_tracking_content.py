"""What a tracked run holds, before any server sees it."""

import csv
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from include.figures.curves import Band, learning
from include.stores.tracking_content import (
    Curve,
    Drawn,
    Row,
    RunContent,
    digest,
    points,
    write_artifacts,
)

LONG = Curve("regret", range(5000), [float(step) for step in range(5000)])


def test_a_long_curve_is_thinned_to_300_points_with_both_ends() -> None:
    shown = list(LONG.thinned())
    assert len(shown) == 300
    assert len({step for step, _ in shown}) == 300
    assert (shown[0], shown[-1]) == ((0, 0.0), (4999, 4999.0))


def test_a_short_curve_keeps_all_its_steps() -> None:
    curve = Curve("share", [1, 5, 9], [0.1, 0.2, 0.3])
    assert list(points(RunContent("t", curves=[curve]))) == [
        ("share", 1, 0.1),
        ("share", 5, 0.2),
        ("share", 9, 0.3),
    ]


def test_a_curve_needs_a_value_for_every_step() -> None:
    with pytest.raises(ValueError, match="2 steps, 1 values"):
        Curve("share", [1, 2], [0.5])


def test_tags_do_not_change_what_a_run_says_but_numbers_do() -> None:
    first = RunContent("t", metrics={"value": 1.0}, tags={"dag_run": "a"})
    assert digest(first) == digest(RunContent("t", metrics={"value": 1.0}, tags={"dag_run": "b"}))
    assert digest(first) != digest(RunContent("t", metrics={"value": 1.5}))


def test_the_whole_curve_the_tables_and_the_figures_are_written(tmp_path: Path) -> None:
    figure = learning([Band("x", [1, 2], [0.1, 0.2])], note="n")
    rows: list[Row] = [{"policy": "=cmd()", "value": 1.5}, {"policy": "uniform", "value": None}]
    content = RunContent(
        "t",
        curves=[LONG],
        tables={"values": rows},
        documents={"facts": {"b": 1}},
        figures={"learning": figure},
    )
    write_artifacts(tmp_path, content)
    with (tmp_path / "curves" / "regret.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 5000
    written = (tmp_path / "tables" / "values.csv").read_text().splitlines()
    assert written == ["policy,value", "'=cmd(),1.5", "uniform,"]
    assert (tmp_path / "facts.json").read_text() == '{\n  "b": 1\n}\n'
    assert (tmp_path / "figures" / "learning.png").stat().st_size > 5_000


def test_figures_are_drawn_only_when_they_are_stored(tmp_path: Path) -> None:
    drawn = []

    def draw() -> Figure:
        drawn.append("learning")
        return learning([Band("x", [1, 2], [0.1, 0.2])], note="n")

    content = RunContent("t", figures=Drawn({"learning": draw}))
    digest(content)
    assert not drawn
    write_artifacts(tmp_path, content)
    assert drawn == ["learning"]
