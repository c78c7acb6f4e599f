"""Figures of a page, as SVG that stands in the page itself."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from include.tasks.report.read import Contents, Rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ARMS_SHOWN: Final = 12


def charts(contents: Contents) -> Iterator[tuple[str, str, str]]:
    """Yield (section, what it shows, SVG) for every figure that has rows."""
    for section, told, figure in _figures(contents):
        yield section, told, as_svg(figure)


def as_svg(figure: "Figure") -> str:
    """Return a figure as an SVG element; equal figures give equal text."""
    from matplotlib import rc_context

    written = io.StringIO()
    with rc_context({"svg.hashsalt": "allot", "svg.fonttype": "path"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    text = written.getvalue()
    # Within HTML neither the declaration of XML nor its document type has a place.
    return text[text.index("<svg") :]


def _figures(contents: Contents) -> "Iterator[tuple[str, str, Figure]]":
    from include.tasks.evaluation import pictures

    curves = contents.curves
    yield from _sequences(curves["confidence_sequences"])
    if curves["arm_performance"]:
        yield "arms", "naive and corrected means", _arms(curves["arm_performance"])
    if curves["allocation_history"]:
        yield "reasons", "shares over versions", _allocation(curves["allocation_history"])
    if curves["posterior_snapshots"]:
        yield "reasons", "posteriors", _posteriors(curves["posterior_snapshots"])
    values = curves["policy_values"]
    judged = [row for row in values if row["estimator"] != "on-policy"]
    for log in dict.fromkeys(str(row["log"]) for row in judged):
        told = f"policy values from the {log} log"
        yield "scoreboard", told, pictures.of_values(values, values, log)
    yield from _scores(curves["scoreboard"])
    for log in dict.fromkeys(str(row["log"]) for row in curves["regret_curve"]):
        yield "regret", f"regret of the {log} log", pictures.of_regret(curves["regret_curve"], log)
    if any(row["lo"] is not None for row in curves["learning_curve"]):
        yield "regret", "learning curves", pictures.of_learning(curves["learning_curve"])


def _sequences(rows: Rows) -> "Iterator[tuple[str, str, Figure]]":
    from include.tasks.judgement.track import draw, leading

    own = [{**row, "arm": row["arm_id"], "look_batch": row["batch_id"]} for row in rows]
    for position, family in dict.fromkeys((row["position"], row["family"]) for row in own):
        shown = leading(
            [row for row in own if (row["position"], row["family"]) == (position, family)]
        )
        told = f"confidence sequences, slot {position}, {family}"
        yield "evidence", told, draw(shown, 1 - shown[0]["level"])


def _arms(rows: Rows) -> "Figure":
    from include.figures.arms import ArmMeans, means

    best = sorted(rows, key=lambda row: -row["corrected_mean"])[:ARMS_SHOWN]
    told = "" if len(best) == len(rows) else f", the best {len(best)} of {len(rows)} arms"
    return means(
        [ArmMeans(row["arm_id"], _ends(row, "naive"), _ends(row, "corrected")) for row in best],
        note=f"{rows[0]['experiment']}, first slot{told}",
    )


def _ends(row: Mapping[str, Any], kind: str) -> tuple[float, float, float]:
    return row[f"{kind}_mean"], row[f"{kind}_lo"], row[f"{kind}_hi"]


def _allocation(rows: Rows) -> "Figure":
    import numpy as np

    from include.figures.allocation import allocation

    versions = list(dict.fromkeys(row["version"] for row in rows))
    arms = list(dict.fromkeys(row["arm_id"] for row in rows))
    batches = {row["version"]: row["batch_id"] or "default" for row in rows}
    shares = np.zeros((len(versions), len(arms)))
    for row in rows:
        shares[versions.index(row["version"]), arms.index(row["arm_id"])] = row["share"]
    names = [f"v{version} {batches[version]}" for version in versions]
    return allocation(names, arms, shares, note=f"{rows[0]['experiment']}, first slot.")


def _posteriors(rows: Rows) -> "Figure":
    from include.figures.posteriors import ArmPosterior, densities

    arms = [
        ArmPosterior(row["arm_id"], row["family"], row["parameters"], row["mean"], row["sd"])
        for row in rows
    ]
    first = rows[0]
    note = f"{first['experiment']} v{first['version']}, first slot, up to {first['batch_id']}."
    return densities(arms, note=note)


def _scores(rows: Rows) -> "Iterator[tuple[str, str, Figure]]":
    """Yield every log's values over the batches; one batch makes no line."""
    from include.figures.curves import Band, bands
    from include.figures.style import name_steps

    for log in dict.fromkeys(str(row["log"]) for row in rows):
        own = [row for row in rows if row["log"] == log]
        batches = sorted({str(row["batch_id"]) for row in own})
        if len(batches) < 2:
            continue
        curves = []
        for policy in dict.fromkeys(str(row["evaluation_policy"]) for row in own):
            mine = [row for row in own if row["evaluation_policy"] == policy]
            place = [float(batches.index(str(row["batch_id"]))) for row in mine]
            curves.append(Band(policy, place, [float(row["value"]) for row in mine]))
        figure = bands(
            curves,
            title="What if another policy had been fixed?",
            note=f"{log} log, as each batch's evaluation knew it; intervals stand in the table.",
            x="batch",
            y="reward per decision",
        )
        name_steps(figure.axes[0], tuple(batches))
        yield "scoreboard", f"values from the {log} log over batches", figure
