"""Allocations: the live buckets and weights of an experiment with their lineage and age."""

import time

from include.contract.lifecycle import State
from serving.answers import JSON, Answer, Headers
from serving.registry import Live


def allocation(
    live: Live, *, state: State, stale: bool, max_age: int, if_none_match: bytes | None
) -> Answer:
    """Answer with an experiment's allocation, or 304 if the caller has it already.

    The tag is weak, since ages change between equal answers, and it names staleness and every
    state but running, so that a caller who revalidates learns of it.
    """
    snapshot = live.snapshot
    tag = snapshot.stale_tag if stale else snapshot.tag
    if state != "running":
        tag = b'%b-%b"' % (tag[:-1], state.encode())
    headers: Headers = (
        (b"etag", tag),
        (b"cache-control", b"private, max-age=%d" % (0 if stale else max_age)),
    )
    if if_none_match is not None and _matches(tag, if_none_match):
        return Answer(304, b"", headers)
    body = b'%b,"state":"%b","age_seconds":%.3f,"confirmed_seconds_ago":%b,"stale":%b}' % (
        snapshot.allocation_text,
        state.encode(),
        max(time.time() - snapshot.effective_at, 0.0),
        _confirmed(live),
        b"true" if stale else b"false",
    )
    return Answer(200, body, JSON + headers)


def _matches(tag: bytes, if_none_match: bytes) -> bool:
    # Weak comparison (RFC 9110, 8.8.3.2): W/"a" and "a" are the same tag.
    opaque = tag.removeprefix(b"W/")
    offered = (each.strip().removeprefix(b"W/") for each in if_none_match.split(b","))
    return any(each in (opaque, b"*") for each in offered)


def _confirmed(live: Live) -> bytes:
    seconds = live.unconfirmed_seconds()
    return b"null" if seconds == float("inf") else b"%.3f" % seconds
