"""The sums that faults are judged by, on rows that a reader can add up; and a ledger's order."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from faults.ledger import ASKED, DECIDED, Ledger
from faults.own_sums import statistics_of, sums_of

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
CADENCE = timedelta(seconds=5)


def row(second: float, unit: str | None, reward: float = 0.0, **more: Any) -> dict[str, Any]:
    at = NOON + timedelta(seconds=second)
    given = {"row_id": f"{second}", "behavior_policy": "v1", "arm": 0, "pscore": 0.5}
    return {**given, "decided_at": at, "unit": unit, "reward": reward, **more}


def test_a_unit_counts_in_its_first_batch_and_flagged_rows_never() -> None:
    cells = sums_of(
        [
            row(6, "a", 1.0),
            row(0, "a", 1.0),
            row(1, "a"),
            row(2, None, 1.0, pscore=0.25),
            row(3, "b", behavior_policy="forced"),
            row(7, "c", 1.0),
        ],
        CADENCE,
    )
    first, second = cells["2026-01-10T12:00:00Z", "v1", 0], cells["2026-01-10T12:00:05Z", "v1", 0]
    assert (first.n, first.decisions, first.sum_r, first.sum_ip) == (2, 3, 2.0, 6.0)
    assert (second.n, second.decisions, second.sum_r, second.sum_ip) == (1, 1, 1.0, 2.0)
    folded = statistics_of(cells, ["2026-01-10T12:00:00Z", "2026-01-10T12:00:05Z"], 2)["*"]
    assert folded.n[:, 0].tolist() == [[3, 0], [1, 0]]
    assert folded.sum_r[:, 0].tolist() == [[2.0, 0.0], [1.0, 0.0]]


def test_a_ledger_keeps_facts_in_order_over_a_restart(tmp_path: Path) -> None:
    for number in range(2):
        ledger = Ledger(tmp_path / "ledger")
        ledger.note(ASKED, decision_id=f"d{number}")
        ledger.note(DECIDED, decision_id=f"d{number}", version=number)
        ledger.close()
    assert [fact["decision_id"] for fact in ledger.facts(ASKED)] == ["d0", "d1"]
    assert [fact["version"] for fact in ledger.facts(DECIDED)] == [0, 1]
