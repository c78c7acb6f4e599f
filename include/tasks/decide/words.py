"""A recommendation in words: one sentence, and the evidence as a table for whoever approves."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from include.bandit.inference.decision import Recommendation
from include.bandit.inference.decision_evidence import Evidence
from include.stores.reports.decisions import StoredRecommendation

_SHOWN: Final = 12
_EXPLAINED: Final = (
    "The ends hold at all looks and over all arms at once. *Approve* publishes a new version and "
    "ends the experiment; *Reject* lets it go on."
)
_KINDS: Final = {
    "ship": "ship {arm}",
    "stop_harm": "stop: harm",
    "stop_futility": "stop: futility",
    "stop_duration": "stop: longest duration",
    "keep_running": "keep running",
}


def headline(kind: str, arm: str | None) -> str:
    """Say a recommendation in a few words."""
    return _KINDS[kind].format(arm=arm)


def summary(found: Recommendation, evidence: Evidence) -> str:
    """Say in a sentence what is recommended, by which numbers."""
    head = headline(found.kind, found.arm)
    days = f"{evidence.days:g} days of closed batches"
    if found.kind == "ship":
        return f"{head}: {'; '.join(_effects(evidence, found.arm))}; every condition is met"
    if found.kind in {"stop_harm", "stop_futility"}:
        return f"{head}: {'; '.join(_effects(evidence, None)[:_SHOWN])}"
    if found.kind == "stop_duration":
        return f"{head}: {days} of at most {evidence.maximum_days:g}, without a verdict"
    open_ = [check for check in found.reasons() if check.rule == "ship"]
    unknown = sum(check.state == "unknown" for check in open_)
    return (
        f"{head}: {days} of at most {evidence.maximum_days:g}; of the conditions to ship an arm "
        f"{len(open_) - unknown} are not met and {unknown} are unknown"
    )


def markdown(stored: StoredRecommendation, title: str) -> str:
    """Lay a recommendation out for the approval form: evidence and conditions as tables."""
    key = stored.key
    lines = [
        f"**{_plain(title)}** (`{key.experiment}`), up to batch {key.batch_id}",
        "",
        _plain(stored.summary),
        "",
        *_table(
            ("position", "arm", "effect", "lower end", "upper end", "baseline", "fewest units"),
            [
                (
                    *(one["position"], one["arm"], _number(one["estimate"])),
                    *(_number(one["lower"]), _number(one["upper"]), _number(one["baseline"])),
                    one["units"],
                )
                for one in _foremost(stored)
            ],
        ),
        "",
        *_table(
            ("rule", "condition", "arm", "value", "threshold", "outcome"),
            [
                (
                    *(check["rule"], check["words"], check["arm"] or "all"),
                    *(_number(check["value"]), _number(check["threshold"]), check["state"]),
                )
                for check in _deciding(stored)
            ],
        ),
        "",
        _EXPLAINED,
    ]
    return "\n".join(lines)


def _effects(evidence: Evidence, arm: str | None) -> list[str]:
    return [
        f"{one.arm} {_number(one.estimate)} [{_number(one.lower)}, {_number(one.upper)}], "
        f"baseline {_number(one.baseline)}, position {at}"
        for at, position in enumerate(evidence.positions)
        for one in position.arms
        if arm in (None, one.arm)
    ]


def _foremost(stored: StoredRecommendation) -> list[Mapping[str, Any]]:
    """Return the arm to ship first, then those with the largest effects."""
    ranked = sorted(
        stored.arms,
        key=lambda one: (
            one["arm"] != stored.arm,
            one["estimate"] is None,
            -(one["estimate"] or 0),
        ),
    )
    return ranked[:_SHOWN]


def _deciding(stored: StoredRecommendation) -> list[Mapping[str, Any]]:
    rule = stored.kind.removeprefix("stop_")
    own = [
        check
        for check in stored.checks
        if check["rule"] == rule and check["arm"] in (None, stored.arm or check["arm"])
    ]
    return own[: 3 * _SHOWN]


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(_plain(str(cell)) for cell in row)} |" for row in rows]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"


def _plain(text: str) -> str:
    """Keep what people wrote from being markup."""
    for sign in "\\`*_[]<>|":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("\r", " ").replace("\n", " ")
