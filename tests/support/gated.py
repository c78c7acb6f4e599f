"""An experiment with a challenger, whose batches pass every guardrail unless told otherwise."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from include.contract.published import Published
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.reports.connection import connect, transaction
from include.stores.reports.experiments import revisions
from include.stores.reports.shadows import shadow_of
from include.stores.reports.weights import history
from include.tasks.audit.versions import version_findings
from include.tasks.gate import GateReport, gate_experiment
from include.tasks.guard import GuardReport, guard_experiment
from include.tasks.update import UpdateReport, update_experiment
from tests.support.guarded import START, batch_of_log, day, own

EVEN: Final = (0.10, 0.10)
CHALLENGER: Final = {"name": "fixed", "params": {"shares": [0.2, 0.8]}}
# Weights are live from now on: batches before it had none.
FIRST: Final = (datetime.now(UTC) - START).days


def gated(**changes: Any) -> Experiment:
    """Fixed shares 74/26 in force and 26/74 in the shadow, behind a floor."""
    given: dict[str, Any] = {
        "policy": {"name": "fixed", "params": {"shares": [0.8, 0.2]}},
        "gate": True,
        "challenger": CHALLENGER,
        "promotion": {"margin": 0.02},
        "guardrails": {"snapshot_age": "P365D"},
    }
    return own(**(given | changes))


def name_of(number: int) -> str:
    """Name of a batch, counted from 0."""
    return day(FIRST + number)


def batch(
    settings: Settings,
    number: int,
    rates: Sequence[float] = EVEN,
    *,
    sound: bool = True,
    **told: Any,
) -> None:
    """Write a batch as the live version drew it; ``sound``: with all that guardrails ask for."""
    if sound:
        _served(settings)
        _rewarded(settings, number)
    batch_of_log(settings, FIRST + number, rates, **told)


def run(
    settings: Settings, number: int, rates: Sequence[float] = EVEN, **told: Any
) -> tuple[GuardReport, GateReport, UpdateReport]:
    """One batch as the DAG takes it: sums, guard, gate, update."""
    batch(settings, number, rates, **told)
    return again(settings)


def again(settings: Settings) -> tuple[GuardReport, GateReport, UpdateReport]:
    """The same steps without a new batch."""
    guard = guard_experiment(settings, "shop", dag_run="test")
    gate = gate_experiment(settings, "shop", dag_run="test")
    return guard, gate, update_experiment(settings, "shop", guarded=True)


def _served(settings: Settings) -> None:
    """The API answers fast and without errors."""
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    with transaction(settings) as connection:
        connection.execute(
            "insert into allot.serving_minute values"
            " (%s, '/decision', 'aaaaaaaaaaaa', 1000, 0, 0, 10, '{0.05, 0.12, 0.25}',"
            " '{1000, 0, 0, 0}') on conflict do nothing",
            (minute,),
        )


def _rewarded(settings: Settings, number: int) -> None:
    """A reward occurs in the batch, and finds what it rewards."""
    noon = START + timedelta(days=FIRST + number, hours=12)
    with transaction(settings) as connection:
        connection.execute(
            "insert into allot.reward (experiment, reward_id, arm_id, value, occurred_at)"
            " values ('shop', %s, 'old', 1, %s) on conflict do nothing",
            (name_of(number), noon),
        )


def chain(settings: Settings) -> list[Published]:
    """Return every published version."""
    with connect(settings) as connection:
        return history(connection, "shop")


def shares(settings: Settings) -> list[float | None]:
    """Return the challenger's share of every version; ``None`` where no shadow stands beside it."""
    with connect(settings) as connection:
        found = [shadow_of(connection, "shop", v.version) for v in chain(settings)]
    return [None if one is None else one[0].share for one in found]


def reasons(settings: Settings) -> list[str]:
    """Return why each version was published."""
    return [str(version.provenance["reason"]) for version in chain(settings)]


def gates(settings: Settings) -> list[dict[str, Any]]:
    """Return the view of the gate, a row per version and position."""
    with connect(settings) as connection:
        cursor = connection.execute("select * from allot.gates order by number, position")
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def faults(settings: Settings) -> list[str]:
    """Return what the audit of versions finds."""
    with connect(settings) as connection:
        declared = {one.revision_hash: one for one in revisions(connection, "shop")}
        found = version_findings(connection, history(connection, "shop"), declared)
        return [f"{one.name} {one.verdict} {one.what}: {one.explanation}" for one in found]


def ramped(settings: Settings, batches: int = 4) -> None:
    """Run batches until the challenger has a share: the third run lets it out of the shadow."""
    for number in range(batches):
        run(settings, number)
