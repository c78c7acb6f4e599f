"""What stands on the page, in which order, and from which view."""

from dataclasses import dataclass
from typing import Final, Literal

# Longer tables are cut; the page says so, and the view has the rest.
MOST_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the page.

    Attributes
    ----------
    name
        Anchor on the page, and name of the figures beside it.
    question
        What the table answers, for a person.
    view
        Where its rows come from.
    columns
        Columns shown, all of them described in ``docs/reports.md``.
    order
        Columns to sort by; ``-`` in front turns the order round.
    asked
        Column that names the experiment or its source; empty where the view is about neither.
    only
        Columns that must be true, as ``newest``.
    """

    name: str
    question: str
    view: str
    columns: tuple[str, ...]
    order: tuple[str, ...]
    asked: Literal["experiment", "source", ""] = "experiment"
    only: tuple[str, ...] = ()


def _named(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SECTIONS: Final = (
    Section(
        *("checks", "Why is it told that?", "recommendation_checks"),
        _named("rule condition arm_id position value threshold state words"),
        ("number",),
    ),
    Section(
        *("evidence", "What may be said today?", "verdict_evidence"),
        _named("position family arm_id answer estimate lo hi p_value naive_estimate reason"),
        _named("position family -estimate"),
    ),
    Section(
        *("winner", "What is the winner, or the leader so far, worth?", "winner_readout"),
        _named("position picked arm_id against basis estimate lo hi naive_estimate"),
        _named("position basis against"),
    ),
    Section(
        *("metrics", "What did each arm do to the other metrics?", "metrics"),
        _named("metric position arm_id method observations capped value answer estimate lo hi")
        + _named("fixed_lo fixed_hi variance_reduction reason"),
        _named("metric position arm_id"),
    ),
    Section(
        *("arms", "How did each arm do?", "arm_performance"),
        _named("position arm_id observations rewards naive_mean naive_lo naive_hi corrected_mean")
        + _named("corrected_lo corrected_hi posterior_mean best_probability live_share"),
        _named("position -corrected_mean"),
    ),
    Section(
        *("reasons", "Why does each arm have its share?", "allocation_reasons"),
        _named("version cell slot arm_id buckets why"),
        _named("-version cell slot -buckets"),
    ),
    Section(
        *("scoreboard", "What if another policy had been fixed?", "scoreboard"),
        _named("batch_id log evaluation_policy place value lo hi difference estimator basis")
        + _named("verdict reasons"),
        _named("-batch_id log place"),
    ),
    Section(
        *("regret", "What did not knowing the best arm cost?", "regret_curve"),
        _named("log policy up_to_batch decisions cumulative cumulative_lo cumulative_hi")
        + _named("per_decision best_arm_id candidates"),
        _named("log policy -up_to_batch"),
    ),
    Section(
        *("grades", "How far can the estimators be trusted?", "self_grading"),
        _named("log evaluation_policy estimator interval_method estimate lo hi on_policy_mean")
        + _named("relative_error covered"),
        _named("log evaluation_policy estimator"),
    ),
    Section(
        *("guardrails", "What did the guardrails say?", "guardrails"),
        _named("batch_id guardrail state value fails_beyond critical action explanation"),
        _named("-batch_id guardrail"),
        only=("newest",),
    ),
    Section(
        *("holds", "Who holds publishing?", "publishing_holds"),
        _named("number in_force held by why at"),
        ("-number",),
    ),
    Section(
        *("srm", "Did units arrive as published?", "srm"),
        _named("position step batch_id version cell units p_value mismatch arm_id excess"),
        _named("-step position"),
    ),
    Section(
        *("fairness", "Is an arm's gain a cohort's loss?", "cohort_fairness"),
        _named("position arm_id against cohorts reward_variation share_variation effect")
        + _named("effect_lo effect_hi gaining losing warning"),
        _named("position arm"),
    ),
    Section(
        *("cohorts", "How does each arm do in each cohort?", "cohorts"),
        _named("position cohort arm_id observations rewards observed_share corrected_mean effect")
        + _named("effect_lo effect_hi"),
        _named("position cohort arm"),
    ),
    Section(
        *("files", "What files came in?", "data_quality"),
        _named("behavior_policy verdict rows_in rows_silver rows_quarantined refused_share")
        + _named("refusals warnings checked_at source_name"),
        ("-checked_at",),
        asked="source",
    ),
    Section(
        *("log", "What became of the decision log?", "log_quality"),
        _named("batch_id decisions rows_in rows_silver rows_quarantined refused_share refusals")
        + _named("rewards_joined rewards_per_decision"),
        ("-batch_id",),
    ),
    Section(
        *("flagged", "What was answered without a draw?", "flagged_decisions"),
        _named("day flag position arm_id decisions share"),
        _named("-day flag position arm"),
    ),
    Section(
        *("exposures", "Does being shown depend on the arm?", "exposures_by_arm"),
        _named("position arm_id decisions exposed not_exposed exposure_rate expected_rate")
        + _named("difference unexposed_rewards"),
        _named("position arm"),
    ),
    Section(
        *("refusals", "Does refusal depend on the arm?", "refusals_by_arm"),
        _named("log arm_id kept refused refusal_rate rate_of_others"),
        _named("-refusal_rate log arm"),
    ),
    Section(
        *("rewards", "What became of the rewards?", "rewards_by_outcome"),
        _named("outcome in_inbox rewards value first_occurred_at last_occurred_at"),
        ("-rewards",),
    ),
    Section(
        *("delays", "How long do rewards take?", "rewards_by_delay"),
        _named(
            "batch_id joined occurred_late window_seconds delay_median delay_p90 lateness_median"
        )
        + _named("lateness_p90 restating"),
        ("-batch_id",),
    ),
    Section(
        *("serving", "How fast does the API answer?", "serving_latency"),
        _named("hour route requests errors error_rate mean_seconds p50_seconds p95_seconds"),
        _named("-hour -requests"),
        asked="",
    ),
    Section(
        *("lineage", "What are the weights made of?", "lineage"),
        _named("version batch_id lake_version statistics_hash restated_since behavior_policy")
        + _named("sha256 object_key row_count dag_run"),
        _named("-version -batch_id behavior_policy"),
    ),
    Section(
        *("audit", "Does everything recompute to what stands there?", "audit_outcome"),
        _named("audit outcome decisions versions differing unknown audited_version audited_at"),
        (),
    ),
)
