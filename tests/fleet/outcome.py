"""Whether an experiment of the fleet ended as was fixed before it ran."""

from dataclasses import dataclass
from typing import Final

from include.contract.batches import batch_start
from tests.fleet.member import HARM_BY, START, Member, day
from tests.fleet.record import Record
from tests.fleet.run import Fleet

# What rolls a harm back, and a log without rewards.
ROLLS_BACK: Final = {
    "harm": "reward_drop fail",
    "drift": "reward_drop fail",
    "broken": "alive fail",
}


@dataclass(frozen=True)
class Outcome:
    """How it ended.

    Attributes
    ----------
    told
        In a few words.
    batch
        Batch that ended it, counted from 1; ``None`` where nothing did.
    faults
        What is not as it must be; empty where all is.
    """

    told: str
    batch: int | None
    faults: tuple[str, ...]


def outcome(fleet: Fleet, member: Member, kept: Record) -> Outcome:
    """Compare what is on record with what must be."""
    judge = {"runs": _runs, "ships": _ships, "stops": _stops, "rolls back": _rolls_back}
    return judge[member.ends](fleet, member, kept)


def _runs(fleet: Fleet, member: Member, kept: Record) -> Outcome:
    """Nothing ships, and no guardrail stops a sound experiment."""
    ended = _ended(kept)
    faults = [*_disturbed(fleet, member, kept)]
    if ended is not None and ended[1] == "ship":
        faults.append(f"shipped {kept.recommended[-1]['arm']}")
    if ended is None:
        return Outcome("no verdict", None, tuple(faults))
    return Outcome(ended[1].replace("_", ": ", 1), ended[0], tuple(faults))


def _ships(fleet: Fleet, member: Member, kept: Record) -> Outcome:
    ended = _ended(kept)
    faults = [*_disturbed(fleet, member, kept)]
    if ended is None or ended[1] != "ship":
        return Outcome("no verdict", None, (*faults, "nothing was shipped"))
    arm = kept.recommended[-1]["arm"]
    if arm != member.best:
        faults.append(f"shipped {arm}, but {member.best} is best")
    whole = [10_000 * (name == member.best) for name in member.arms]
    if list(kept.chain[-1].content.buckets()) != whole or kept.state != "concluded":
        faults.append(f"{kept.state} with {kept.chain[-1].content.buckets()}")
    return Outcome(f"shipped {arm}", ended[0], tuple(faults))


def _stops(fleet: Fleet, member: Member, kept: Record) -> Outcome:
    """The broken batch and all behind it moved no weight."""
    faults = _moved(fleet, member, kept, member.breaks_at)
    if "rollback" in kept.reasons:
        faults.append("rolled back, where holding is enough")
    why = [said for slug, at, said in fleet.failed if (slug, at) == (member.slug, member.breaks_at)]
    held = [check for check in kept.checks if check["action"] == "hold"]
    if not why and (not held or held[0]["batch_id"] != day(member.breaks_at)):
        faults.append("nothing says why")
    told = (
        why[0].split(":")[0] if why else str(held[0]["explanation"]).split(":")[0] if held else ""
    )
    return Outcome(told, member.breaks_at + 1, tuple(faults))


def _rolls_back(fleet: Fleet, member: Member, kept: Record) -> Outcome:
    """Earlier shares came back with the batch that showed it, and stay."""
    failed = [check for check in kept.checks if check["action"] == "roll_back"]
    if not failed or kept.reasons.count("rollback") != 1:
        return Outcome("no roll-back", None, ("nothing was rolled back",))
    number = number_of(failed[0]["batch_id"])
    faults = _moved(fleet, member, kept, number)
    if ROLLS_BACK[member.kind] not in failed[0]["explanation"]:
        faults.append(f"rolled back for {failed[0]['explanation']}")
    if member.kind == "harm" and number >= HARM_BY:
        faults.append(f"rolled back only with batch {number + 1}")
    before, after = (version.content.buckets() for version in kept.chain[-2:])
    if member.kind == "harm" and any(a > b for a, b in zip(after[1:], before[1:], strict=True)):
        faults.append(f"gave more to what does harm: {before} to {after}")
    told = " + ".join(
        part.split(" fail")[0] for part in failed[0]["explanation"].split("; ") if " fail:" in part
    )
    return Outcome(f"rolled back: {told}", number + 1, tuple(faults))


def _moved(fleet: Fleet, member: Member, kept: Record, batch: int) -> list[str]:
    """Name what moved from a batch on, beside a roll-back."""
    learned = [
        version.content.batch
        for version, why in zip(kept.chain, kept.reasons, strict=True)
        if version.content.batch is not None and why != "rollback"
    ]
    live = fleet.live[member.slug]
    faults = [f"learned from {name}" for name in learned if name >= day(batch)]
    if len(set(live[batch:])) != 1:
        faults.append(f"versions {live[batch:]} were live")
    if learned and max(learned) != day(batch - 1):
        faults.append(f"sound batches were not learned from: the last is {max(learned)}")
    return faults


def _disturbed(fleet: Fleet, member: Member, kept: Record) -> list[str]:
    """Name what a sound experiment must not suffer."""
    faults = [
        f"{check['batch_id']}: {check['explanation']}"
        for check in kept.checks
        if check["action"] != "proceed"
    ]
    faults += [said for slug, _, said in fleet.failed if slug == member.slug]
    ended = _ended(kept)
    batches = len(fleet.live[member.slug]) if ended is None else ended[0]
    learned = {version.content.batch for version in kept.chain} - {None}
    if missing := [day(at) for at in range(batches) if day(at) not in learned]:
        faults.append(f"never learned from {', '.join(missing)}")
    return faults


def _ended(kept: Record) -> tuple[int, str] | None:
    """Return by which batch, counted from 1, and how an experiment ended."""
    final = [row for row in kept.recommended if row["kind"] != "keep_running"]
    if not final:
        return None
    return number_of(final[0]["batch_id"]) + 1, str(final[0]["kind"])


def number_of(batch_id: str) -> int:
    """Return which batch that is, counted from 0."""
    return (batch_start(batch_id) - START).days
