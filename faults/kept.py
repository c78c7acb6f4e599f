"""Nothing lost, nothing twice, nothing that nobody sent: records from the ledger to silver.

Every function returns a name, what was counted, and what is wrong (empty where nothing is).
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from faults.ledger import ASKED, DECIDED, REWARDED, REWARDING, Ledger
from include.settings import Settings

Found = tuple[str, str, str]
Rows = Sequence[dict[str, Any]]


def query(settings: Settings, text: str, **given: object) -> list[dict[str, Any]]:
    """Return the rows of a query."""
    from include.stores.reports.connection import connect

    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(text.encode(), given).fetchall()


def silver_rows(settings: Settings, experiment: str) -> Rows:
    """Return all rows that silver holds of an experiment."""
    from include.stores.lake.log_silver import scan_log

    return scan_log(settings, experiment).collect().to_dicts()


def refused_decisions(settings: Settings, experiment: str) -> list[str]:
    """Return the decisions in quarantine, by id."""
    import polars as pl

    from include.stores.lake.delta import open_table
    from include.stores.lake.quarantine import QUARANTINE
    from include.stores.lake.storage import delta_options

    table = open_table(settings, QUARANTINE)
    frame = pl.scan_delta(table, storage_options=delta_options(settings))
    found = frame.filter(pl.col("source") == experiment).select("raw").collect()
    return [json.loads(raw)["decision_id"] for raw in found["raw"]]


def decisions(
    ledger: Ledger, settings: Settings, experiment: str, silver: Rows, refused: Sequence[str]
) -> Found:
    """Acknowledged = silver, quarantine or superseded; each once; none that nobody asked for."""
    held = Counter([*(row["decision_id"] for row in silver), *refused])
    asked = {fact["decision_id"] for fact in ledger.facts(ASKED)}
    acknowledged = {fact["decision_id"]: fact for fact in ledger.facts(DECIDED)}
    superseded = _superseded(settings, experiment)
    rows = {row["decision_id"]: row for row in silver}
    wrong = {
        "lost": acknowledged.keys() - held.keys(),
        "twice": {name for name, times in held.items() if times > 1},
        "never asked for": held.keys() - asked,
        "otherwise than told": {
            name
            for name, fact in acknowledged.items()
            if name in rows
            and not _as_told(fact, rows[name])
            and (name, fact["version"], fact["arm_id"]) not in superseded
        },
    }
    extra = len(held.keys() - acknowledged.keys())
    told = f"{len(acknowledged):,} acknowledged, {extra} more applied without an answer"
    return "decisions are in silver once", told, _faults(wrong)


def _as_told(fact: dict[str, Any], row: dict[str, Any]) -> bool:
    policy = "v" + str(fact["version"])
    return bool(row["behavior_policy"] == policy and row["pscore"] == fact["propensity"])


def _superseded(settings: Settings, experiment: str) -> set[tuple[str, int, str]]:
    """Return second answers, and the firsts, by decision, version and arm."""
    text = "select record from allot.decision_superseded where experiment = %(slug)s"
    records = [json.loads(row["record"]) for row in query(settings, text, slug=experiment)]
    return {(each["decision_id"], each["version"], each["arm_ids"][0]) for each in records}


def rewards(ledger: Ledger, settings: Settings, experiment: str, silver: Rows) -> Found:
    """Acknowledged = joined, inbox or superseded; silver has those that joined, and no other."""
    sent = {fact["reward_id"] for fact in ledger.facts(REWARDING)}
    acknowledged = {fact["reward_id"] for fact in ledger.facts(REWARDED)}
    text = (
        "select reward_id, decision_id::text as decision_id, value, outcome"
        " from allot.reward_outcome where experiment = %(slug)s"
    )
    outcomes = {row["reward_id"]: row for row in query(settings, text, slug=experiment)}
    joined = {
        row["decision_id"]: row["value"] for row in outcomes.values() if row["outcome"] == "joined"
    }
    earned = {row["decision_id"]: row["reward"] for row in silver if row["reward"] != 0}
    wrong = {
        "lost": acknowledged - outcomes.keys(),
        "never sent": outcomes.keys() - sent,
        "joined, but not so in silver": {
            name for name in joined.keys() | earned.keys() if joined.get(name) != earned.get(name)
        },
    }
    inbox = Counter(row["outcome"] for row in outcomes.values() if row["outcome"] != "joined")
    told = f"{len(acknowledged):,} acknowledged, {len(joined):,} joined, inbox {dict(inbox)}"
    return "rewards are joined or in the inbox", told, _faults(wrong)


def bronze(settings: Settings, experiment: str) -> Found:
    """Every object hashes to its manifest's name; rows in = silver + quarantined."""
    from include.stores.lake.log_objects import read_records

    text = "select kind, sha256, rows from allot.log_object where experiment = %(slug)s"
    objects = query(settings, text, slug=experiment)
    rows = {"decision": 0, "reward": 0}
    for each in objects:
        # Reading compares the hash, and raises where it differs.
        [records] = read_records(settings, experiment, each["kind"], [each["sha256"]])
        rows[each["kind"]] += records.height
    [counted] = query(
        settings,
        "select coalesce(sum(rows_silver + rows_quarantined), 0)::bigint as made"
        " from allot.log_batch where experiment = %(slug)s",
        slug=experiment,
    )
    wrong = ""
    if counted["made"] != rows["decision"]:
        wrong = f"bronze has {rows['decision']} decisions, silver and quarantine {counted['made']}"
    return (
        "bronze = silver + quarantine",
        f"{len(objects)} objects, {rows['decision']:,} rows",
        wrong,
    )


def quiet(settings: Settings, spool: Path) -> Found:
    """Nothing waits in the spool, nothing was refused there, no transaction is idle."""
    left = [path.name for path in spool.rglob("*") if path.is_file() and path.suffix != ".tmp"]
    text = (
        "select pid from pg_stat_activity where state like 'idle in transaction%%'"
        " and now() - state_change > interval '1 second'"
    )
    idle = [row["pid"] for row in query(settings, text)]
    wrong = {"waiting in the spool": set(left), "idle transactions": set(map(str, idle))}
    return "quiet", "spool empty, no idle transaction", _faults(wrong)


def _faults(wrong: dict[str, set[str]]) -> str:
    return "; ".join(
        f"{len(names)} {what}: {', '.join(sorted(names)[:3])}"
        for what, names in wrong.items()
        if names
    )
