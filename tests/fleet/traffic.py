"""Users of the fleet: decisions drawn from the snapshot that is served, and their rewards."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from include.contract.assignment import bucket_in, unit_hasher
from include.contract.published import Published
from include.contract.records import time_ordered_id
from include.contract.weights import POOLED_CELL
from tests.fleet.member import START, WINDOW, Member

Record = dict[str, Any]
_DAY_US = 86_400_000_000
_FOREIGN = "f" * 64


@dataclass(frozen=True)
class Logged:
    """Records of one batch: decisions, and rewards by how many batches later they arrive."""

    decisions: Sequence[Record]
    rewards: Sequence[tuple[int, Record]]


def logged(member: Member, batch: int, served: Published, first: Published, seed: int) -> Logged:
    """Draw a batch of a member's traffic; the same seed and snapshot give the same records.

    Parameters
    ----------
    member
        Whose.
    batch
        Counted from 0.
    served, first
        Snapshot in force, and version 0, which a stale cache still holds.
    seed
        Of the fleet.
    """
    rng = _rng(member, batch, seed)
    breaks = member.breaks if batch == member.breaks_at else None
    drawn = _drawn(member, batch, first if breaks == "stale weights" else served, rng)
    decisions = [_named(member, served, record) for record in drawn]
    rewards = list(_rewards(member, batch, decisions, rng))
    if breaks is not None:
        decisions, rewards = _broken(breaks, decisions, rewards, first, rng)
    return Logged(decisions, rewards)


def _rng(member: Member, batch: int, seed: int) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}/{member.slug}/{batch}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _drawn(
    member: Member, batch: int, served: Published, rng: np.random.Generator
) -> Iterator[Record]:
    """Draw as the API does: the unit's bucket under the snapshot's salt, slot by slot."""
    content = served.content
    hasher = unit_hasher(content.salt, content.experiment)
    slots = content.cells[POOLED_CELL]
    # Bucket to arm, as the ranges say it.
    arms = [np.empty(10_000, np.int64) for _ in slots]
    for table, ranges in zip(arms, slots, strict=True):
        for start, stop, arm in ranges:
            table[start:stop] = arm
    start = int(START.timestamp() * 1e6) + batch * _DAY_US
    moments = start + np.sort(rng.integers(0, _DAY_US, member.units))
    bits = rng.integers(0, 1 << 62, member.units)
    for number, moment in enumerate(moments.tolist()):
        unit = f"{member.slug}/{batch}/{number // member.visits}"
        buckets = [bucket_in(hasher, unit.encode(), slot) for slot in range(len(slots))]
        yield {
            "decision_id": time_ordered_id(moment * 1_000, int(bits[number])),
            "unit": unit,
            "arms": [int(arms[slot][bucket]) for slot, bucket in enumerate(buckets)],
            "buckets": buckets,
            "decided_us": moment,
        }


def _named(member: Member, served: Published, record: Record) -> Record:
    """Name what the log says of a draw: its version, arms and shares."""
    content = served.content
    return {
        **record,
        "experiment": content.experiment,
        "cell": POOLED_CELL,
        "version": served.version,
        "content_hash": served.content_hash,
        "strategy": content.method.split("/", 1)[0],
        "arm_ids": [content.arms[arm] for arm in record["arms"]],
        "shares": [
            content.buckets(POOLED_CELL, slot)[arm] for slot, arm in enumerate(record["arms"])
        ],
    }


def _rewards(
    member: Member, batch: int, decisions: Sequence[Record], rng: np.random.Generator
) -> Iterator[tuple[int, Record]]:
    rates, kind = member.truth(batch), member.experiment().reward.kind
    window = WINDOW // timedelta(microseconds=1)
    n = len(decisions)
    luck, wait = rng.random(n), rng.integers(1, window, n)
    spread = rng.standard_normal(n)
    after, arrives = rng.random(n) < member.late, rng.integers(0, member.delay + 1, n)
    for at, record in enumerate(decisions):
        # What is shown first is what is acted on.
        rate = rates[record["arms"][0]]
        if kind == "bernoulli" and luck[at] >= rate:
            continue
        value = 1.0
        if kind == "real":
            value = rate + 0.5 * float(spread[at])
        elif kind == "bounded":
            # Uniform around the mean, within [0, 1].
            value = rate + min(rate, 1 - rate) * (2 * float(luck[at]) - 1)
        occurred = record["decided_us"] + int(wait[at]) + (window if after[at] else 0)
        yield (
            int(arrives[at]),
            {
                "experiment": record["experiment"],
                "reward_id": f"decision/{record['decision_id']}",
                "decision_id": record["decision_id"],
                "value": value,
                "occurred_us": occurred,
            },
        )


def _broken(
    breaks: str,
    decisions: list[Record],
    rewards: list[tuple[int, Record]],
    first: Published,
    rng: np.random.Generator,
) -> tuple[list[Record], list[tuple[int, Record]]]:
    """Break a sound log, most breakages in what concerns the last arm."""
    arm = max(record["arms"][0] for record in decisions)
    hit = [record["arms"][0] == arm for record in decisions]
    old = first.content.buckets()
    changes: dict[str, Record] = {
        "another arm's name": {"arm_ids": ["renamed"]},
        "stale share": {"shares": [old[arm]]},
        "unknown version": {"content_hash": _FOREIGN},
        "unknown cell": {"cell": "mobile"},
    }
    if breaks in changes:
        changed = changes[breaks]
        return [
            {**r, **changed} if of else r for r, of in zip(decisions, hit, strict=True)
        ], rewards
    if breaks in {"another reward kind", "not a number"}:
        value = 3.5 if breaks == "another reward kind" else float("nan")
        return decisions, [(late, {**reward, "value": value}) for late, reward in rewards]
    if breaks == "arm refused":
        some = rng.random(len(decisions)) < 0.4
        return [
            {**r, "content_hash": _FOREIGN} if of and bad else r
            for r, of, bad in zip(decisions, hit, some, strict=True)
        ], rewards
    if breaks == "arm doubled":
        again = [_doubled(record, rng) for record, of in zip(decisions, hit, strict=True) if of]
        return [*decisions, *again], rewards
    lost = {"arm lost": 1.0, "arm thinned": 0.6}.get(breaks, 0.0)
    some = rng.random(len(decisions)) < lost
    kept = [r for r, of, gone in zip(decisions, hit, some, strict=True) if not (of and gone)]
    ids = {record["decision_id"] for record in kept}
    return kept, [(late, r) for late, r in rewards if r["decision_id"] in ids]


def _doubled(record: Record, rng: np.random.Generator) -> Record:
    """Return the decision of another unit that was sent the same way, whatever its bucket."""
    name = time_ordered_id(record["decided_us"] * 1_000, int(rng.integers(0, 1 << 62)))
    return {**record, "decision_id": name, "unit": f"{record['unit']}-again"}


def finite(rewards: Sequence[Record]) -> list[Record]:
    """Return the rewards that the API would acknowledge: numbers."""
    return [reward for reward in rewards if np.isfinite(reward["value"])]
