"""Layers in PostgreSQL: a slice of units per experiment, fixed at creation; the global holdout."""

from include.contract.layers import free_slice
from include.contract.participation import traffic_buckets
from include.contract.weights import BUCKETS
from include.errors import ExperimentError
from include.experiments.schema import Experiment
from include.stores.reports.connection import Connection


def assign_slice(connection: Connection, experiment: Experiment) -> None:
    """Give a new experiment its units of its layer, in the transaction that creates it.

    Raises
    ------
    ExperimentError
        If the layer has no gap that is wide enough, naming who holds it.
    """
    if (declared := experiment.layer) is None:
        return
    connection.execute(
        "select pg_advisory_xact_lock(hashtextextended(%s, 6))", (f"layer/{declared.name}",)
    )
    taken = connection.execute(
        "select s.first, s.stop, s.experiment from allot.layer_slice as s"
        " left join lateral (select state from allot.experiment_state"
        " where experiment = s.experiment order by number desc limit 1) as e on true"
        " where s.layer = %s and e.state is distinct from 'archived' order by s.first",
        (declared.name,),
    ).fetchall()
    width = traffic_buckets(declared.share)
    first = free_slice([(start, stop) for start, stop, _ in taken], width, BUCKETS)
    if first is None:
        holders = ", ".join(f"{name} {(stop - start) / BUCKETS:.2%}" for start, stop, name in taken)
        raise ExperimentError(
            f"experiment {experiment.slug!r}: layer {declared.name!r} has no {declared.share:.2%} "
            f"of units left in one piece; it is held by {holders or 'nobody'}. Declare a smaller "
            "layer.share, or archive one of them."
        )
    connection.execute(
        "insert into allot.layer_slice (experiment, layer, first, stop) values (%s, %s, %s, %s)",
        (experiment.slug, declared.name, first, first + width),
    )


def hold_out(connection: Connection, share: float, *, by: str, why: str) -> None:
    """Set the share of units that no experiment draws for, from now on.

    Raises
    ------
    ExperimentError
        If it is no share.
    """
    if not 0.0 <= share <= 1.0:
        raise ExperimentError(f"a global holdout of {share} is no share of units")
    connection.execute("select pg_advisory_xact_lock(hashtextextended('holdout', 6))")
    connection.execute(
        "insert into allot.global_holdout (number, share, by, why)"
        " select coalesce(max(number), 0) + 1, %s::float8, %s::text, %s::text"
        " from allot.global_holdout",
        (share, by, why),
    )
