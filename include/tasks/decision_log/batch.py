"""Leaving one batch of the decision log behind: quarantine, silver, rows and a report."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from include.errors import RowCountError
from include.expectations.checks import Tally, add_up
from include.expectations.decision_log import LEFT_OUT
from include.expectations.report import Refusal, render
from include.experiments.schema import Experiment
from include.settings import Settings
from include.stores.lake.docs import put_page
from include.stores.lake.log_silver import BatchReplacement
from include.stores.lake.quarantine import RefusedRow, replace_batch_quarantine
from include.stores.lake.silver import SilverContent
from include.stores.reports.connection import transaction
from include.stores.reports.decision_log_batches import ArmCount, LogBatch, write_batch
from include.tasks.decision_log.checking import Verdict
from include.tasks.decision_log.rows import silver_table

if TYPE_CHECKING:
    import polars as pl
    from deltalake import DeltaTable

EXAMPLES = 50
_RAW = (
    *("decision_id", "unit", "cell", "version", "content_hash", "position", "arm", "arm_ids"),
    *("shares", "flag", "reward"),
)
# What is left of an accepted row once it is in silver: enough to count it.
_COUNTED = ("behavior_policy", "position", "arm", "flag", "version", "joined", "exposed")


class Piece(NamedTuple):
    """Rows, and what the suite says of them; ``row`` of both is the place among the checked."""

    rows: "pl.DataFrame"
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Fences:
    """Silver and quarantine as they were before anything was read."""

    feedback: "DeltaTable"
    quarantine: "DeltaTable"


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch; `refusal` says why silver is as it was, if it is."""

    batch_id: str
    rows_in: int
    rows_silver: int
    rows_quarantined: int
    docs_link: str
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class LogRun:
    """One ingest of a decision log; keeps what its batches share.

    Attributes
    ----------
    number
        Newest export that was read.
    now
        When it was checked.
    """

    settings: Settings
    experiment: Experiment
    number: int
    now: datetime
    fences: Fences

    def write(
        self, batch_id: str, pieces: Iterable[Piece], objects: Sequence[tuple[str, int]]
    ) -> BatchOutcome:
        """Quarantine what was refused and make the rest silver, unless too much was refused.

        Parameters
        ----------
        batch_id
            Which batch.
        pieces
            Its rows in ``row_id`` order, in as many pieces as memory needs.
        objects
            Bronze objects that the rows came from: kind, and number of the export.
        """
        import polars as pl

        slug = self.experiment.slug
        silver = BatchReplacement(self.settings, slug, batch_id, fence=self.fences.feedback)
        tallies: dict[tuple[str, str], Tally] = {}
        total = 0
        left_out: list[pl.DataFrame] = []
        kept: list[pl.DataFrame] = []
        for rows, verdict in pieces:
            total += rows.height
            add_up(tallies, verdict.findings)
            left_out.append(rows.join(verdict.refusals, on="row", maintain_order="left"))
            accepted = rows.join(verdict.refusals, on="row", how="anti", maintain_order="left")
            parts = accepted.partition_by("behavior_policy", as_dict=True)
            silver.add({str(key[0]): silver_table(part) for key, part in parts.items()})
            kept.append(accepted.select(_COUNTED))
        refused, accepted = pl.concat(left_out), pl.concat(kept)
        if total != accepted.height + refused.height:
            raise RowCountError(
                f"experiment {slug!r}, batch {batch_id}: {total} rows, "
                f"{accepted.height} accepted and {refused.height} refused; report this"
            )
        self._quarantine(batch_id, refused)
        reason = self._refusal(batch_id, total, refused)
        key, link = self._report(batch_id, total, refused, [*tallies.values()], reason)
        if reason:
            silver.discard()
            return BatchOutcome(batch_id, total, 0, refused.height, link, reason)
        content = silver.commit()
        self._record(batch_id, accepted, refused, content, docs_key=key, objects=objects)
        return BatchOutcome(batch_id, total, accepted.height, refused.height, link)

    def _quarantine(self, batch_id: str, refused: "pl.DataFrame") -> None:
        # In the order of ids, whatever was in the run besides this batch.
        found = [
            RefusedRow(
                row_id=row["row_id"],
                row_number=number,
                batch_id=batch_id,
                arm=row["arm"],
                expectation=row["expectation"],
                all_expectations=row["all_expectations"],
                raw=json.dumps({name: row[name] for name in _RAW}, sort_keys=True),
            )
            for number, row in enumerate(refused.iter_rows(named=True), 1)
        ]
        identity = json.dumps([[row.row_id, row.all_expectations, row.raw] for row in found])
        replace_batch_quarantine(
            self.settings,
            self.experiment.slug,
            batch_id,
            found,
            identity=identity,
            fence=self.fences.quarantine,
        )

    def _refusal(self, batch_id: str, rows: int, refused: "pl.DataFrame") -> str:
        """Say why a batch is refused as a whole; empty where it is not."""
        names = Counter(refused["expectation"].to_list())
        del names[LEFT_OUT]
        bearable = self.experiment.quality.refused_share
        if names.total() <= bearable * rows:
            return ""
        return (
            f"experiment {self.experiment.slug!r}, batch {batch_id}: {names.total()} of {rows} "
            f"rows were refused, more than quality.refused_share {bearable:.2%}: "
            + ", ".join(f"{name} {count}" for name, count in names.most_common())
            + ". Its silver is as it was; the rows are in quarantine. Find out what wrote them, "
            "or declare a larger share if the loss does not depend on the arm."
        )

    def _report(
        self,
        batch_id: str,
        rows: int,
        refused: "pl.DataFrame",
        tallies: Sequence[Tally],
        reason: str,
    ) -> tuple[str, str]:
        key = f"validation/{self.experiment.slug}/decision_log/{batch_id.replace(':', '')}.html"
        facts = [
            ("verdict", reason or "accepted"),
            ("rows", f"{rows:,}"),
            ("rows in quarantine", f"{refused.height:,}"),
            ("newest export", f"{self.number}"),
            ("checked at", self.now.isoformat(timespec="seconds")),
        ]
        examples = [
            Refusal(number, row["all_expectations"], row["row_id"])
            for number, row in enumerate(refused.head(EXAMPLES).iter_rows(named=True), 1)
        ]
        title = f"{self.experiment.slug}, decision log, batch {batch_id}"
        return key, put_page(self.settings, key, render(title, facts, tallies, examples))

    def _record(
        self,
        batch_id: str,
        accepted: "pl.DataFrame",
        refused: "pl.DataFrame",
        content: SilverContent,
        *,
        docs_key: str,
        objects: Sequence[tuple[str, int]],
    ) -> None:
        import polars as pl

        drawn = accepted.filter(pl.col("flag").is_null())
        first = pl.col("position") == 0
        batch = LogBatch(
            experiment=self.experiment.slug,
            batch_id=batch_id,
            content_hash=content.content_hash,
            lake_version=content.lake_version,
            number=self.number,
            decisions=accepted.filter(first).height + refused.filter(first).height,
            rows_in=accepted.height + refused.height,
            rows_silver=accepted.height,
            rows_flagged=accepted.height - drawn.height,
            rows_quarantined=refused.height,
            rewards_joined=int(drawn.filter(first)["joined"].sum()),
            versions=sorted(drawn["version"].unique().to_list()),
            docs_key=docs_key,
            checked_at=self.now,
            objects=objects,
        )
        counts = Counter(zip(refused["expectation"], refused["arm"], strict=True))
        with transaction(self.settings) as connection:
            write_batch(connection, batch, counts, _by_arm(accepted))


def _by_arm(accepted: "pl.DataFrame") -> list[ArmCount]:
    import polars as pl

    places = ["behavior_policy", "position", "arm"]
    # Null where exposure is not declared: nobody knows then what was shown.
    lost = (~pl.col("exposed") & (pl.col("joined") > 0)).cast(pl.Int64)
    counts = accepted.group_by(places).agg(
        pl.len(),
        *(
            pl.when(pl.col("exposed").is_not_null().all()).then(number.sum()).alias(name)
            for name, number in (("exposed", pl.col("exposed").cast(pl.Int64)), ("lost", lost))
        ),
    )
    return [ArmCount(*row) for row in counts.sort(places).rows()]
