"""Which shares come back, and the version that brings them."""

from typing import Any

import pytest

from include.bandit.rollback import DEFAULT, allowed, choose, rolled_back
from include.contract.published import Published
from include.contract.weights import POOLED_CELL, WeightsContent, contiguous_slot
from include.experiments.revision import version_zero
from include.experiments.schema import Experiment
from tests.support.guarded import own


def version(experiment: Experiment, number: int, *buckets: int) -> Published:
    zero = version_zero(experiment)
    content = WeightsContent(
        **{
            name: getattr(zero, name)
            for name in ("experiment", "revision", "parent", "method", "salt", "arms")
        },
        batch=f"2026-03-{number + 1:02d}",
        statistics="a" * 64,
        cells={POOLED_CELL: (contiguous_slot(buckets),)},
    )
    return Published(content, content.hash(), {"version": number})


SHOP = own()
LIVE = version(SHOP, 3, 4000, 6000)


def test_the_newest_good_version_comes_back() -> None:
    good = [version(SHOP, 2, 6000, 4000), version(SHOP, 1, 5000, 5000)]
    assert choose(SHOP, LIVE, good).restored == 2


def test_a_version_that_the_declaration_does_not_allow_is_passed_over() -> None:
    # The floor is 10 %.
    good = [version(SHOP, 2, 9500, 500), version(SHOP, 1, 5000, 5000)]
    assert choose(SHOP, LIVE, good).restored == 1
    assert choose(SHOP, LIVE, good[:1]) == DEFAULT


def test_a_loss_is_not_fed_by_going_back() -> None:
    good = [version(SHOP, 2, 3000, 7000), version(SHOP, 1, 5000, 5000)]
    assert choose(SHOP, LIVE, good, arms_at_fault=(1,)).restored == 1
    starved = version(SHOP, 3, 9000, 1000)
    found = choose(SHOP, starved, good, arms_at_fault=(1,))
    assert (found.restored, found.content) == (3, starved.content)


def test_the_default_where_it_is_declared_or_nothing_good_is_there() -> None:
    good = [version(SHOP, 2, 6000, 4000)]
    assert choose(own(guardrails={"restore": "default"}), LIVE, good) == DEFAULT
    assert choose(SHOP, LIVE, []) == DEFAULT


@pytest.mark.parametrize(
    ("changes", "fits"),
    [({}, True), ({"arms": ["old", "new", "newer"]}, False), ({"positions": 2}, False)],
)
def test_other_arms_or_positions_do_not_fit(changes: dict[str, Any], fits: bool) -> None:
    assert allowed(own(**changes), LIVE.content) == fits


@pytest.mark.parametrize("mode", ["rerandomise", "nested"])
def test_the_version_follows_its_parent_and_believes_nothing_new(mode: str) -> None:
    shop = own(assignment=mode)
    live, old = version(shop, 3, 4000, 6000), version(shop, 2, 7000, 3000)
    content = rolled_back(shop, live.content, old.content)
    assert content.buckets() == (7000, 3000)
    assert (content.parent, content.batch) == (live.content_hash, live.content.batch)
    assert content.statistics == live.content.statistics
    assert content.hash() == rolled_back(shop, live.content, old.content).hash()
    assert rolled_back(shop, live.content, None).buckets() == (5000, 5000)
    # Only under nested do units keep their arm as far as shares let them.
    assert (content.salt == live.content.salt) == (mode == "nested")
