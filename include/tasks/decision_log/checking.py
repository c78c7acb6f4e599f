"""Running the suite on rows of the decision log."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from include.expectations.checks import Finding
from include.experiments.schema import Reward

if TYPE_CHECKING:
    import polars as pl

    from include.expectations.checks import Checker


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the suite found.

    Attributes
    ----------
    findings
        What every expectation found.
    refusals
        ``row``, ``expectation`` (the first that refused it) and ``all_expectations``.
    """

    findings: list[Finding]
    refusals: "pl.DataFrame"


def checked(rows: "pl.DataFrame", reward: Reward) -> Verdict:
    """Check rows; ``row`` of a refusal is the one in the frame.

    What is expected looks at one row at a time, so that rows which agree in all that it looks at
    are asked about once.
    """
    import polars as pl

    from include.expectations.decision_log import FACTS

    looked_at = [*FACTS, "pscore", "reward", "version"]
    distinct = rows.group_by(looked_at, maintain_order=True).agg("row")
    findings = _checker(reward).run(distinct.select(looked_at).to_pandas())
    counted = []
    refused: dict[int, list[str]] = {}
    for finding in findings:
        of_rows = distinct["row"].list.len().gather(finding.rows)
        counted.append(replace(finding, evaluated=rows.height, unexpected=int(of_rows.sum())))
        for index in finding.rows.tolist():
            refused.setdefault(index, []).append(finding.name)
    order = sorted(refused)
    named = pl.DataFrame(
        {
            "row": distinct["row"].gather(order),
            "expectation": [refused[index][0] for index in order],
            "all_expectations": [",".join(refused[index]) for index in order],
        },
        schema={
            "row": pl.List(pl.UInt32),
            "expectation": pl.String,
            "all_expectations": pl.String,
        },
    )
    return Verdict(counted, named.explode("row").sort("row"))


@lru_cache(maxsize=32)
def _checker(reward: Reward) -> "Checker":
    """Bind the suite of a reward once: a process that ingests many experiments asks it often."""
    from include.expectations.checks import Checker
    from include.expectations.decision_log import decision_suite

    return Checker(decision_suite(reward))
