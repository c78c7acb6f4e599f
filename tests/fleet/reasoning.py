"""A verdict's reasoning, checked against its numbers by none of the rule's own code.

Every condition of every recommendation is recomputed from the evidence in its row, the evidence
from the judgement's rows, and of the newest the observations and means from silver.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf, isclose
from typing import Any, Final

from psycopg.rows import dict_row

from include.contract.batches import batch_start
from include.settings import Settings
from include.stores.reports.connection import connect
from tests.fleet.record import Row

_DAY_SECONDS: Final = 86_400
Condition = Callable[[Row, Mapping[str, Any]], bool | None]


def _relative(arm: Row, share: float) -> float | None:
    if share == 0:
        return 0.0
    return None if arm["baseline"] is None else share * abs(arm["baseline"])


def _above(value: float | None, bound: float | None) -> bool | None:
    return None if value is None or bound is None else value >= bound


def _below(value: float | None, bound: float | None) -> bool | None:
    return None if value is None or bound is None else value < bound


# Of one arm at one position: (rule, condition) to what it asks of the evidence.
ARM: Final[Mapping[tuple[str, str], Condition]] = {
    **{(rule, "known"): lambda a, _: a["known"] or None for rule in ("ship", "harm", "futility")},
    **{
        (rule, "minimum_units"): lambda a, r: a["units"] >= r["minimum_units"]
        for rule in ("ship", "futility")
    },
    ("ship", "lower_end"): lambda a, _: None if a["lower"] is None else a["lower"] > 0,
    ("ship", "uplift"): lambda a, r: _above(a["estimate"], _relative(a, r["minimum_uplift"])),
    ("ship", "agreement"): lambda a, _: not a["disagreement"],
    ("harm", "upper_end"): lambda a, r: _below(
        a["upper"], None if (harm := _relative(a, r["harm"])) is None else -harm
    ),
    ("futility", "upper_end"): lambda a, r: _below(a["upper"], _relative(a, r["minimum_uplift"])),
}


def faults(settings: Settings, slug: str, recommended: Sequence[Row]) -> Iterator[str]:
    """Name what in an experiment's recommendations does not follow from its numbers."""
    with connect(settings) as connection, connection.cursor(row_factory=dict_row) as cursor:
        first = cursor.execute(
            "select min(batch_id) as batch from allot.batch_statistics where experiment = %s",
            (slug,),
        ).fetchone()
        for row in recommended:
            where = f"{slug} {row['batch_id']}"
            key = (slug, row["batch_id"], row["judgement_hash"])
            looks = cursor.execute(
                "select distinct on (position, arm) * from allot.confidence_sequence"
                " where (experiment, batch_id, statistics_hash) = (%s, %s, %s)"
                " and family = 'control' order by position, arm, look desc",
                key,
            ).fetchall()
            ratios = cursor.execute(
                "select distinct on (position) * from allot.sample_ratio"
                " where (experiment, batch_id, statistics_hash) = (%s, %s, %s)"
                " order by position, step desc",
                key,
            ).fetchall()
            span = batch_start(row["batch_id"]) - batch_start((first or {})["batch"])
            if row["days"] != span.total_seconds() / _DAY_SECONDS + 1:
                yield f"{where}: {row['days']} days"
            found = [*_evidence(row, looks), *_conditions(row, ratios), *_answer(row)]
            yield from (f"{where}: {fault}" for fault in found)


def _evidence(row: Row, looks: Sequence[Row]) -> Iterator[str]:
    """The evidence is the newest look of the judgement's sequences."""
    judged = {(look["position"], look["arm"]): look for look in looks}
    told = {(arm["position"], arm["arm"]): arm for arm in row["arms"]}
    if judged.keys() != told.keys():
        yield f"arms {sorted(told)}, judged {sorted(judged)}"
        return
    names = {"known": "known", "disagreement": "disagreement", "lower": "lo", "upper": "hi"}
    for at, look in judged.items():
        pairs = [(told[at][name], look[column]) for name, column in names.items()]
        # What is not a number in the judgement is nothing in the evidence.
        estimate = look["estimate"] if look["estimate"] == look["estimate"] else None
        if any(a != b for a, b in [*pairs, (told[at]["estimate"], estimate)]):
            yield f"{at}: {told[at]}, judged {look}"


