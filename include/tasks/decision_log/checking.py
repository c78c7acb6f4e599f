"""Running the suite on rows of the decision log."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from include.expectations.checks import Tally
from include.experiments.schema import Reward

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite found.

    Attributes
    ----------
    tallies
        What every expectation found.
    refusals
        ``row``, ``expectation`` (the first that refused it) and ``all_expectations``.
    """

    tallies: list[Tally]
    refusals: "pl.DataFrame"


def checked(rows: "pl.DataFrame", reward: Reward) -> Verdict:
    """Check rows; ``row`` of a refusal is the index in the frame."""
    import numpy as np
    import polars as pl

    from include.expectations.checks import Checker, add_up
    from include.expectations.decision_log import FACTS, decision_suite

    frame = rows.select(*FACTS, "pscore", "reward", "version").to_pandas()
    frame.index = np.arange(rows.height)
    findings = Checker(decision_suite(reward)).run(frame)
    tallies: dict[tuple[str, str], Tally] = {}
    add_up(tallies, findings)
    refused: dict[int, list[str]] = {}
    for finding in findings:
        for row in finding.rows.tolist():
            refused.setdefault(row, []).append(finding.name)
    order = sorted(refused)
    return Verdict(
        list(tallies.values()),
        pl.DataFrame(
            {
                "row": order,
                "expectation": [refused[row][0] for row in order],
                "all_expectations": [",".join(refused[row]) for row in order],
            },
            schema={"row": pl.UInt32, "expectation": pl.String, "all_expectations": pl.String},
        ),
    )
