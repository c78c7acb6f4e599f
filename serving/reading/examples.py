"""Examples of the read-only routes; a test compares their members with the answers' models."""

from typing import Any, Final

_HASH: Final = "6b1b36cbb04b41490bfc0ab2bfa26f86a3a2b9c7e1a0d1a2f9b4d8e1c3a5f7b9"
_NAMED: Final = {"experiment_id": "checkout-button"}
_PAGE: Final = {**_NAMED, "next_cursor": None}
_MOMENT: Final = "2026-11-22T00:10:00Z"
_SEQUENCE: Final = {
    "family": "control", "method": "asymptotic", "against": "blue", "answer": "undecided",
    "reason": "", "estimate": 0.012, "lo": -0.004, "hi": 0.028,
}  # fmt: skip
_ARM: Final = {
    "position": 0, "arm": 1, "arm_id": "green", "observations": 4210, "rewards": 326.0,
    "naive_mean": 0.0774, "naive_lo": 0.0694, "naive_hi": 0.0855,
    "corrected_mean": 0.0768, "corrected_lo": 0.0685, "corrected_hi": 0.0851,
    "posterior_mean": 0.0775, "posterior_sd": 0.0041,
    "best_probability": 0.942, "live_share": 0.6873, "weights_version": 12,
}  # fmt: skip

HISTORY: Final[dict[str, Any]] = {
    **_PAGE,
    "versions": [
        {
            "version": 12, "batch": "2026-11-21", "published_at": _MOMENT, "content_hash": _HASH,
            "parent": _HASH, "statistics": _HASH, "revision": 1, "provenance": {"version": 12},
            "reason": "batch", "held": False, "explanation": "One more batch closed: 2026-11-21.",
            "restated": [],
            "positions": [
                {
                    "position": 0,
                    "arms": [
                        {
                            "cell": "*", "arm_id": "green", "share": 0.6873, "buckets": 6873,
                            "shift": 0.05, "best_probability": 0.942, "proposed_share": 0.942,
                            "limits": [{"limit": "largest_shift", "share": 0.6873}],
                            "why": "green has 68.73 % of slot 0 in v12 (63.73 % before): …",
                        }
                    ],
                }
            ],
        }
    ],
}  # fmt: skip

TIMESERIES: Final[dict[str, Any]] = {
    **_PAGE,
    "batches": [
        {
            "batch": "2026-11-21", "version": 12, "published_at": _MOMENT,
            "positions": [
                {
                    "position": 0,
                    "arms": [
                        {
                            "arm_id": "green", "observations": 421, "rewards": 33.0,
                            "observed_share": 0.64, "published_share": 0.6873,
                            "best_probability": 0.942,
                            "sequences": [{**_SEQUENCE, "look": 12, "level": 0.95}],
                        }
                    ],
                }
            ],
        }
    ],
}  # fmt: skip

ARMS: Final[dict[str, Any]] = {**_PAGE, "arms": [_ARM]}
COHORTS: Final[dict[str, Any]] = {**_PAGE, "arms": [{**_ARM, "cohort": "*"}]}

EVENTS: Final[dict[str, Any]] = {
    **_PAGE,
    "events": [
        {
            "at": _MOMENT, "kind": "version", "number": 12, "by": "manual__2026-11-22",
            "why": "One more batch closed: 2026-11-21.",
            "details": {"reason": "batch", "held": False, "batch": "2026-11-21"},
        }
    ],
}  # fmt: skip

BEST: Final[dict[str, Any]] = {
    **_NAMED,
    "weights_version": 12,
    "batch": "2026-11-21",
    "p_best": {"blue": 0.058, "green": 0.942},
    "positions": [{"cell": "*", "position": 0, "p_best": {"blue": 0.058, "green": 0.942}}],
}

SUMMARY: Final[dict[str, Any]] = {
    **_NAMED,
    "title": "Checkout button", "owner": "growth", "state": "running", "state_since": _MOMENT,
    "strategy": "thompson", "revision": 1, "arm_ids": ["blue", "green"], "positions": 1,
    "batches": 12, "first_batch": "2026-11-10", "last_batch": "2026-11-21",
    "decisions": 8421, "rewards": 640, "counted": "exactly",
    "observations": 8110, "reward_sum": 611.0,
    "live": {
        "version": 12, "batch": "2026-11-21", "published_at": _MOMENT,
        "slots": [{"cell": "*", "position": 0, "shares": {"blue": 0.3127, "green": 0.6873}}],
    },
    "leading": [
        {
            "cell": "*", "position": 0, "arm_id": "green", "share": 0.6873,
            "best_probability": 0.942, "expected_loss": 0.0004, "judged_batch": "2026-11-21",
        }
    ],
    "verdicts": [
        {
            "position": 0, "verdict": "no winner yet", "winner": None, "p_value": 0.21,
            "reason": "", "leader": "green", "potential_value_remaining": 0.003, "looks": 12,
            "units": 8110, "batch": "2026-11-21", "level": 0.95, "tracking_url": None,
            "sequences": [{**_SEQUENCE, "arm_id": "green"}],
        }
    ],
    "publishing_hold": None,
    "recommendation": {
        "recommendation": "keep_running", "arm_id": None,
        "summary": "Keep running: no arm is known to be better yet.", "status": "running",
        "answer": None, "answered_by": None, "answer_reason": None, "answered_at": None,
        "days": 12.0, "maximum_days": 28.0, "planned_power": 0.82, "planner_warning": "",
        "batch": "2026-11-21", "recommended_at": _MOMENT,
    },
}  # fmt: skip
