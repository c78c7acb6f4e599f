"""What is expected of the API's own decisions, on frames of `decision_log.rows`."""

from typing import TYPE_CHECKING, Final

from include.expectations.about import about
from include.experiments.schema import Reward

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations import Expectation

SUITE: Final = "decision_log"
# Not held against the log: the declaration leaves these decisions out.
LEFT_OUT: Final = "reward_observed"
# Facts of a row, each a column of truth values, in the order in which they name a refusal.
FACTS: Final = {
    "decision_unique": "no earlier record has the same decision id",
    "time_not_in_future": "it was not decided after it was written, by more than a minute",
    "version_known": "its weights version was published, with the content hash that it names",
    "cell_known": "that version has its cell",
    "position_known": "that version has its position, and the experiment declares it",
    "arm_known": "its arm stands at its index in that version and in the declaration",
    "propensity_published": "its share is its arm's in that version; all where nothing was drawn",
}


def decision_suite(reward: Reward) -> "ExpectationSuite":
    """Expect decisions that their weights version explains, and rewards of the declared kind."""
    import great_expectations.expectations as gxe
    from great_expectations import ExpectationSuite

    facts: list[Expectation] = [
        gxe.ExpectColumnValuesToBeInSet(
            column=name, value_set=[True], **about(name, says, shows="version")
        )
        for name, says in FACTS.items()
    ]
    return ExpectationSuite(
        name=SUITE,
        expectations=[
            *facts,
            gxe.ExpectColumnValuesToBeBetween(
                column="pscore",
                min_value=0,
                strict_min=True,
                max_value=1,
                **about("propensity_range", "the propensity is in (0, 1]"),
            ),
            _reward(reward),
            gxe.ExpectColumnValuesToNotBeNull(
                column="reward",
                **about(
                    LEFT_OUT,
                    "a reward was observed; decisions without one are declared left out",
                    shows="version",
                ),
            ),
        ],
    )


def _reward(reward: Reward) -> "Expectation":
    import great_expectations.expectations as gxe

    told = about("reward_kind", f"the reward is {reward.kind} as declared")
    missing = [] if reward.missing is None else [reward.missing]
    if reward.kind == "bernoulli":
        return gxe.ExpectColumnValuesToBeInSet(
            column="reward", value_set=[0.0, 1.0, *missing], **told
        )
    low, high = (reward.lower, reward.upper) if reward.kind == "bounded" else (-1e300, 1e300)
    return gxe.ExpectColumnValuesToBeBetween(
        column="reward", min_value=min([low, *missing]), max_value=max([high, *missing]), **told
    )
