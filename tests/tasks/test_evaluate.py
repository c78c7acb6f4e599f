"""Evaluation against real silver and PostgreSQL: honest, repeatable, by hand where it can be."""

from typing import Any

import numpy as np
import pytest

from include.errors import LakeError, NoFeedbackError, UnknownExperimentError
from include.settings import Settings
from include.stores.reports.connection import connect
from include.tasks.evaluate import EvaluationReport, evaluate_experiment
from include.tasks.update import update_experiment
from tests.support.declared import experiment, observe, registered
from tests.support.evaluated import (
    BTS,
    RANDOM,
    RATES,
    SOURCE,
    evaluate_shop,
    feed_shop,
    rows_of,
)
from tests.support.silver import BATCHES, uniform_log, write_silver

pytestmark = pytest.mark.services


@pytest.fixture
def shop(isolated: Settings) -> Settings:
    feed_shop(isolated)
    return isolated


def _value(settings: Settings, *key: str) -> dict[str, Any]:
    names = ("log", "evaluation_policy", "estimator", "interval_method", "position")
    wanted = (*key, "normal", "all")
    found = [r for r in rows_of(settings, "policy_value") if tuple(r[n] for n in names) == wanted]
    assert len(found) == 1, f"{len(found)} rows for {wanted}"
    return found[0]


TABLES = ("policy_value", "policy_diagnostics", "regret", "learning_point", "self_grade")


def test_twice_is_once(shop: Settings) -> None:
    first = evaluate_shop(shop)
    before = {table: rows_of(shop, table) for table in TABLES}
    assert evaluate_shop(shop, dag_run="again") == first
    assert {table: rows_of(shop, table) for table in TABLES} == before
    assert all(before[table] for table in TABLES)
    assert len(rows_of(shop, "evaluation")) == 1


def test_the_logs_own_policy_is_worth_its_mean(shop: Settings) -> None:
    evaluate_shop(shop)
    mean = np.mean([row.reward for row in RANDOM])
    assert _value(shop, "random", "random", "on-policy")["value"] == pytest.approx(mean, rel=1e-12)
    assert _value(shop, "random", "uniform", "ips")["value"] == pytest.approx(mean, rel=1e-12)


def test_ips_and_snips_from_the_other_log_are_those_computed_by_hand(shop: Settings) -> None:
    evaluate_shop(shop)
    weights = [1 / 3 / row.pscore for row in BTS]
    weighted = sum(w * row.reward for w, row in zip(weights, BTS, strict=True))
    assert _value(shop, "bts", "uniform", "ips")["value"] == pytest.approx(weighted / len(BTS))
    assert _value(shop, "bts", "uniform", "snips")["value"] == pytest.approx(
        weighted / sum(weights)
    )


def test_values_that_are_looked_at_daily_have_intervals_that_allow_it(shop: Settings) -> None:
    evaluate_shop(shop)
    found = {
        (r["log"], r["estimator"], r["interval_method"]): r
        for r in rows_of(shop, "policy_value")
        if (r["evaluation_policy"], r["position"]) == ("uniform", "all")
    }
    for log, estimator, method in (
        ("random", "ips", "betting"),
        ("random", "ips", "empirical-bernstein"),
        ("random", "dr", "empirical-bernstein"),
        ("bts", "ips", "betting"),
        ("bts", "dr", "asymptotic"),
    ):
        wide, narrow = found[log, estimator, method], found[log, estimator, "normal"]
        assert wide["hi"] - wide["lo"] > narrow["hi"] - narrow["lo"], method
        assert wide["lo"] <= np.mean(RATES) <= wide["hi"], method
    # The lowest propensity that bts could have had was not known beforehand.
    assert ("bts", "ips", "empirical-bernstein") not in found


def test_the_asymptotic_sequence_is_tuned_alike_at_every_look(isolated: Settings) -> None:
    from include.bandit.ope.confidence_sequence import asymptotic

    registered(isolated, experiment())
    first = len([row for row in BTS if row.batch == BATCHES[0]])
    for batches in (2, 3):
        write_silver(isolated, [r for r in BTS if r.batch in BATCHES[:batches]], SOURCE, "bts")
        evaluate_shop(isolated)
        (row,) = [
            r
            for r in rows_of(isolated, "policy_value")
            if (r["evaluation_policy"], r["batch_id"], r["interval_method"])
            == ("uniform", BATCHES[batches - 1], "asymptotic")
        ]
        expected = asymptotic(row["value"], row["variance"], row["n"], 0.95, tuned_for=5 * first)
        assert (row["lo"], row["hi"]) == pytest.approx((expected.lower, expected.upper))


