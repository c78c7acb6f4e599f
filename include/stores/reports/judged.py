"""What a decision asks of stored judgements: whether there is one, and what the portfolio says."""

from include.stores.reports.connection import Connection


def has_judgement(
    connection: Connection, experiment: str, batch_id: str, statistics_hash: str
) -> bool:
    """Tell whether a judgement is stored."""
    row = connection.execute(
        "select exists (select 1 from allot.judgement"
        " where experiment = %s and batch_id = %s and statistics_hash = %s)",
        (experiment, batch_id, statistics_hash),
    ).fetchone()
    return bool(row and row[0])


def discovery_of(
    connection: Connection, experiment: str, batch_id: str, statistics_hash: str
) -> bool | None:
    """Return what online FDR says of a judgement; ``None`` where it read another one."""
    row = connection.execute(
        "select discovery from allot.portfolio_entry"
        " where experiment = %s and batch_id = %s and statistics_hash = %s",
        (experiment, batch_id, statistics_hash),
    ).fetchone()
    return None if row is None else bool(row[0])
