"""The suites: what is expected of a log, in bronze and in silver, as plain functions.

An expectation of severity ``critical`` refuses the row; ``warning`` only speaks. The
order matters: a row that fails several is filed under the first.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from include.experiments.schema import Reward

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import Expectation

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
                **_about("columns_are_declared", "every declared column is there, and no other"),
            ),
            gxe.ExpectTableColumnsToMatchOrderedList(
                column_list=list(columns),
                **_about("columns_in_order", "columns stand in the declared order"),
            ),
            gxe.ExpectTableRowCountToBeBetween(
                min_value=1, **_about("has_rows", "there is a row below the header")
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
            *_line_expectations(columns),
            *_type_expectations(),
            *_value_expectations(items, positions, reward),
            *_propensity_expectations(items, uniform=uniform),
            *_time_expectations(earliest, now),
            *_repetition_expectations(),
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
                **_about(
                    "mean_weight_near_1",
                    "mean of (1/K)/p is within 10 % of 1; else propensities are off, "
                    "or a few tiny ones dominate",
                    warns=True,
                ),
            )
        ],
    )


def _line_expectations(columns: int) -> "list[Expectation]":
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="complete",
            value_set=[True],
            **_about(
                "line_is_complete",
                "the line ends with a newline; else it may be cut off",
                shows="fields",
            ),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="fields",
            value_set=[columns],
            **_about("field_count", f"the line has {columns} fields"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="utf8", value_set=[True], **_about("utf8", "the line is UTF-8", shows="fields")
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="nul",
            value_set=[False],
            **_about("no_nul", "the line holds no NUL character", shows="fields"),
        ),
    ]


def _type_expectations() -> "list[Expectation]":
    import great_expectations.expectations as gxe

    kinds = {
        "row_index": "an integer",
        "decided_at": "a time with its UTC offset",
        "item_id": "an integer",
        "position": "an integer",
        "click": "a number",
        "propensity_score": "a number",
    }
    return [
        gxe.ExpectColumnValuesToNotBeNull(
            column=column, **_about(f"{column}_type", f"{column} is {kind}")
        )
        for column, kind in kinds.items()
    ]


def _value_expectations(items: int, positions: int, reward: Reward) -> "list[Expectation]":
    import great_expectations.expectations as gxe

    binary = reward.kind == "bernoulli"
    low, high = (0.0, 1.0) if binary else (reward.lower, reward.upper)
    about_reward = _about("reward_kind", f"the reward is {reward.kind} as declared")
    finite = {"bernoulli": (0.0, 1.0), "bounded": (low, high), "real": (-1e300, 1e300)}
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="item_id",
            min_value=0,
            max_value=items - 1,
            **_about("item_known", f"the item is one of 0 … {items - 1}"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="position",
            min_value=1,
            max_value=positions,
            **_about("position_known", f"the position is one of 1 … {positions}"),
        ),
        gxe.ExpectColumnValuesToBeInSet(column="click", value_set=[0, 1], **about_reward)
        if binary
        else gxe.ExpectColumnValuesToBeBetween(
            column="click",
            min_value=finite[reward.kind][0],
            max_value=finite[reward.kind][1],
            **about_reward,
        ),
    ]


def _propensity_expectations(items: int, *, uniform: bool) -> "list[Expectation]":
    import great_expectations.expectations as gxe

    in_range = gxe.ExpectColumnValuesToBeBetween(
        column="propensity_score",
        min_value=0,
        strict_min=True,
        max_value=1,
        **_about("propensity_range", "the propensity is in (0, 1]"),
    )
    if uniform:
        exact = gxe.ExpectColumnValuesToBeInSet(
            column="propensity_score",
            value_set=[1 / items],
            **_about("propensity_uniform", f"the propensity is exactly 1/{items}"),
        )
        return [in_range, exact]
    grid = gxe.ExpectColumnValuesToBeInSet(
        column="on_grid",
        value_set=[True],
        **_about(
            "propensity_grid",
            "the propensity is a multiple of 5e-6",
            warns=True,
            shows="propensity_score",
        ),
    )
    return [in_range, grid]


def _time_expectations(earliest: datetime, now: datetime) -> "list[Expectation]":
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="decided_at",
            min_value=earliest,
            **_about("time_after_start", f"the time is not before {earliest:%Y-%m-%d}"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="decided_at",
            max_value=now,
            **_about("time_not_in_future", "the time is not in the future"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="in_order",
            value_set=[True],
            **_about(
                "time_order", "the time is not before the row above", warns=True, shows="decided_at"
            ),
        ),
    ]


def _repetition_expectations() -> "list[Expectation]":
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="repeats",
            value_set=[False],
            **_about("row_unique", "no earlier row is the same decision", shows="row_index"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="index_rises",
            value_set=[True],
            **_about(
                "row_index_rises",
                "the row index is above all earlier ones",
                warns=True,
                shows="row_index",
            ),
        ),
    ]


def _about(
    name: str, says: str, *, warns: bool = False, shows: str | None = None
) -> dict[str, Any]:
    """Describe an expectation; ``shows`` is the column whose values tell what was found."""
    severity = "warning" if warns else "critical"
    meta = {"name": name, "says": says, "severity": severity, "shows": shows}
    return {"meta": meta, "severity": severity}
