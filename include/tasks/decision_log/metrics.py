"""Silver's decision log → sums of declared metrics; the observation is the unit."""

from collections.abc import Iterator, Mapping
from math import fsum
from typing import TYPE_CHECKING, Final

import numpy as np

from include.experiments.metric import Metric, covariates_of, values_of
from include.stores.reports.metrics import MetricRow

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]

COLUMNS: Final = ("metrics", "covariates")
_CELL: Final = ("behavior_policy", "cell", "position", "arm", "pscore")


def metric_rows(rows: "pl.DataFrame", metrics: Mapping[str, Metric]) -> list[MetricRow]:
    """Fold rows into sums per metric, version, cell, position and arm.

    Values of a unit's decisions are added up first, then capped; a decision without a value
    counts 0. Its covariate is that of its first decision, which no arm of the batch had changed
    yet; 0 where it has none, which was known beforehand as well. Rows without a unit are each an
    observation of their own. Sums are exact, so that they depend on no order.
    """
    if not metrics or not rows.height:
        return []
    units = _units(rows, metrics)
    keys = ["behavior_policy", "cell", "position", "arm"]
    found: list[MetricRow] = []
    for (version, cell, position, arm), part in units.partition_by(keys, as_dict=True).items():
        p = part["pscore"].to_numpy()
        for name, metric in metrics.items():
            y, x = (_column(part, one) for one in _behind(name, metric))
            sums = _sums(y, x, 1.0 / p, np.inf if metric.cap is None else metric.cap)
            where = (name, str(version), int(str(position)), int(str(arm)), str(cell))
            found.append(MetricRow(*where, part.height, *sums))
    return sorted(found)


def _units(rows: "pl.DataFrame", metrics: Mapping[str, Metric]) -> "pl.DataFrame":
    """Return one row per observation: its values by name, and covariates under ``covariate.``."""
    import polars as pl

    values, covariates = values_of(metrics), covariates_of(metrics.values())
    read = rows.with_columns(
        pl.coalesce("unit", "row_id").alias("who"),
        *_numbers("metrics", values, "value"),
        *_numbers("covariates", covariates, "covariate"),
    ).sort("decided_at", "row_id")
    grouped = read.group_by(*_CELL, "who", maintain_order=True).agg(
        *(f"value.{name}" for name in values),
        *(pl.col(f"covariate.{name}").first() for name in covariates),
    )
    return grouped.with_columns(
        pl.Series(f"value.{name}", [fsum(each) for each in grouped[f"value.{name}"].to_list()])
        for name in values
    )


def _numbers(column: str, names: tuple[str, ...], prefix: str) -> "Iterator[pl.Expr]":
    """Yield the named numbers of a column of JSON, 0 where a row has none."""
    import polars as pl

    if not names:
        return
    form = pl.Struct(dict.fromkeys(names, pl.Float64))
    decoded = pl.col(column).str.json_decode(form)
    for name in names:
        yield decoded.struct.field(name).fill_null(0.0).alias(f"{prefix}.{name}")


def _behind(name: str, metric: Metric) -> tuple[str, str]:
    """Return the columns of y and of x."""
    if metric.ratio is not None:
        return f"value.{metric.ratio.of}", f"value.{metric.ratio.per}"
    covariate = "" if metric.covariate is None else f"covariate.{metric.covariate}"
    return f"value.{metric.value or name}", covariate


def _column(part: "pl.DataFrame", name: str) -> "FloatArray":
    return part[name].to_numpy() if name else np.zeros(part.height)


def _sums(y: "FloatArray", x: "FloatArray", w: "FloatArray", cap: float) -> Iterator[float]:
    """Yield the sums of `MetricStatistics` behind n, in its order."""
    yield float((y > cap).sum())
    y = np.minimum(y, cap)
    v = w * w
    for terms in (
        *(np.abs(y), y, y * y, x, x * x, x * y),
        *(w, y * w, x * w),
        *(v, y * v, y * y * v, x * v, x * x * v, x * y * v),
    ):
        # Adding 0.0 turns −0.0 into 0.0.
        yield fsum(terms.tolist()) + 0.0
