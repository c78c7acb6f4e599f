"""Examples in the API's documentation; a test compares their members with real answers."""

from typing import Any, Final

_HASH: Final = "6b1b36cbb04b41490bfc0ab2bfa26f86a3a2b9c7e1a0d1a2f9b4d8e1c3a5f7b9"

ALLOCATION: Final[dict[str, Any]] = {
    "experiment_id": "checkout-button",
    "version": 12,
    "content_hash": _HASH,
    "batch": "2026-11-21",
    "strategy": "thompson",
    "arms": ["blue", "green"],
    "buckets": {"blue": 3127, "green": 6873},
    "weights": {"blue": 0.3127, "green": 0.6873},
    "lineage": {
        "parent": _HASH,
        "revision": _HASH,
        "statistics": _HASH,
        "method": "thompson/1",
    },
    "provenance": {"version": 12, "effective_from": "2026-11-22T00:10:00+00:00"},
    "effective_from": "2026-11-22T00:10:00+00:00",
    "state": "running",
    "age_seconds": 3600.5,
    "confirmed_seconds_ago": 0.8,
    "stale": False,
}

DECISION: Final[dict[str, Any]] = {
    "decision_id": "019aa8f2-5e3b-7c41-9d52-3f0c1b2a4d5e",
    "experiment_id": "checkout-button",
    "weights_version": 12,
    "content_hash": _HASH,
    "strategy": "thompson",
    "unit_id": "user-1234",
    "arm_id": "green",
    "propensity": 0.6873,
    "stale": False,
}

REWARD: Final[dict[str, Any]] = {
    "reward_id": "decision/019aa8f2-5e3b-7c41-9d52-3f0c1b2a4d5e",
    "outcome": "recorded",
}

EXPOSURE: Final[dict[str, Any]] = {
    "decision_id": "019aa8f2-5e3b-7c41-9d52-3f0c1b2a4d5e",
    "outcome": "recorded",
}

EVENTS: Final[dict[str, Any]] = {
    "experiment_id": "checkout-button",
    "events": [{"date": "2026-11-21", "arm_id": "green", "outcome": "recorded"}],
}

EXPERIMENT: Final[dict[str, Any]] = {
    "experiment_id": "checkout-button",
    "state": "running",
    "arm_ids": ["blue", "green"],
    "strategy": "thompson",
    "strategy_params": {},
    "challenger": None,
    "gate": None,
    "revision": 1,
    "revision_hash": _HASH,
    "origin": "api",
    "submitted_by": "checkout-team",
    "reason": "created through the API",
    "submitted_at": "2026-11-20T09:30:00+00:00",
    "declaration": {"slug": "checkout-button", "arms": ["blue", "green"]},
}

HOLD: Final[dict[str, Any]] = {
    "experiment_id": "checkout-button",
    "number": 2,
    "held": False,
    "by": "checkout-team",
    "why": "the log was mended",
    "through": "2026-11-21",
    "at": "2026-11-22T09:30:00+00:00",
}

PROBLEM: Final[dict[str, Any]] = {
    "type": "urn:allot:problem:unknown-experiment",
    "title": "Unknown experiment",
    "status": 404,
    "detail": "no experiment 'checkout-buton' has published weights",
    "request_id": "3f0c1b2a4d5e-1c",
    "field": "experiment_id",
}
