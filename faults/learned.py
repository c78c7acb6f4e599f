"""What was learned follows from what was logged: sums, decisions, versions, shares.

Every function returns a name, what was counted, and what is wrong (empty where nothing is).
"""

from itertools import pairwise
from math import isclose
from typing import Final

import httpx

from faults.kept import Found, Rows, query
from faults.ledger import DECIDED, Ledger
from faults.own_sums import Cell, statistics_of, sums_of
from include.experiments.schema import Experiment
from include.settings import Settings

CLOSE: Final = 1e-9
# An answer may be as old as this unless it says that it is stale: ALLOT_SERVING_STALE_SECONDS.
STALE_SECONDS: Final = 10.0
CONNECTIONS: Final = 24
_CURRENT: Final = (
    "select s.batch_id, s.version, s.arm, s.n, s.decisions, s.sum_r, s.sum_ip"
    " from allot.arm_statistics as s inner join allot.batch_statistics as b"
    " using (experiment, batch_id, statistics_hash)"
    " where b.superseded_at is null and s.experiment = %(slug)s"
)


def sums(settings: Settings, experiment: str, silver: Rows) -> Found:
    """Σn, Σr and Σ1/p per batch, version and arm are those of silver's rows."""
    own = sums_of(silver, _declared(settings, experiment).batch)
    stored = {
        (row["batch_id"], row["version"], row["arm"]): row
        for row in query(settings, _CURRENT, slug=experiment)
    }
    differ = [
        key
        for key in sorted(own.keys() | stored.keys())
        if key not in own or key not in stored or not _same(own[key], stored[key])
    ]
    wrong = f"{len(differ)} differ: {differ[:3]}" if differ else ""
    if not own:
        wrong = "silver is empty, so nothing was compared"
    units = sum(cell.n for cell in own.values())
    return "sums are those of silver", f"{len(own)} sums of {units:,} units", wrong


def _declared(settings: Settings, experiment: str) -> Experiment:
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read

    with transaction(settings) as connection:
        return read(connection, experiment).experiment


def _same(own: Cell, stored: dict[str, float]) -> bool:
    return (
        (own.n, own.decisions) == (stored["n"], stored["decisions"])
        and isclose(own.sum_r, stored["sum_r"], rel_tol=CLOSE)
        and isclose(own.sum_ip, stored["sum_ip"], rel_tol=CLOSE)
    )


def recomputed(settings: Settings, experiment: str) -> Found:
    """Every decision and version comes out of its snapshot and its sums again."""
    from include.tasks.audit.run import audit_experiment

    row = audit_experiment(settings, experiment, everything=True, dag_run="faults")
    told = f"{row['decisions']:,} decisions and {row['versions']} versions recomputed"
    bad = row["differing"] + row["unknown"]
    wrong = f"{row['differing']} differ, {row['unknown']} unknown (audit {row['audit']})"
    return (
        "decisions follow from their snapshot",
        told,
        wrong if bad or not row["decisions"] else "",
    )


def chain(settings: Settings, experiment: str, url: str) -> Found:
    """One chain; PostgreSQL's head = the store's pointer = what every connection is answered."""
    from include.stores.reports.connection import transaction
    from include.stores.reports.weights import history
    from include.stores.weights import WeightsStore

    with transaction(settings) as connection:
        versions = history(connection, experiment)
    head = versions[-1].pointer()
    wrong = [
        f"v{after.version} does not follow v{before.version}"
        for before, after in pairwise(versions)
        if after.content.parent != before.content_hash or after.version != before.version + 1
    ]
    with WeightsStore(settings) as store:
        if (pointer := store.pointer(experiment)) != head:
            wrong.append(f"the store points to {pointer}, PostgreSQL's head is {head}")
    told = {_answered(url, experiment) for _ in range(CONNECTIONS)}
    if told != {(head.version, head.content_hash)}:
        wrong.append(f"served: {sorted(told)}, head is v{head.version}")
    return "head = pointer = what is served", f"{len(versions)} versions", "; ".join(wrong)


def _answered(url: str, experiment: str) -> tuple[int, str]:
    answer = httpx.get(f"{url}/allocation", params={"experiment_id": experiment}, timeout=5.0)
    answer.raise_for_status()
    return int(answer.json()["version"]), str(answer.json()["content_hash"])


def undisturbed(settings: Settings, experiment: str, silver: Rows) -> Found:
    """Compare the newest weights and P(best) with what silver's rows give without any history."""
    from include.bandit.allocation import allocate
    from include.stores.reports.connection import transaction
    from include.stores.reports.weights import folded_batches, head

    with transaction(settings) as connection:
        live = head(connection, experiment)
        folded = [each.batch_id for each in folded_batches(connection, experiment, live.version)]
    declared = _declared(settings, experiment)
    own = sums_of(silver, declared.batch)
    missing = sorted({batch for batch, _, _ in own} - set(folded))
    result = allocate(declared, statistics_of(own, folded, len(declared.arms)))
    stored = query(
        settings,
        "select arm, buckets, best_probability from allot.allocation"
        " where experiment = %(slug)s and version = %(version)s order by arm",
        slug=experiment,
        version=live.version,
    )
    [slot] = result.allocations
    wrong = [f"batches not learned from: {missing[:3]}"] if missing else []
    if [row["buckets"] for row in stored] != list(slot.buckets):
        wrong.append(f"buckets {[row['buckets'] for row in stored]}, recomputed {slot.buckets}")
    best = [row["best_probability"] for row in stored]
    if not all(
        isclose(a, b, abs_tol=CLOSE) for a, b in zip(best, slot.best_probability, strict=True)
    ):
        wrong.append(f"P(best) {best}, recomputed {slot.best_probability}")
    told = f"v{live.version} from {len(folded)} batches: {list(slot.buckets)}"
    return "weights as if undisturbed", told, "; ".join(wrong)


def forward(ledger: Ledger) -> Found:
    """No answer is older than another one was a staleness bound before, unless it says so."""
    facts = sorted(ledger.facts(DECIDED), key=lambda fact: float(fact["at"]))
    bound, at = -1, 0
    back = []
    for fact in facts:
        while facts[at]["at"] < fact["asked"] - STALE_SECONDS:
            bound = max(bound, facts[at]["version"])
            at += 1
        if fact["version"] < bound and not fact["stale"]:
            back.append((bound, fact["version"]))
    wrong = f"{len(back)} answers went back, as {back[:3]}" if back else ""
    highest = max((fact["version"] for fact in facts), default=None)
    return "answers never go back", f"up to v{highest}", wrong
