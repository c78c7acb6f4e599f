"""The fleet's batches: users decide, then every DAG's tasks, in one process."""

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from include.contract.published import Published
from include.errors import AllotError, NoFeedbackError
from include.settings import Settings
from include.stores.lake.log_objects import put_records, read_records
from include.stores.reports.connection import connect
from include.stores.reports.decision_log import ExportRange, finish, objects_after
from include.stores.reports.lake import write_bronze_object
from include.stores.weights import WeightsStore
from include.tasks.decide import follow
from include.tasks.decide.step import undecided
from include.tasks.decision_log.export import export_log
from include.tasks.decision_log.silver import make_silver
from include.tasks.guard_run import guard_row
from include.tasks.judgement.store import decide_portfolio, judge_and_store
from include.tasks.lifecycle import running
from include.tasks.publish import publish_experiment
from include.tasks.update_run import aggregate_experiment, publish_row, update_row
from serving.stores.decisions import DECISIONS
from serving.stores.rewards import REWARDS
from tests.fleet.member import START, WINDOW, Member
from tests.fleet.traffic import Record, finite, logged
from tests.support.declared import registered
from tests.support.horizon import all_ended

RUN = "fleet"
_Result = TypeVar("_Result")


@dataclass
class Fleet:
    """Experiments that run side by side, and what was seen of them.

    Attributes
    ----------
    settings
        Services of the fleet alone.
    members
        Its experiments.
    seed
        Of all that is random.
    live
        Per experiment the version in force after each batch.
    failed
        Task failures as (experiment, batch, what was said).
    seconds
        By task.
    runs
        How often each ran.
    """

    settings: Settings
    members: Sequence[Member]
    seed: int
    live: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    failed: list[tuple[str, int, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    runs: Counter[str] = field(default_factory=Counter)
    _first: dict[str, Published] = field(default_factory=dict)
    _waiting: dict[int, list[Record]] = field(default_factory=lambda: defaultdict(list))

    def start(self) -> None:
        """Declare all of them, and publish what was declared."""
        for member in self.members:
            registered(self.settings, member.experiment())
            publish_experiment(self.settings, member.slug)
            self._first[member.slug] = self._served(member.slug)

    def step(self, batch: int) -> None:
        """Let users decide for a day, then run what the DAGs run, in their order."""
        live = set(self._running())
        with self._timed("users"):
            for member in self.members:
                if member.slug in live:
                    self._users(member, batch)
            # Nobody goes on to reward what has ended.
            due = self._waiting.pop(batch, [])
            self._write("reward", [one for one in due if one["experiment"] in live])
            all_ended(self.settings)
        for member in self.members:
            self._ingest(member, batch)
        for slug in self._running():
            self._update(slug)
        for slug in self._running():
            with self._expecting(slug, batch):
                self._do("judge", judge_and_store, slug, dag_run=RUN)
        with self._timed("portfolio"):
            decide_portfolio(self.settings)
        for slug in self._of(undecided(self.settings)):
            row = self._do("decide", follow.decide_row, slug, dag_run=RUN)
            self._do("end", follow.end_row, row, dag_run=RUN)
        for member in self.members:
            self.live[member.slug].append(self._served(member.slug).version)

    def reward_late(self, member: Member, batch: int) -> None:
        """Reward a decision of an old batch within its window, and bring that to silver."""
        with connect(self.settings) as connection:
            row = connection.execute(
                "select d.decision_id::text, d.decided_at from allot.decision as d"
                " where d.experiment = %s and not exists (select from allot.reward as r where"
                " r.experiment = d.experiment and r.decision_id = d.decision_id)"
                " and d.decided_at >= %s order by d.decided_at limit 1",
                (member.slug, START + timedelta(days=batch)),
            ).fetchone()
        assert row is not None, "every decision has a reward"
        decision, decided = row
        record: Record = {
            "experiment": member.slug,
            "reward_id": f"decision/{decision}",
            "decision_id": decision,
            "value": 1.0,
            "occurred_us": int(decided.timestamp() * 1e6) + 1_000_000,
        }
        self._write("reward", [record])
        all_ended(self.settings)
        self._ingest(member, len(self.live[member.slug]) - 1)

    def _running(self) -> list[str]:
        return self._of(running(self.settings)[0])

    def _of(self, slugs: Iterable[str]) -> list[str]:
        """Return those of the fleet: nothing else in the database is its business."""
        own = {member.slug for member in self.members}
        return [slug for slug in slugs if slug in own]

    def _users(self, member: Member, batch: int) -> None:
        served = self._served(member.slug)
        found = logged(member, batch, served, self._first[member.slug], self.seed)
        self._write("decision", found.decisions)
        for arrives, reward in found.rewards:
            self._waiting[batch + arrives].append(reward)

    def _write(self, kind: str, records: Iterable[Record]) -> None:
        """Write records by the API's own statements, once it acknowledged them."""
        kept = finite(list(records)) if kind == "reward" else list(records)
        statement = (REWARDS if kind == "reward" else DECISIONS).insert
        with connect(self.settings) as connection:
            for at in range(0, len(kept), 5_000):
                connection.execute(statement, (json.dumps(kept[at : at + 5_000]),))

    def _ingest(self, member: Member, batch: int) -> None:
        self._do("export", export_log, member.slug)
        if (member.breaks, member.breaks_at) == ("exported twice", batch):
            export_again(self.settings, member.slug)
        with self._expecting(member.slug, batch):
            # The fleet's clock: a batch has just closed, whatever the machine's says.
            covered = START + timedelta(days=batch + 1) + WINDOW
            self._do("silver", make_silver, member.slug, covered.isoformat())

    def _update(self, slug: str) -> None:
        row = self._do("aggregate", aggregate_experiment, slug)
        row = self._do("guard", guard_row, row, until=None, dag_run=RUN)
        row = self._do("update", update_row, row, until=None, dag_run=RUN)
        self._do("publish", publish_row, row)

    def _served(self, slug: str) -> Published:
        """Return what the API serves: the snapshot that the store's pointer names."""
        with WeightsStore(self.settings) as store:
            pointer = store.pointer(slug)
            published = None if pointer is None else store.snapshot(pointer)
        assert published is not None, f"{slug} has no weights"
        return published

    def _do(
        self, task: str, call: Callable[..., _Result], *given: object, **named: object
    ) -> _Result:
        """Run a task's function as its DAG does, and time it."""
        with self._timed(task):
            return call(self.settings, *given, **named)

    @contextmanager
    def _timed(self, task: str) -> Iterator[None]:
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[task] += time.perf_counter() - begin
            self.runs[task] += 1

    @contextmanager
    def _expecting(self, slug: str, batch: int) -> Iterator[None]:
        """Note that a task of one experiment failed; the others go on, as in the DAG."""
        try:
            yield
        except NoFeedbackError:
            pass
        except AllotError as error:
            self.failed.append((slug, batch, f"{type(error).__name__}: {error}"))


def export_again(settings: Settings, slug: str) -> None:
    """Bring half of the newest decisions to bronze a second time, as a restored database might."""
    all_ended(settings)
    with connect(settings) as connection:
        number, start, end = connection.execute(
            "insert into allot.log_export (experiment, number, from_xid, to_xid)"
            " select experiment, max(number) + 1, max(to_xid),"
            " pg_snapshot_xmin(pg_current_snapshot()) from allot.log_export where experiment = %s"
            " group by 1 returning number, from_xid::text, to_xid::text",
            (slug,),
        ).fetchone() or (0, "", "")
        [*_, newest] = [
            found
            for found in objects_after(connection, slug, 0)
            if (found.kind, found.number) == ("decision", number - 1)
        ]
    [records] = read_records(settings, slug, "decision", [newest.sha256])
    half = records.gather_every(2)
    stored = put_records(settings, half, slug, "decision", now=datetime.now(UTC))
    write_bronze_object(settings, stored)
    again = replace(newest, number=number, sha256=stored.sha256, rows=stored.rows)
    finish(settings, ExportRange(slug, number, start, end), [again])
