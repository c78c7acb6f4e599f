"""The fleet: 50 experiments, each with the outcome that was fixed before any of them ran."""

from tests.fleet.member import Member

_BOUNDED = {"reward": {"kind": "bounded", "window": "PT1H"}}
_REAL = {"reward": {"kind": "real", "window": "PT1H"}}
_DEAD = {
    "guardrails": {
        "custom": {"alive": {"metric": "reward", "at_least": 0.05}},
        "critical": ["reward_drop", "alive"],
    }
}

NULLS = (
    Member("null-two", "null", (0.10, 0.10), "runs"),
    Member("null-floor-1", "null", (0.10, 0.10), "runs", floor=0.01),
    Member("null-floor-20", "null", (0.05, 0.05), "runs", floor=0.2),
    Member("null-rare", "null", (0.03, 0.03), "runs"),
    Member("null-five", "null", (0.10,) * 5, "runs", floor=0.05, units=2_000),
    Member("null-ten", "null", (0.10,) * 10, "runs", floor=0.05, units=2_000),
    Member("null-greedy", "null", (0.10, 0.10), "runs", policy="epsilon_greedy"),
    Member("null-top-two", "null", (0.10,) * 3, "runs", policy="top_two_thompson"),
    Member("null-uniform", "null", (0.10, 0.10), "runs", policy="uniform"),
    Member("null-kl-ucb", "null", (0.10,) * 3, "runs", policy="kl_ucb"),
    Member("null-nested", "null", (0.10, 0.10), "runs", declared={"assignment": "nested"}),
    Member("null-returning", "null", (0.10, 0.10), "runs", visits=2),
    Member("null-slate", "null", (0.10,) * 3, "runs", declared={"positions": 2}),
    Member("null-bounded", "null", (0.30, 0.30), "runs", units=800, declared=_BOUNDED),
    Member("null-real", "null", (1.00, 1.00), "runs", units=800, declared=_REAL),
)
LIFTS = (
    Member("lift-two", "lift", (0.10, 0.15), "ships"),
    Member("lift-floor-1", "lift", (0.10, 0.16), "ships", floor=0.01, units=3_000),
    Member("lift-floor-20", "lift", (0.10, 0.15), "ships", floor=0.2),
    Member("lift-three", "lift", (0.10, 0.10, 0.16), "ships", units=2_000),
    Member("lift-five", "lift", (0.10, 0.10, 0.11, 0.09, 0.18), "ships", units=3_000),
    Member("lift-greedy", "lift", (0.10, 0.15), "ships", policy="epsilon_greedy"),
    Member("lift-top-two", "lift", (0.10, 0.10, 0.16), "ships", policy="top_two_thompson"),
    Member("lift-uniform", "lift", (0.10, 0.15), "ships", policy="uniform"),
    Member(
        *("lift-bounded", "lift", (0.30, 0.36), "ships"),
        policy="uniform",
        units=800,
        declared=_BOUNDED,
    ),
    Member("lift-real", "lift", (1.00, 1.20), "ships", units=800, declared=_REAL),
)
HARMS = (
    Member("harm-two", "harm", (0.10, 0.05), "rolls back", floor=0.2),
    Member("harm-half", "harm", (0.20, 0.10), "rolls back"),
    Member("harm-often", "harm", (0.40, 0.32), "rolls back", floor=0.2),
    Member("harm-three", "harm", (0.20, 0.12, 0.12), "rolls back", floor=0.2, units=2_500),
    Member("harm-greedy", "harm", (0.20, 0.12), "rolls back", floor=0.2, policy="epsilon_greedy"),
    Member("harm-uniform", "harm", (0.10, 0.08), "rolls back", policy="uniform", units=4_000),
    Member(
        *("harm-default", "harm", (0.20, 0.12), "rolls back"),
        floor=0.2,
        declared={"guardrails": {"restore": "default"}},
    ),
)
BROKEN = (
    Member("broken-name", "broken", (0.10, 0.12), "stops", breaks="another arm's name"),
    Member("broken-share", "broken", (0.10, 0.12), "stops", breaks="stale share"),
    Member("broken-version", "broken", (0.10, 0.12), "stops", breaks="unknown version"),
    Member("broken-cell", "broken", (0.10, 0.12), "stops", breaks="unknown cell"),
    Member("broken-kind", "broken", (0.10, 0.12), "stops", breaks="another reward kind"),
    Member("broken-twice", "broken", (0.10, 0.12), "stops", breaks="exported twice"),
    # No NaN is ever acknowledged: what the platform sees is a batch without rewards.
    Member(
        *("broken-nan", "broken", (0.10, 0.12), "rolls back"),
        breaks="not a number",
        declared=_DEAD,
    ),
)
MISMATCHED = (
    Member("srm-lost", "srm", (0.10, 0.12), "stops", breaks="arm lost"),
    Member("srm-thinned", "srm", (0.10, 0.12), "stops", breaks="arm thinned", units=3_000),
    Member("srm-doubled", "srm", (0.10, 0.12), "stops", breaks="arm doubled"),
    Member("srm-stale", "srm", (0.10, 0.16), "stops", breaks="stale weights"),
    Member(
        *("srm-refused", "srm", (0.10, 0.12), "stops"),
        breaks="arm refused",
        declared={"quality": {"refused_share": 0.5}},
    ),
)
DRIFTS = (
    Member("drift-level", "drift", (0.05,) * 2, "runs", turns={9: (0.15,) * 2, 18: (0.08,) * 2}),
    Member("drift-lift", "drift", (0.10, 0.16), "ships", turns={3: (0.14, 0.20)}),
    Member("drift-sours", "drift", (0.10, 0.13), "rolls back", turns={4: (0.12, 0.05)}),
)

DELAYS = (
    Member("delay-null", "delay", (0.10, 0.10), "runs", delay=2),
    Member("delay-lift", "delay", (0.10, 0.16), "ships", delay=2),
    # Half of all rewards occur when nobody waits any more: they join nothing, and it is declared.
    Member(
        *("delay-late", "delay", (0.20, 0.20), "runs"),
        late=0.5,
        declared={"guardrails": {"inbox_share": 0.9}},
    ),
)

FLEET = (*NULLS, *LIFTS, *HARMS, *BROKEN, *MISMATCHED, *DRIFTS, *DELAYS)