def _conditions(row: Row, ratios: Sequence[Row]) -> Iterator[str]:
    """Every condition is there once, and came out as its numbers say."""
    rules = row["rules"]
    wanted: dict[tuple[str, str, str | None, int | None], bool | None] = {
        (rule, "minimum_days", None, None): row["days"] >= rules["minimum_days"]
        for rule in ("ship", "futility")
    }
    wanted["duration", "maximum_days", None, None] = row["days"] >= row["maximum_days"]
    for ratio in ratios:
        for rule in ("ship", "harm", "futility"):
            wanted[rule, "sample_ratio", None, ratio["position"]] = ratio["p_value"] > 0.01
    for arm in row["arms"]:
        for (rule, name), holds in ARM.items():
            wanted[rule, name, arm["arm"], arm["position"]] = holds(arm, rules)
    states = {True: "met", False: "not met", None: "unknown"}
    said = {
        (check["rule"], check["name"], check["arm"], check["position"]): check["state"]
        for check in row["checks"]
    }
    if len(said) != len(row["checks"]) or said.keys() != wanted.keys():
        yield f"conditions {sorted(map(str, said.keys() ^ wanted.keys()))} are wanted or given"
        return
    for key, came_out in wanted.items():
        if said[key] != states[came_out]:
            yield f"{key} is {said[key]}, but its numbers say {states[came_out]}"


def _answer(row: Row) -> Iterator[str]:
    """The recommendation is the first rule of which everything is met."""

    def met(rule: str, arm: str | None = None) -> bool:
        own = [
            c
            for c in row["checks"]
            if c["rule"] == rule and (arm is None or c["arm"] in (None, arm))
        ]
        return bool(own) and all(check["state"] == "met" for check in own)

    names = list(dict.fromkeys(arm["arm"] for arm in row["arms"]))
    ready = [name for name in names if met("ship", name)]
    stops = [kind for kind in ("harm", "futility", "duration") if met(kind)]
    kind = "ship" if ready else f"stop_{stops[0]}" if stops else "keep_running"
    least = {
        name: min(
            -inf if arm["estimate"] is None else arm["estimate"]
            for arm in row["arms"]
            if arm["arm"] == name
        )
        for name in names
    }
    arm = max(ready, key=lambda name: (least[name], -names.index(name))) if ready else None
    if (row["kind"], row["arm"]) != (kind, arm):
        yield f"{row['kind']} {row['arm']}, but its conditions say {kind} {arm}"


def unit_faults(
    row: Row, cells: Mapping[tuple[str, str, int], Any], arms: list[str]
) -> Iterator[str]:
    """Name observations and means of the newest recommendation that silver does not give.

    Parameters
    ----------
    row
        The recommendation.
    cells
        Sums of silver's rows of one position, by batch, version and arm.
    arms
        Names, the control first.
    """
    n: dict[int, int] = dict.fromkeys(range(len(arms)), 0)
    weight, reward = dict(n), dict(n)
    for (_, _, arm), cell in cells.items():
        n[arm] += cell.n
        weight[arm] += cell.sum_ip
        reward[arm] += sum(
            sum(values) / cell.propensity[unit] for unit, values in cell.rewards.items()
        )
    for told in (arm for arm in row["arms"] if arm["position"] == 0):
        fewer = min(n[0], n[arms.index(told["arm"])])
        if told["units"] != fewer:
            yield f"{told['arm']}: {told['units']} observations, in silver {fewer}"
        if not isclose(told["baseline"], reward[0] / weight[0], rel_tol=1e-9):
            yield f"baseline {told['baseline']}, in silver {reward[0] / weight[0]}"
