"""Which version comes next: pure decisions on batches, whatever woke the update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from include.bandit.guardrails.result import Action
from include.stores.reports.shadows import Shadow
from include.stores.reports.sums import BatchReference
from include.stores.reports.trail import Reason


@dataclass(frozen=True, slots=True)
class Step:
    """One version to publish.

    Attributes
    ----------
    reason
        Why: ``batch``, ``restatement``, ``revision`` or ``ramp``.
    batches
        The sums to fold, in ``batch_id`` order.
    restated
        Batches up to the head's newest whose sums changed or that came late.
    shadow
        The challenger beside the version, and its share of it; ``None`` without one.
    """

    reason: Reason
    batches: tuple[BatchReference, ...]
    restated: tuple[str, ...] = ()
    shadow: Shadow | None = None

    @property
    def batch(self) -> str | None:
        """The newest batch folded in."""
        return self.batches[-1].batch_id if self.batches else None


def next_step(
    folded: Sequence[BatchReference],
    closed: Sequence[BatchReference],
    *,
    revised: bool,
    until: str | None = None,
    shadow: Shadow | None = None,
    live_share: float = 0.0,
) -> Step | None:
    """Decide the next version, or that there is nothing to do.

    What changed up to the newest folded batch comes first, as one version however much
    changed; then every newer batch in order, one version each, so that the history
    shows each day. A challenger's share changes with whatever version comes next; where none
    is due, with one of its own.

    Parameters
    ----------
    folded
        What the head folded.
    closed
        All closed batches with their current sums.
    revised
        Whether another revision is in force than the head's.
    until
        Newest batch to go to, as a backfill asks; all when left out.
    shadow
        The challenger that stands beside the next version, if any.
    live_share
        The challenger's share of the head.
    """
    newest = folded[-1].batch_id if folded else ""
    before = {batch.batch_id: batch for batch in folded}
    now = before | {batch.batch_id: batch for batch in closed if batch.batch_id <= newest}
    settled = tuple(now[batch_id] for batch_id in sorted(now))
    restated = tuple(batch.batch_id for batch in settled if before.get(batch.batch_id) != batch)
    if revised or restated:
        return Step("revision" if revised else "restatement", settled, restated, shadow)
    newer = sorted(batch for batch in closed if batch.batch_id > newest)
    if newer and (until is None or newer[0].batch_id <= until):
        return Step("batch", (*settled, newer[0]), shadow=shadow)
    if live_share != (0.0 if shadow is None else shadow.share):
        return Step("ramp", settled, shadow=shadow)
    return None


def admitted(
    closed: Sequence[BatchReference],
    folded: Sequence[BatchReference],
    judged: Mapping[BatchReference, Action],
    *,
    released_through: str,
) -> tuple[list[BatchReference], str | None]:
    """Leave out what guardrails do not let pass, and say why.

    Sums may be folded that passed, that a person released, or that the head has folded already.
    Of an old batch whose new sums do not pass the former ones go on counting; a new batch that
    does not pass keeps all that came after it waiting, since batches are folded in order.

    Parameters
    ----------
    closed
        All closed batches with their current sums, in order.
    folded
        What the head folded.
    judged
        Sums to the newest judgement of them.
    released_through
        Newest batch that a person accepted as it is.
    """
    known, newest = set(folded), folded[-1].batch_id if folded else ""
    kept: list[BatchReference] = []
    stopped: str | None = None
    for batch in closed:
        action = judged.get(batch)
        passes = action == "proceed" or batch.batch_id <= released_through or batch in known
        if passes:
            kept.append(batch)
            continue
        why = "was not judged yet" if action is None else f"was judged {action}"
        stopped = stopped or f"batch {batch.batch_id} {why} by the guardrails"
        if batch.batch_id > newest:
            break
    return kept, stopped
