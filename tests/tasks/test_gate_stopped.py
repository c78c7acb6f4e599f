"""What keeps a challenger from going live, and what takes it out again."""

import pytest

from include.settings import Settings
from include.stores.reports.connection import transaction
from include.tasks.rollback import release, roll_back
from tests.support.declared import registered
from tests.support.gated import (
    FIRST,
    again,
    chain,
    faults,
    gated,
    gates,
    name_of,
    ramped,
    reasons,
    run,
    shares,
)
from tests.support.guarded import validated

pytestmark = pytest.mark.services


@pytest.fixture
def shop(database: Settings) -> Settings:
    """A database with a challenger that is neither better nor worse."""
    registered(database, gated())
    return database


def test_unknown_guardrails_block_promotion(shop: Settings) -> None:
    for number in range(5):
        _, gate, _ = run(shop, number, sound=False)
    assert gate.verdict == "pass"
    assert gate.after is not None
    assert gate.after.state == "shadow"
    assert "error_rate unknown" in gate.explanation
    assert shares(shop)[1:] == [0.0] * 5


def test_an_unknown_guardrail_stops_the_ramp_where_it_is(shop: Settings) -> None:
    ramped(shop, 3)
    with transaction(shop) as connection:
        connection.execute("delete from allot.serving_minute")
    _, gate, _ = run(shop, 3, sound=False)
    assert gate.after is not None
    assert (gate.after.state, gate.after.share) == ("ramp", 0.1)
    assert "0 of 1 batches" in gate.explanation
    assert shares(shop)[-1] == 0.1
    _, gate, _ = run(shop, 4)
    assert gate.after is not None
    assert gate.after.share == 0.5


@pytest.mark.parametrize(
    ("promotion", "why"),
    [
        ({"effective_sample_size": 1e9}, "effective sample size"),
        ({"mean_weight_tolerance": 1e-12}, "mean weight"),
    ],
)
def test_diagnostics_below_their_limits_never_pass(
    database: Settings, promotion: dict[str, float], why: str
) -> None:
    registered(database, gated(promotion={"margin": 0.02, **promotion}))
    for number in range(4):
        _, gate, _ = run(database, number, arrive=(0.741, 0.259) if number else None)
    assert gate.verdict == "unknown"
    assert why in gate.explanation
    assert max(share or 0.0 for share in shares(database)) == 0.0


@pytest.fixture
def lenient(database: Settings) -> Settings:
    """A database whose guardrails let any loss pass: only the gate sees it."""
    rules = {"snapshot_age": "P365D", "reward_drop": 1.0}
    registered(database, gated(guardrails=rules))
    return database


def test_a_challenger_that_does_harm_is_rejected_and_stays_out(lenient: Settings) -> None:
    for number in range(6):
        _, gate, _ = run(lenient, number, (0.20, 0.10))
    assert gate.after is not None
    assert gate.after.state == "rejected"
    decided = [row for row in gates(lenient) if row["state"] == "rejected"]
    assert decided[0]["upper"] < -0.02
    # From then on no shadow stands beside a version, and it never had traffic.
    assert shares(lenient)[-1] is None
    assert set(shares(lenient)) <= {None, 0.0}


def test_harm_that_shows_on_the_ramp_takes_its_traffic_at_once(lenient: Settings) -> None:
    ramped(lenient, 4)
    assert shares(lenient)[-1] == 0.5
    _, gate, _ = run(lenient, 4, (0.90, 0.10))
    assert gate.after is not None
    assert gate.after.state == "rejected"
    assert shares(lenient)[-1] is None
    assert chain(lenient)[-1].content.buckets() == (7400, 2600)
    assert faults(lenient) == []


def test_a_guardrail_that_fails_on_the_ramp_takes_the_challenger_out(shop: Settings) -> None:
    ramped(shop, 4)
    assert shares(shop)[-1] == 0.5
    guard, gate, update = run(shop, 4, (0.10, 0.02))
    assert guard.action == "roll_back"
    assert "publishing is held" in gate.explanation
    assert update.written == ()
    newest = gates(shop)[-1]
    assert (newest["state"], newest["share"], newest["verdict"]) == ("rejected", 0.0, None)
    assert "rolled back at 50%" in newest["explanation"]
    # What came back gave the challenger nothing.
    assert chain(shop)[-1].content.buckets() == (7400, 2600)
    release(shop, "shop", by="ann", why="we know")
    again(shop)
    assert shares(shop)[-1] is None
    assert chain(shop)[-1].content.buckets() == (7400, 2600)
    assert faults(shop) == []


def test_a_roll_back_by_hand_rejects_as_well(shop: Settings) -> None:
    ramped(shop, 3)
    roll_back(shop, "shop", to="default", by="ann", why="a doubt")
    newest = gates(shop)[-1]
    assert (newest["state"], newest["decided_by"]) == ("rejected", "ann")


def test_a_roll_back_says_nothing_of_a_challenger_without_traffic(shop: Settings) -> None:
    ramped(shop, 2)
    roll_back(shop, "shop", to="default", by="ann", why="a doubt")
    assert gates(shop)[-1]["state"] == "shadow"


def test_a_log_that_cannot_be_trusted_leads_back_into_the_shadow(shop: Settings) -> None:
    ramped(shop, 4)
    guard, gate, update = run(shop, 4, refused=300)
    assert guard.action == "hold"
    assert gate.after is not None
    assert (gate.after.state, gate.after.share) == ("shadow", 0.0)
    # Its traffic goes at once, though the batch is not folded.
    assert update.written == (5,)
    assert reasons(shop)[-1] == "ramp"
    assert shares(shop)[-1] == 0.0
    assert chain(shop)[-1].content.batch == name_of(3)
    assert chain(shop)[-1].content.buckets() == (7400, 2600)
    validated(shop, FIRST + 4, 10_000, 0)
    _, gate, _ = again(shop)
    assert gate.after is not None
    assert (gate.after.state, gate.after.share) == ("ramp", 0.1)
    assert faults(shop) == []