def test_mips_groups_arms_by_their_features(isolated: Settings) -> None:
    import polars as pl

    from include.stores.lake.item_features import FEATURES, replace_item_features

    arms = 34
    rates = [0.3] * arms
    registered(isolated, experiment(arms=[f"item-{arm}" for arm in range(arms)], limits={}))
    write_silver(isolated, uniform_log(rates), SOURCE, "random")
    without = evaluate_shop(isolated)
    assert not [r for r in rows_of(isolated, "policy_value") if r["estimator"] == "mips"]
    kinds = dict(zip(FEATURES, [pl.Float64, pl.String, pl.String, pl.String], strict=True))
    columns = {name: [f"{arm % 2}" for arm in range(arms)] for name in FEATURES[1:]}
    numbers = {FEATURES[0]: [float(arm) for arm in range(arms)]}
    items = pl.DataFrame({**numbers, **columns}, schema=kinds).select(
        pl.Series("arm", range(arms), pl.Int16), *FEATURES
    )
    replace_item_features(isolated, SOURCE, "random", items)
    # Features are part of what was read: it is another evaluation.
    assert evaluate_shop(isolated).statistics_hash != without.statistics_hash
    grouped = _value(isolated, "random", "bts-approximation", "mips")
    (plain, _) = [
        row
        for row in rows_of(isolated, "policy_value")
        if (row["evaluation_policy"], row["estimator"], row["interval_method"], row["position"])
        == ("bts-approximation", "ips", "normal", "all")
    ]
    assert grouped["hyper_parameters"] == {"groups": 2.0}
    assert grouped["variance"] < plain["variance"]


def test_weights_are_judged_on_their_own_log_only_by_later_batches(shop: Settings) -> None:
    """Every batch of the own log meets the version that folded the batches before it."""
    for batch, clicks in zip(BATCHES, ([5, 10, 60], [5, 10, 70], [60, 5, 5]), strict=True):
        observe(shop, batch, clicks)
    assert update_experiment(shop, "shop").head == 3
    evaluate_shop(shop)
    with connect(shop) as connection:
        shares = {
            (version, arm): share
            for version, arm, share in connection.execute(
                "select version, arm, share from allot.allocation where experiment = 'shop'"
            )
        }
    live_before = {batch: index for index, batch in enumerate(BATCHES)}
    by_hand = np.mean(
        [shares[live_before[row.batch], row.arm] / row.pscore * row.reward for row in RANDOM]
    )
    row = _value(shop, "random", "weights-sequence", "ips")
    assert row["value"] == pytest.approx(by_hand, rel=1e-9)
    assert row["basis"] == "earlier batches"
    newest = [r["evaluation_policy"] for r in rows_of(shop, "policy_value") if r["log"] == "random"]
    assert not any(name.startswith("weights-v") for name in newest)
    other = _value(shop, "bts", "weights-v3", "ips")
    assert other["basis"] == "other log"
    assert other["value"] == pytest.approx(
        np.mean([shares[3, row.arm] / row.pscore * row.reward for row in BTS]), rel=1e-9
    )


def test_a_log_that_is_streamed_gives_what_it_gives_in_memory(shop: Settings) -> None:
    key = ("log", "evaluation_policy", "position", "estimator", "interval_method")

    def found(
        table: str, names: tuple[str, ...], report: EvaluationReport
    ) -> dict[tuple[str, ...], dict[str, Any]]:
        rows = [r for r in rows_of(shop, table) if r["statistics_hash"] == report.statistics_hash]
        return {tuple(row[name] for name in names): row for row in rows}

    whole, parts = evaluate_shop(shop), evaluate_shop(shop, most_rows=10)
    values, streamed = found("policy_value", key, whole), found("policy_value", key, parts)
    # Nothing but the bootstrap needs all rows at once.
    assert set(values) - set(streamed) == {name for name in values if name[-1] == "bootstrap"}
    assert {name[3] for name in streamed} >= {
        "clipped-ips",
        "sg-ips",
        "switch-dr",
        "dr-os",
        "sg-dr",
    }
    assert {name[4] for name in streamed} >= {"betting", "asymptotic", "empirical-bernstein"}
    for name, row in streamed.items():
        for number in ("value", "variance", "lo", "hi"):
            assert row[number] == pytest.approx(values[name][number], rel=1e-9, abs=1e-12), name
        assert row["hyper_parameters"] == pytest.approx(values[name]["hyper_parameters"]), name
    checks = found("policy_diagnostics", key[:-1], whole)
    for name, row in found("policy_diagnostics", key[:-1], parts).items():
        for number in ("effective_sample_size", "mean_weight", "disagreement", "effective_rewards"):
            assert row[number] == pytest.approx(checks[name][number], rel=1e-6, abs=1e-9), name
        if name[2] == "all":
            assert row["largest_weight"] == pytest.approx(checks[name]["largest_weight"])
        assert row["verdict"] == checks[name]["verdict"], name
    assert not found("learning_point", ("log", "policy", "up_to_batch"), parts)


def test_new_rows_are_a_new_evaluation(shop: Settings) -> None:
    first = evaluate_shop(shop)
    write_silver(shop, uniform_log(RATES, seed=99), SOURCE, "random")
    second = evaluate_shop(shop)
    assert first.statistics_hash != second.statistics_hash
    assert len(rows_of(shop, "evaluation")) == 2


def test_an_experiment_without_rows_says_so(isolated: Settings) -> None:
    registered(isolated, experiment())
    with pytest.raises(LakeError, match="ingest"):
        evaluate_shop(isolated)
    write_silver(isolated, RANDOM, "open_bandit-women", "random")
    with pytest.raises(NoFeedbackError, match="has no row for experiment 'shop'"):
        evaluate_shop(isolated)


def test_an_unknown_experiment_is_named(isolated: Settings) -> None:
    with pytest.raises(UnknownExperimentError, match="nowhere"):
        evaluate_experiment(isolated, "nowhere", dag_run="", code_revision="")
