"""The suites: what is expected of a log, in bronze and in silver, as plain functions.

An expectation of severity ``critical`` refuses the row; ``warning`` only speaks. The
order matters: a row that fails several is filed under the first.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Final

from include.expectations.about import about
from include.expectations.row_expectations import (
    line_expectations,
    propensity_expectations,
    repetition_expectations,
    time_expectations,
    type_expectations,
    value_expectations,
)
from include.experiments.schema import Reward

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite

BRONZE: Final = "bronze"
SILVER: Final = "silver"
WHOLE_LOG: Final = "log"
MEAN_WEIGHT_TOLERANCE: Final = 0.1


def bronze_suite(columns: tuple[str, ...]) -> "ExpectationSuite":
    """Expect the declared columns in their order, and a row below them.

    Checked on a frame of the header and the first line; the file's bytes, lines and
    encoding were checked when it was read.
    """
    import great_expectations.expectations as gxe
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=BRONZE,
        expectations=[
            gxe.ExpectTableColumnsToMatchSet(
                column_set=list(columns),
                exact_match=True,
                **about("columns_are_declared", "every declared column is there, and no other"),
            ),
            gxe.ExpectTableColumnsToMatchOrderedList(
                column_list=list(columns),
                **about("columns_in_order", "columns stand in the declared order"),
            ),
            gxe.ExpectTableRowCountToBeBetween(
                min_value=1, **about("has_rows", "there is a row below the header")
            ),
        ],
    )


def silver_suite(
    columns: int,
    items: int,
    positions: int,
    reward: Reward,
    *,
    uniform: bool,
    earliest: datetime,
    now: datetime,
) -> "ExpectationSuite":
    """Expect readable, plausible rows; checked on frames of `StreamChecks`.

    Parameters
    ----------
    columns
        Fields per line.
    items, positions
        How many there are of each.
    reward
        The declared kind and range.
    uniform
        Whether the behavior policy is uniform: its propensity is exactly 1/K.
    earliest, now
        Range of time, both included.
    """
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=SILVER,
        expectations=[
            *line_expectations(columns),
            *type_expectations(),
            *value_expectations(items, positions, reward),
            *propensity_expectations(items, uniform=uniform),
            *time_expectations(earliest, now),
            *repetition_expectations(),
        ],
    )


def log_suite() -> "ExpectationSuite":
    """Expect of a whole log that weights to the uniform policy average to 1."""
    import great_expectations.expectations as gxe
    from great_expectations import ExpectationSuite

    return ExpectationSuite(
        name=WHOLE_LOG,
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(
                column="mean_weight",
                min_value=1 - MEAN_WEIGHT_TOLERANCE,
                max_value=1 + MEAN_WEIGHT_TOLERANCE,
                **about(
                    "mean_weight_near_1",
                    "mean of (1/K)/p is within 10 % of 1; else propensities are off, "
                    "or a few tiny ones dominate",
                    warns=True,
                ),
            )
        ],
    )
