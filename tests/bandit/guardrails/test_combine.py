"""What the guardrails of a batch together ask for."""

import pytest

from include.bandit.guardrails.result import Guardrail, State, combine


def said(
    name: str, state: State, *, critical: bool = False, arms: tuple[int, ...] = ()
) -> Guardrail:
    return Guardrail(name, state, 1.0, 2.0, "told", critical, arms)


FINE = said("inbox", "pass")


@pytest.mark.parametrize(
    ("results", "action", "promotable"),
    [
        ([FINE], "proceed", True),
        ([FINE, said("exploration", "warn")], "proceed", True),
        ([FINE, said("exploration", "fail")], "proceed", False),
        ([FINE, said("reward_drop", "unknown", critical=True)], "proceed", False),
        ([FINE, said("reward_drop", "fail", critical=True)], "roll_back", False),
        ([said("exploration", "fail"), said("snapshot_age", "fail")], "roll_back", False),
        ([said("error_rate", "fail"), said("latency", "fail")], "proceed", False),
        ([said("error_rate", "fail"), said("exploration", "fail")], "proceed", False),
        ([FINE, said("srm", "fail")], "hold", False),
        ([FINE, said("srm", "unknown")], "proceed", False),
        ([FINE, said("refused_share", "fail")], "hold", False),
        ([FINE, said("refused_share", "unknown")], "hold", False),
        ([said("srm", "fail"), said("refused_share", "fail")], "roll_back", False),
        ([said("srm", "fail", critical=True)], "roll_back", False),
    ],
)
def test_what_follows(results: list[Guardrail], action: str, promotable: bool) -> None:
    found = combine(results)
    assert (found.action, found.promotable) == (action, promotable)


def test_arms_at_fault_are_those_of_what_failed() -> None:
    results = [
        said("reward_drop", "fail", critical=True, arms=(2, 1)),
        said("exploration", "warn", arms=(0,)),
    ]
    assert combine(results).arms == (1, 2)


def test_nothing_judged_is_not_well() -> None:
    with pytest.raises(ValueError, match="no guardrail"):
        combine([])
