"""The ramp: which state of a challenger follows, from its verdict and the guardrails. Pure."""

from dataclasses import dataclass, replace
from typing import Literal

from include.bandit.gate.verdict import Verdict
from include.experiments.promotion import Promotion

State = Literal["shadow", "ramp", "promoted", "rejected"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a challenger stands.

    Attributes
    ----------
    state
        ``shadow``: shares are computed, no traffic. ``ramp``: it has a share of the traffic.
        ``promoted``: its policy is in force. ``rejected``: it is done with, until it is
        registered anew.
    step
        On the ramp, which step, from 0.
    share
        λ, its part of the traffic.
    """

    state: State = "shadow"
    step: int | None = None
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the next state follows from.

    Attributes
    ----------
    verdict, told
        What the rows say, and why.
    blocked
        Why guardrails do not let the newest closed batch promote; ``None`` where they do.
    untrusted
        Why a closed batch cannot be trusted; ``None`` where all can.
    passed
        Newest batches of the running step, in a row, that passed every guardrail.
    """

    verdict: Verdict
    told: str
    blocked: str | None
    untrusted: str | None
    passed: int


def follow(now: Standing, facts: Facts, promotion: Promotion) -> tuple[Standing, str]:
    """Return what follows, and why; the same standing where nothing does.

    A challenger that fails is rejected wherever it stands. Out of the shadow leads a pass whose
    newest batch passed every guardrail. On the ramp each step needs its batches, and rows that
    still say something; a log that cannot be trusted leads back into the shadow, since nobody can
    see what the challenger does.
    A roll-back rejects: it is written where shares are rolled back.
    """
    if now.state in {"promoted", "rejected"}:
        return now, f"{now.state} before"
    if facts.verdict == "fail":
        return Standing("rejected"), f"rejected: {facts.told}"
    if now.state == "ramp":
        return _climb(now, facts, promotion)
    if facts.verdict != "pass":
        return now, f"{facts.verdict}: {facts.told}"
    if facts.blocked is not None:
        return now, f"pass, but not promoted: {facts.blocked}; {facts.told}"
    first = promotion.steps[0]
    return Standing("ramp", 0, first), f"pass: {facts.told}; ramp to {first:.0%}"


def _climb(now: Standing, facts: Facts, promotion: Promotion) -> tuple[Standing, str]:
    step = 0 if now.step is None else now.step
    if facts.untrusted is not None:
        return Standing(), f"back to the shadow: {facts.untrusted}"
    need = promotion.batches_per_step
    if facts.passed < need or facts.verdict == "unknown":
        waits = f"{facts.passed} of {need} batches in a row passed every guardrail"
        because = "" if facts.blocked is None else f" ({facts.blocked})"
        return now, f"at {now.share:.0%}: {waits}{because}; {facts.verdict}: {facts.told}"
    if step + 1 >= len(promotion.steps):
        done = replace(now, state="promoted", step=None, share=1.0)
        return done, f"promoted: every step of the ramp passed; {facts.told}"
    share = promotion.steps[step + 1]
    return Standing("ramp", step + 1, share), f"ramp to {share:.0%}: {facts.told}"
