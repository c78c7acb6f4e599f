"""Whether what was shown counts, or what was decided: declared once, before the first decision."""

from typing import Any

import pytest

from include.errors import ExperimentConflictError
from include.experiments.revision import refuse_fixed_changes
from include.experiments.schema import Experiment
from tests.support.declared import experiment

LOG: dict[str, Any] = {
    "source": {"kind": "decision_log"},
    "reward": {"kind": "bernoulli", "window": "PT1H"},
}


def test_without_it_a_declaration_keeps_its_hash() -> None:
    plain = experiment(**LOG)
    assert plain.exposure is None
    assert "exposure" not in plain.document()
    shown = experiment(**LOG, exposure={"window": "PT1H"})
    assert shown.document()["exposure"] == {"window": "PT1H"}
    assert Experiment.model_validate(shown.document()) == shown
    assert shown.revision_hash() != plain.revision_hash()


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"exposure": {"window": "PT2H"}}, "longer than reward.window 1:00:00"),
        ({"exposure": {"window": "PT0S"}}, "greater than 0"),
        ({"exposure": {}}, "Field required"),
        (
            {"exposure": {"window": "PT1H"}, "source": {"kind": "open_bandit", "campaign": "men"}},
            "only the API's own decisions",
        ),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        experiment(**(LOG | changes))


def test_decisions_fix_it() -> None:
    plain, shown = experiment(**LOG), experiment(**LOG, exposure={"window": "PT1H"})
    shorter = experiment(**LOG, exposure={"window": "PT30M"})
    for before, after in ((plain, shown), (shown, plain), (shown, shorter)):
        with pytest.raises(ExperimentConflictError, match="exposure can no longer change"):
            refuse_fixed_changes(before, after)
    refuse_fixed_changes(shown, shown)
