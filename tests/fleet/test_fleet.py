"""A part of the fleet, of every kind, on the real services; `make fleet` runs all of it."""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest

from include.bandit.planner import PlanRequest, plan
from include.settings import Settings
from include.stores.weights import WeightsStore
from include.tasks.guard_run import guard_row
from include.tasks.judgement.store import judge_and_store
from include.tasks.update_run import aggregate_experiment, publish_row, update_row
from tests.fleet.member import HARM_BY, START, WINDOW, Member
from tests.fleet.run import RUN, Fleet
from tests.fleet.table import FLEET, HARMS
from tests.fleet.verify import verified
from tests.support.logged import rows

SEED = 20_260_302
BATCHES = 8
IN_TESTS = (
    *("null-slate", "lift-real", "harm-half", "drift-lift", "delay-lift", "srm-refused"),
    *("broken-kind", "broken-twice", "broken-nan"),
)
HISTORY = ("recommendation", "verdict_answer", "experiment_revision", "weights_snapshot")


@pytest.mark.parametrize("member", HARMS, ids=lambda member: member.slug)
def test_a_harm_is_one_that_the_planner_would_find(member: Member) -> None:
    """Even of the part of the loss that is beyond what the guardrail bears."""
    control, worse = member.rates[0], member.rates[-1]
    bears = member.experiment().guardrails.reward_drop
    request = PlanRequest(
        arms=len(member.rates),
        base_rate=worse,
        uplift=control * (1 - bears) - worse,
        floor=member.floor,
        traffic=member.units,
        batches=HARM_BY,
        policy=member.policy,
    )
    assert set(member.rates[1:]) == {worse}, "the planner knows one better arm"
    assert plan(request, np.random.default_rng(1)).power >= 0.99


def test_fifty_with_every_kind_and_breakage() -> None:
    assert len(FLEET) == len({member.slug for member in FLEET}) == 50
    tested = [member for member in FLEET if member.slug in IN_TESTS]
    assert len(tested) == len(IN_TESTS)
    assert {member.kind for member in tested} == {member.kind for member in FLEET}
    assert {member.ends for member in tested} == {"runs", "ships", "stops", "rolls back"}


@pytest.mark.services
@pytest.mark.timeout(900)
def test_every_experiment_ends_as_was_fixed(isolated: Settings) -> None:
    fleet = Fleet(isolated, [one for one in FLEET if one.slug in IN_TESTS], SEED)
    fleet.start()
    for batch in range(BATCHES):
        fleet.step(batch)
    found = {member.slug: verified(fleet, member) for member in fleet.members}
    assert {slug: ended.faults for slug, ended in found.items()} == dict.fromkeys(found, ())
    for slug in ("drift-lift", "delay-lift"):
        backfilled(fleet, next(member for member in fleet.members if member.slug == slug))


def backfilled(fleet: Fleet, member: Member) -> None:
    """A reward of the first day arrives after the verdict: sums change, and no history."""
    settings, slug = fleet.settings, member.slug
    before = {table: list(_history(settings, table, slug)) for table in HISTORY}
    live = _live(settings, slug)
    fleet.reward_late(member, 0)
    end = START + timedelta(days=1) + WINDOW
    row = aggregate_experiment(settings, slug, until=end)
    assert row["batches"] == 1, "the sums of the first day are due"
    row = update_row(
        settings, guard_row(settings, row, until=end, dag_run=RUN), until=end, dag_run=RUN
    )
    publish_row(settings, row)
    judge_and_store(settings, slug, dag_run=RUN)
    assert {table: list(_history(settings, table, slug)) for table in HISTORY} == before
    assert _live(settings, slug) == live


def _history(settings: Settings, table: str, slug: str) -> Iterator[object]:
    yield from rows(
        settings, f"select * from allot.{table} where experiment = '{slug}' order by 1, 2, 3"
    )


def _live(settings: Settings, slug: str) -> object:
    with WeightsStore(settings) as store:
        return store.pointer(slug)
