"""What an experiment declares about metrics is checked when it is declared."""

from typing import Any

import pytest

from include.errors import ExperimentConflictError
from include.experiments.metric import covariates_of, values_of
from include.experiments.revision import refuse_fixed_changes
from serving.change_requests import ExperimentPatch
from tests.support.sums import declare

RATIO = {"of": "clicks", "per": "views"}
METRICS: dict[str, Any] = {
    "revenue": {"cap": 100.0, "covariate": "visits"},
    "log-revenue": {"value": "logged"},
    "ctr": {"ratio": RATIO},
}


def test_metrics_name_what_records_carry() -> None:
    declared = declare(2, metrics=METRICS).metrics
    assert values_of(declared) == ("clicks", "logged", "revenue", "views")
    assert covariates_of(declared.values()) == ("visits",)
    assert [declared[name].method for name in METRICS] == ["cuped", "mean", "ratio"]


@pytest.mark.parametrize(
    ("metrics", "fault"),
    [
        ({"a": {"cap": 0.0}}, "greater than 0"),
        ({"a": {"cap": float("nan")}}, "cap"),
        ({"a": {"ratio": RATIO, "cap": 1.0}}, "a ratio has no cap"),
        ({"a": {"ratio": RATIO, "covariate": "x"}}, "a ratio has no covariate"),
        ({"a": {"ratio": {"of": "x", "per": "x"}}}, "always 1"),
        ({"reward": {}}, "guardrails know"),
        ({"A b": {}}, "pattern"),
        ({"a": {"quantile": 0.99}}, "Extra inputs"),
        ({f"m{number}": {} for number in range(21)}, "at most 20"),
        (
            {f"m{n}": {"ratio": {"of": f"a{n}", "per": f"b{n}"}} for n in range(11)},
            "22 values; a record carries at most 20",
        ),
    ],
)
def test_what_cannot_be_a_metric_is_refused(metrics: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        declare(2, metrics=metrics)


def test_a_foreign_log_has_no_metrics() -> None:
    source = {"kind": "open_bandit", "campaign": "men"}
    with pytest.raises(ValueError, match="Open Bandit Dataset has none"):
        declare(2, source=source, metrics={"a": {}})


def test_declarations_without_metrics_keep_their_hash() -> None:
    assert "metrics" not in declare(2).document()
    assert declare(2, metrics={}).revision_hash() == declare(2).revision_hash()
    assert declare(2, metrics={"a": {}}).revision_hash() != declare(2).revision_hash()


def test_metrics_may_join_and_never_change() -> None:
    """A cap that is chosen after the data was seen is no cap declared in advance."""
    before = declare(2, metrics=METRICS)
    refuse_fixed_changes(declare(2), before)
    refuse_fixed_changes(before, declare(2, metrics=METRICS | {"more": {}}))
    for after in (METRICS | {"revenue": {"cap": 50.0}}, {"ctr": {"ratio": RATIO}}):
        with pytest.raises(ExperimentConflictError, match=r"metrics can no longer[\s\S]*revenue"):
            refuse_fixed_changes(before, declare(2, metrics=after))


def test_a_patch_adds_to_the_metrics() -> None:
    patch = ExperimentPatch.model_validate({"metrics": {"more": {"cap": 5}}})
    for document in (declare(2).document(), declare(2, metrics=METRICS).document()):
        names = set(patch.applied(document)["metrics"])
        assert names == {"more", *document.get("metrics", ())}
