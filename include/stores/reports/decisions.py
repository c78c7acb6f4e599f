"""Recommendations and what became of them: append-only, one of each per judgement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from include.contract.canonical import Json
from include.stores.reports.connection import Connection

Answer = Literal["approved", "rejected", "automatic", "superseded"]

_KEY: Final = "experiment = %s and batch_id = %s and judgement_hash = %s"
_COLUMNS: Final = (
    *("experiment", "batch_id", "judgement_hash", "kind", "arm", "summary", "checks", "arms"),
    *("rules", "days", "maximum_days", "code_revision", "dag_run"),
)


class Key(NamedTuple):
    """What names a recommendation."""

    experiment: str
    batch_id: str
    judgement_hash: str


@dataclass(frozen=True, slots=True)
class StoredRecommendation:
    """A recommendation as its row holds it."""

    key: Key
    kind: str
    arm: str | None
    summary: str
    checks: Sequence[Mapping[str, Any]]
    arms: Sequence[Mapping[str, Any]]
    rules: Mapping[str, Any]
    days: float
    maximum_days: float
    code_revision: str
    dag_run: str


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """What became of a recommendation; ``revision`` is the declaration that followed, if any."""

    answer: Answer
    answered_by: str
    reason: str
    answered_at: datetime
    dag_run: str
    revision: int | None = None


def insert_recommendation(connection: Connection, new: StoredRecommendation) -> bool:
    """Write a recommendation; of two for one judgement the first stands.

    Returns
    -------
    bool
        Whether it is ours.
    """
    checks: list[Json] = [dict(check) for check in new.checks]
    arms: list[Json] = [dict(arm) for arm in new.arms]
    columns, marks = ", ".join(_COLUMNS), ", ".join(["%s"] * len(_COLUMNS))
    row = connection.execute(
        f"insert into allot.recommendation ({columns}) values ({marks})"  # noqa: S608 — constants
        " on conflict do nothing returning 1".encode(),
        (
            *(*new.key, new.kind, new.arm, new.summary, Jsonb(checks), Jsonb(arms)),
            *(Jsonb(dict(new.rules)), new.days, new.maximum_days, new.code_revision, new.dag_run),
        ),
    ).fetchone()
    return row is not None


def read_recommendation(connection: Connection, key: Key) -> StoredRecommendation:
    """Return one recommendation.

    Raises
    ------
    LookupError
        If there is no such one.
    """
    found = _recommendations(connection, f"where {_KEY}", key)
    if not found:
        raise LookupError(f"no recommendation for {key.experiment!r}, batch {key.batch_id}")
    return found[0]


def newest_recommendation(
    connection: Connection, experiment: str, *, but: Key | None = None
) -> StoredRecommendation | None:
    """Return an experiment's newest recommendation, or the newest but one of them."""
    found = _recommendations(
        connection,
        "where experiment = %s and judgement_hash is distinct from %s"
        " order by recommended_at desc, batch_id desc limit 1",
        (experiment, None if but is None else but.judgement_hash),
    )
    return found[0] if found else None


def open_question(connection: Connection, experiment: str) -> Key | None:
    """Return the recommendation that a person should answer; ``None`` where nothing waits.

    That is the oldest unanswered one that says what the newest says, with nothing else
    between: what was asked once is not asked again every day.
    """
    rows = connection.execute(
        "select r.batch_id, r.judgement_hash, r.kind, r.arm, a.answer"
        " from allot.recommendation as r left join allot.verdict_answer as a"
        " using (experiment, batch_id, judgement_hash)"
        " where r.experiment = %s order by r.recommended_at desc, r.batch_id desc",
        (experiment,),
    ).fetchall()
    found: Key | None = None
    for batch_id, judgement_hash, kind, arm, answer in rows:
        if kind == "keep_running" or answer is not None or (kind, arm) != (rows[0][2], rows[0][3]):
            break
        found = Key(experiment, batch_id, judgement_hash)
    return found


def insert_answer(connection: Connection, key: Key, new: NewAnswer) -> None:
    """Write what became of a recommendation; a second answer is refused by its key."""
    connection.execute(
        "insert into allot.verdict_answer (experiment, batch_id, judgement_hash, answer,"
        " answered_by, reason, answered_at, dag_run, revision)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            *(*key, new.answer, new.answered_by, new.reason, new.answered_at),
            *(new.dag_run, new.revision),
        ),
    )


def read_answer(connection: Connection, key: Key) -> NewAnswer | None:
    """Return what became of a recommendation; ``None`` while nobody answered."""
    row = connection.execute(
        "select answer, answered_by, reason, answered_at, dag_run, revision"  # noqa: S608
        f" from allot.verdict_answer where {_KEY}".encode(),
        key,
    ).fetchone()
    return None if row is None else NewAnswer(*row)


def has_ended(connection: Connection, experiment: str) -> bool:
    """Tell whether a verdict ended the experiment, whatever is still drawn for a holdout."""
    row = connection.execute(
        "select exists (select 1 from allot.verdict_answer"
        " where experiment = %s and revision is not null)",
        (experiment,),
    ).fetchone()
    return bool(row and row[0])


def undecided(connection: Connection) -> list[str]:
    """Return the slugs of all experiments that run and that no verdict has ended, in order.

    An A/A experiment has nothing to decide: its judgements are a check of the machinery.
    """
    return [
        slug
        for (slug,) in connection.execute(
            "select s.experiment from allot.experiment_status as s where s.state = 'running'"
            " and not exists (select 1 from allot.verdict_answer as a"
            " where a.experiment = s.experiment and a.revision is not null)"
            " and (select r.document ->> 'mode' from allot.experiment_revision as r"
            " where r.experiment = s.experiment and r.revision = s.revision) is distinct from 'aa'"
            " order by s.experiment"
        )
    ]


def _recommendations(
    connection: Connection, where: str, given: tuple[object, ...]
) -> list[StoredRecommendation]:
    query = f"select {', '.join(_COLUMNS)} from allot.recommendation {where}"  # noqa: S608
    with connection.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(query.encode(), given).fetchall()
    return [
        StoredRecommendation(
            key=Key(row.pop("experiment"), row.pop("batch_id"), row.pop("judgement_hash")), **row
        )
        for row in rows
    ]
