"""A decision's bytes: its answer, its record in the log, and the answer from a record."""

from typing import Any

import orjson

from include.contract.weights import BUCKETS, POOLED_CELL
from serving.decide import Decision
from serving.slots import Draw
from serving.snapshot import Snapshot


def render(decision: Decision, *, stale: bool) -> bytes:
    """Render a decision as its JSON answer."""
    snapshot, draws = decision.snapshot, decision.draws
    return b'{"decision_id":"%b",%b,"unit_id":%b,%b%b%b%b,"stale":%b}' % (
        decision.decision_id.encode(),
        snapshot.texts(decision.strategy)[0],
        orjson.dumps(decision.unit),
        snapshot.arm_text(draws[0]),
        b"" if len(draws) == 1 else _slate(snapshot, draws),
        b"" if decision.cell == POOLED_CELL else b',"cell":' + orjson.dumps(decision.cell),
        b"" if decision.flag is None else b',"flag":' + orjson.dumps(decision.flag),
        b"true" if stale else b"false",
    )


def record(decision: Decision) -> bytes:
    """Render a decision as its record in the log, one line of JSON."""
    draws, names = decision.draws, decision.snapshot.arm_names
    return (
        b'{%b,"decision_id":"%b","request_id":%b,"unit":%b,"cell":%b,"arms":[%b],"arm_ids":[%b],'
        b'"shares":[%b],"buckets":[%b],"flag":%b,"decided_us":%d%b}'
    ) % (
        decision.snapshot.texts(decision.strategy)[1],
        decision.decision_id.encode(),
        orjson.dumps(decision.request_id),
        orjson.dumps(decision.unit),
        orjson.dumps(decision.cell),
        b",".join([b"%d" % draw.arm for draw in draws]),
        b",".join([names[draw.arm] for draw in draws]),
        b",".join([b"%d" % draw.share for draw in draws]),
        b",".join([b"%d" % draw.bucket for draw in draws]),
        orjson.dumps(decision.flag),
        decision.decided_us,
        b""
        if decision.covariates is None
        else b',"covariates":' + orjson.dumps(decision.covariates),
    )


def render_row(row: dict[str, Any], *, stale: bool) -> bytes:
    """Render a logged decision as the answer that `render` gave for it.

    Parameters
    ----------
    row
        The log's row as JSON.
    stale
        Whether the weights that are held now are stale.
    """
    slate = [
        {"arm_id": arm, "propensity": share / BUCKETS}
        for arm, share in zip(row["arm_ids"], row["shares"], strict=True)
    ]
    answer = {
        "decision_id": row["decision_id"],
        "experiment_id": row["experiment"],
        "weights_version": row["version"],
        "content_hash": row["content_hash"],
        "strategy": row["strategy"],
        "unit_id": row["unit"],
        **slate[0],
    }
    if len(slate) > 1:
        answer["slate"] = [{"position": place, **entry} for place, entry in enumerate(slate)]
    if row["cell"] != POOLED_CELL:
        answer["cell"] = row["cell"]
    if row["flag"] is not None:
        answer["flag"] = row["flag"]
    return orjson.dumps({**answer, "stale": stale})


def _slate(snapshot: Snapshot, draws: list[Draw]) -> bytes:
    return b',"slate":[%b]' % b",".join(
        b'{"position":%d,%b}' % (position, snapshot.arm_text(draw))
        for position, draw in enumerate(draws)
    )
