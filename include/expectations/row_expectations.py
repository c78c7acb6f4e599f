"""Expectations of single rows of a log, in the order in which they name a refusal."""

from datetime import datetime
from typing import TYPE_CHECKING

from include.expectations.about import about
from include.experiments.schema import Reward

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def line_expectations(columns: int) -> "list[Expectation]":
    """Expect whole, readable lines."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="complete",
            value_set=[True],
            **about(
                "line_is_complete",
                "the line ends with a newline; else it may be cut off",
                shows="fields",
            ),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="fields",
            value_set=[columns],
            **about("field_count", f"the line has {columns} fields"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="utf8", value_set=[True], **about("utf8", "the line is UTF-8", shows="fields")
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="nul",
            value_set=[False],
            **about("no_nul", "the line holds no NUL character", shows="fields"),
        ),
    ]


def type_expectations() -> "list[Expectation]":
    """Expect values that can be read as what they are."""
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
            column=column, **about(f"{column}_type", f"{column} is {kind}")
        )
        for column, kind in kinds.items()
    ]


def value_expectations(items: int, positions: int, reward: Reward) -> "list[Expectation]":
    """Expect items, positions and rewards that exist."""
    import great_expectations.expectations as gxe

    binary = reward.kind == "bernoulli"
    low, high = (0.0, 1.0) if binary else (reward.lower, reward.upper)
    about_reward = about("reward_kind", f"the reward is {reward.kind} as declared")
    finite = {"bernoulli": (0.0, 1.0), "bounded": (low, high), "real": (-1e300, 1e300)}
    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="item_id",
            min_value=0,
            max_value=items - 1,
            **about("item_known", f"the item is one of 0 … {items - 1}"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="position",
            min_value=1,
            max_value=positions,
            **about("position_known", f"the position is one of 1 … {positions}"),
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


def propensity_expectations(items: int, *, uniform: bool) -> "list[Expectation]":
    """Expect propensities of the behavior policy."""
    import great_expectations.expectations as gxe

    in_range = gxe.ExpectColumnValuesToBeBetween(
        column="propensity_score",
        min_value=0,
        strict_min=True,
        max_value=1,
        **about("propensity_range", "the propensity is in (0, 1]"),
    )
    if uniform:
        exact = gxe.ExpectColumnValuesToBeInSet(
            column="propensity_score",
            value_set=[1 / items],
            **about("propensity_uniform", f"the propensity is exactly 1/{items}"),
        )
        return [in_range, exact]
    grid = gxe.ExpectColumnValuesToBeInSet(
        column="on_grid",
        value_set=[True],
        **about(
            "propensity_grid",
            "the propensity is a multiple of 5e-6",
            warns=True,
            shows="propensity_score",
        ),
    )
    return [in_range, grid]


def time_expectations(earliest: datetime, now: datetime) -> "list[Expectation]":
    """Expect times that may be."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeBetween(
            column="decided_at",
            min_value=earliest,
            **about("time_after_start", f"the time is not before {earliest:%Y-%m-%d}"),
        ),
        gxe.ExpectColumnValuesToBeBetween(
            column="decided_at",
            max_value=now,
            **about("time_not_in_future", "the time is not in the future"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="in_order",
            value_set=[True],
            **about(
                "time_order", "the time is not before the row above", warns=True, shows="decided_at"
            ),
        ),
    ]


def repetition_expectations() -> "list[Expectation]":
    """Expect every decision once."""
    import great_expectations.expectations as gxe

    return [
        gxe.ExpectColumnValuesToBeInSet(
            column="repeats",
            value_set=[False],
            **about("row_unique", "no earlier row is the same decision", shows="row_index"),
        ),
        gxe.ExpectColumnValuesToBeInSet(
            column="index_rises",
            value_set=[True],
            **about(
                "row_index_rises",
                "the row index is above all earlier ones",
                warns=True,
                shows="row_index",
            ),
        ),
    ]
