"""Guardrails in PostgreSQL: judgements of batches, append-only; which batches may be folded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from include.bandit.guardrails.result import Action, Guardrail, Outcome
from include.stores.reports.connection import Connection
from include.stores.reports.sums import BatchReference


@dataclass(frozen=True, slots=True)
class Check:
    """One judgement of a batch, as written.

    Attributes
    ----------
    batch
        The sums that were judged.
    weights_version
        What was live then.
    outcome, results
        What all guardrails ask for together, and what each says.
    dag_run, code_revision
        Which run and which code judged.
    """

    batch: BatchReference
    weights_version: int
    outcome: Outcome
    results: Sequence[Guardrail]
    dag_run: str
    code_revision: str


def gates(connection: Connection, experiment: str) -> dict[BatchReference, Action]:
    """Return the newest judgement of all sums that were ever judged."""
    rows = connection.execute(
        "select distinct on (batch_id, statistics_hash) batch_id, statistics_hash, action"
        " from allot.guardrail_check where experiment = %s"
        " order by batch_id, statistics_hash, number desc",
        (experiment,),
    )
    return {BatchReference(batch_id, name): action for batch_id, name, action in rows}


def promotable(connection: Connection, experiment: str) -> dict[BatchReference, str | None]:
    """Return of all sums that were ever judged why they do not let a challenger be promoted.

    ``None``: they do, by their newest judgement.
    """
    rows = connection.execute(
        "select distinct on (batch_id, statistics_hash) batch_id, statistics_hash, promotable,"
        " explanation from allot.guardrail_check where experiment = %s"
        " order by batch_id, statistics_hash, number desc",
        (experiment,),
    )
    return {
        BatchReference(batch_id, name): None if allowed else told
        for batch_id, name, allowed, told in rows
    }


def good_versions(connection: Connection, experiment: str, before: int) -> list[int]:
    """Return the versions before one whose batch passed every guardrail, newest first.

    By the newest judgement of the sums that the version folded. Left out are roll-backs, which
    are no new belief, and versions that gave a challenger traffic: it goes with a roll-back.
    """
    rows = connection.execute(
        "select w.version from allot.weights_snapshot as w"
        " join allot.weights_batch as b on b.experiment = w.experiment and b.version = w.version"
        " and b.batch_id = w.batch_id"
        " join allot.allocation_event as e on e.experiment = w.experiment and e.version = w.version"
        " join lateral (select c.number, c.action from allot.guardrail_check as c"
        " where c.experiment = w.experiment and c.batch_id = b.batch_id"
        " and c.statistics_hash = b.statistics_hash order by c.number desc limit 1) as g on true"
        " where w.experiment = %(slug)s::text and w.version < %(before)s and e.reason <> 'rollback'"
        " and g.action = 'proceed' and not exists (select 1 from allot.guardrail_result as r"
        " where r.experiment = w.experiment and r.batch_id = b.batch_id and r.number = g.number"
        " and r.state = 'fail' and not r.api_wide)"
        " and not exists (select 1 from allot.shadow_allocation as s"
        " where s.experiment = w.experiment and s.version = w.version and s.share > 0)"
        " order by w.version desc",
        {"slug": experiment, "before": before},
    )
    return [version for (version,) in rows]


def newest_results(
    connection: Connection, experiment: str, batch: BatchReference
) -> list[tuple[str, str, float | None, str]] | None:
    """Return (guardrail, state, value, explanation) of a batch's newest judgement, if any."""
    row = connection.execute(
        "select max(number) from allot.guardrail_check"
        " where experiment = %s and batch_id = %s and statistics_hash = %s",
        (experiment, batch.batch_id, batch.statistics_hash),
    ).fetchone()
    if row is None or row[0] is None:
        return None
    found: list[Any] = connection.execute(
        "select guardrail, state, value, explanation from allot.guardrail_result"
        " where experiment = %s and batch_id = %s and number = %s"
        ' order by guardrail collate "C"',
        (experiment, batch.batch_id, row[0]),
    ).fetchall()
    return found


def write_check(connection: Connection, experiment: str, check: Check) -> None:
    """Append a judgement; the caller holds the experiment's lock."""
    row = connection.execute(
        "insert into allot.guardrail_check (experiment, batch_id, number, statistics_hash,"
        " weights_version, action, promotable, explanation, dag_run, code_revision)"
        " select %(slug)s::text, %(batch)s::text, coalesce(max(number), 0) + 1, %(name)s,"
        " %(version)s, %(action)s, %(promotable)s, %(told)s, %(run)s, %(code)s"
        " from allot.guardrail_check"
        " where experiment = %(slug)s::text and batch_id = %(batch)s::text returning number",
        {
            "slug": experiment,
            "batch": check.batch.batch_id,
            "name": check.batch.statistics_hash,
            "version": check.weights_version,
            "action": check.outcome.action,
            "promotable": check.outcome.promotable,
            "told": check.outcome.explanation,
            "run": check.dag_run,
            "code": check.code_revision,
        },
    ).fetchone()
    number = None if row is None else row[0]
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into allot.guardrail_result (experiment, batch_id, number, guardrail, state,"
            " value, fails_beyond, critical, api_wide, explanation)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    *(experiment, check.batch.batch_id, number, one.name, one.state, one.value),
                    *(one.limit, one.critical, one.api_wide, one.explanation),
                )
                for one in check.results
            ],
        )
