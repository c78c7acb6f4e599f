"""What PostgreSQL keeps of a fleet's experiment, read at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from include.contract.published import Published
from include.settings import Settings
from include.stores.reports.connection import connect
from include.stores.reports.lifecycle import state_of
from include.stores.reports.weights import history

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """Versions, judgements of the guardrails, and recommendations, each in its order.

    Attributes
    ----------
    state
        Of the experiment.
    chain
        Published versions.
    checks
        What the guardrails asked for, by batch.
    recommended
        Rows of ``allot.recommendation``.
    """

    state: str
    chain: Sequence[Published]
    checks: Sequence[Row]
    recommended: Sequence[Row]

    @property
    def reasons(self) -> list[str]:
        """Why each version was written."""
        return [str(version.provenance["reason"]) for version in self.chain]


def read_record(settings: Settings, slug: str) -> Record:
    """Read all that is kept of one experiment."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        checks = cursor.execute(
            "select batch_id, action, explanation from allot.guardrail_check"
            " where experiment = %s order by batch_id, number",
            (slug,),
        ).fetchall()
        recommended = cursor.execute(
            "select * from allot.recommendation where experiment = %s order by recommended_at",
            (slug,),
        ).fetchall()
        return Record(state_of(connection, slug), history(connection, slug), checks, recommended)
