"""Columns that silver gained: older tables get them, older rows keep their names."""

import pyarrow as pa
import pytest

from include.settings import Settings
from include.stores.lake.content_hash import RowHash
from include.stores.lake.delta import TableSpec, ensure_table
from include.stores.lake.replacement import Replacement
from include.stores.lake.silver import FEEDBACK, partition_hash, scan_feedback
from tests.support.lake_rows import BATCH, SOURCE, feedback_rows

KEYS = {"source": SOURCE, "behavior_policy": "random", "batch_id": BATCH}
LATER = ("decision_id", "unit", "cell", "metrics", "covariates", "exposed")


def test_a_column_without_a_value_does_not_rename_rows() -> None:
    rows = feedback_rows(50, "a" * 64)
    widened = rows.append_column("unit", pa.nulls(50, pa.string()))
    filled = rows.append_column("unit", pa.array([None] * 49 + ["u"], pa.string()))
    names = []
    shown = [
        rows.append_column("exposed", pa.array(values, pa.bool_()))
        for values in ([None] * 50, [True] * 50, [True] * 49 + [False], [None] + [True] * 49)
    ]
    for table in (rows, widened, filled, *shown):
        digest = RowHash()
        digest.update(table)
        names.append(digest.hexdigest())
    assert names[0] == names[1] == names[3] != names[2]
    assert len(set(names)) == 5


@pytest.mark.services
@pytest.mark.xdist_group("services")
def test_a_table_from_before_gets_them_and_keeps_its_rows(lake: Settings) -> None:
    columns = {name: kind for name, kind in FEEDBACK.columns.items() if name not in LATER}
    before = TableSpec(FEEDBACK.name, columns, FEEDBACK.partition_by, {})
    old = Replacement(lake, before, KEYS)
    old.write(KEYS, feedback_rows(50, "a" * 64))
    old.commit("before", {})
    ensure_table(lake, FEEDBACK)
    ensure_table(lake, FEEDBACK)
    rows = scan_feedback(lake, SOURCE, "random", BATCH).collect()
    assert rows.height == 50
    assert all(rows[name].null_count() == 50 for name in LATER)
    digest = RowHash()
    digest.update(feedback_rows(50, "a" * 64))
    assert partition_hash(lake, SOURCE, "random", BATCH) == digest.hexdigest()
