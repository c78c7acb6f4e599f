"""Running a suite of Great Expectations on frames, and adding up what it finds."""

import logging
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from include.errors import ExpectationError

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations import ExpectationSuite

Severity = Literal["critical", "warning"]
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one expectation found on one frame.

    Attributes
    ----------
    suite, name, says, severity
        Which expectation, in the words of the suite.
    evaluated, unexpected
        Rows looked at, and rows that failed; 1 and 0 or 1 for an expectation of a table.
    rows
        Index labels of the rows that failed, shape (unexpected,); empty for a table's.
    observed
        What was found instead, for people.
    """

    suite: str
    name: str
    says: str
    severity: Severity
    evaluated: int
    unexpected: int
    rows: NDArray[np.int64]
    observed: str


@dataclass(slots=True)
class Tally:
    """Findings of one expectation, added over frames."""

    suite: str
    name: str
    says: str
    severity: Severity
    evaluated: int = 0
    unexpected: int = 0
    observed: list[str] = field(default_factory=list)

    @property
    def success(self) -> bool:
        """Tell whether nothing failed."""
        return self.unexpected == 0

    def add(self, finding: Finding) -> None:
        """Add a finding of the same expectation."""
        self.evaluated += finding.evaluated
        self.unexpected += finding.unexpected
        if finding.observed and len(self.observed) < _EXAMPLES:
            self.observed.append(finding.observed)


class Checker:
    """A suite bound to a context, ready to run on frames."""

    def __init__(self, suite: "ExpectationSuite") -> None:
        import great_expectations as gx

        context, batch = _context()
        self._suite_name = str(suite.name)
        # A name of its own, since the context is the process's, and so are its other threads.
        suite.name = f"{suite.name}-{uuid.uuid4().hex}"
        self._definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(suite))
        )

    def run(self, frame: "pd.DataFrame") -> list[Finding]:
        """Check a frame; its index labels name the rows.

        Raises
        ------
        ExpectationError
            If an expectation could not be evaluated.
        """
        result = self._definition.run(
            batch_parameters={"dataframe": frame},
            result_format={"result_format": "COMPLETE", "exclude_unexpected_values": True},
        )
        return [self._finding(entry, frame) for entry in result.results]

    def _finding(self, entry: Any, frame: "pd.DataFrame") -> Finding:  # noqa: ANN401 - untyped
        config, found = entry.expectation_config, entry.result
        name = config.meta["name"]
        if not entry.success and not found:
            raise ExpectationError(
                f"expectation {name!r} could not be evaluated: {entry.exception_info}"
            )
        of_rows = "element_count" in found
        labels = found.get("unexpected_index_list") or []
        unexpected = len(labels) if of_rows else int(not entry.success)
        if of_rows and unexpected != found["unexpected_count"]:
            raise ExpectationError(f"expectation {name!r} does not say which rows it refuses")
        return Finding(
            suite=self._suite_name,
            name=name,
            says=config.meta["says"],
            severity=config.meta["severity"],
            evaluated=len(frame) if of_rows else 1,
            unexpected=unexpected,
            rows=np.asarray(labels if of_rows else [], np.int64),
            observed=_observed(
                config.meta["shows"] or config.kwargs.get("column"), found, frame, labels
            )
            if unexpected
            else "",
        )


def add_up(tallies: dict[tuple[str, str], Tally], findings: Iterable[Finding]) -> None:
    """Add findings to the tallies of their expectations, in place."""
    for finding in findings:
        key = (finding.suite, finding.name)
        if key not in tallies:
            tallies[key] = Tally(finding.suite, finding.name, finding.says, finding.severity)
        tallies[key].add(finding)


@lru_cache(maxsize=1)
def _context() -> tuple[Any, Any]:
    """Return an ephemeral context of this process and its batch of whatever frame is given."""
    # At INFO it tells of every internal registration.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    asset = context.data_sources.add_pandas("frames").add_dataframe_asset("frame")
    return context, asset.add_batch_definition_whole_dataframe("whole")


def _observed(
    column: str | None, found: dict[str, Any], frame: "pd.DataFrame", labels: list[int]
) -> str:
    """Say what was found instead: names of columns, or the first values."""
    mismatched = found.get("details", {}).get("mismatched")
    if isinstance(mismatched, dict):
        parts = [
            f"{kind}: {', '.join(map(str, mismatched[kind]))}"
            for kind in ("missing", "unexpected")
            if mismatched.get(kind)
        ]
        return "; ".join(parts)
    if column is not None and labels:
        return ", ".join(f"{value}" for value in frame.loc[labels[:_EXAMPLES], column])
    value = found.get("observed_value")
    return "" if isinstance(value, list) else f"{value}"
