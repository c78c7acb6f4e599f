"""Recompute logged decisions from their snapshot: what the audit demands of every record."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from include.contract.assignment import bucket_in, unit_hasher
from include.contract.lifecycle import FLAG_OF
from include.contract.participation import takes_part
from include.contract.published import Published
from include.contract.records import derived_id
from include.contract.rules import Rules, default_arms
from include.contract.weights import BUCKETS, WeightsContent

# Clocks of replicas and database differ; a state is told by one and dated by the other.
CLOCK_TOLERANCE_US: Final = 300_000_000
NO_DRAW: Final = -1
_STATES: Final = frozenset(FLAG_OF.values())


class LoggedDecision(NamedTuple):
    """A decision as it stands in the log; lists have an entry per position."""

    decision_id: str
    request_id: str | None
    unit: str | None
    cell: str
    version: int
    content_hash: str
    arms: Sequence[int]
    arm_ids: Sequence[str]
    shares: Sequence[int]
    buckets: Sequence[int]
    flag: str | None
    erased: bool
    decided_us: int


class Fault(NamedTuple):
    """What of a record differs from what recomputing gives, and how."""

    what: str
    explanation: str


class _Slot(NamedTuple):
    owners: list[int]
    counts: tuple[int, ...]


class Recomputer:
    """Recomputes the decisions of one experiment.

    Parameters
    ----------
    chain
        Its published versions.
    rules
        What it has declared over time.
    """

    def __init__(self, chain: Iterable[Published], rules: Rules) -> None:
        self._chain = {published.version: published for published in chain}
        self._rules = rules
        self._slots: dict[tuple[int, str], list[_Slot]] = {}
        self._hashers = {
            version: unit_hasher(published.content.salt, published.content.experiment)
            for version, published in self._chain.items()
        }

    def faults(self, record: LoggedDecision) -> Iterator[Fault]:
        """Yield everything in which a record differs; nothing for one that holds."""
        published = self._chain.get(record.version)
        if published is None or published.content_hash != record.content_hash:
            named = f"v{record.version} {record.content_hash}"
            yield Fault("snapshot", f"names {named}, which was never published")
            return
        content = published.content
        if record.cell not in content.cells:
            yield Fault("cell", f"v{record.version} has no cell {record.cell!r}")
            return
        slots = self._compiled(record.version, content, record.cell)
        lists = (record.arms, record.arm_ids, record.shares, record.buckets)
        if any(len(each) != len(slots) for each in lists):
            yield Fault("slots", f"has {len(record.arms)} positions, its snapshot {len(slots)}")
            return
        yield from _names(record, content)
        if record.flag is None:
            yield from self._drawn(record, content, slots)
        else:
            yield from self._settled(record, content)

    def _compiled(self, version: int, content: WeightsContent, cell: str) -> list[_Slot]:
        found = self._slots.get((version, cell))
        if found is None:
            found = [
                _Slot(_owners(ranges), content.buckets(cell, slot))
                for slot, ranges in enumerate(content.cells[cell])
            ]
            self._slots[(version, cell)] = found
        return found

    def _drawn(
        self, record: LoggedDecision, content: WeightsContent, slots: Sequence[_Slot]
    ) -> Iterator[Fault]:
        who = record.decision_id if record.unit is None else record.unit
        drawn_by = who.encode("utf-8")
        hasher = self._hashers[record.version]
        for place, slot in enumerate(slots):
            bucket = record.buckets[place]
            # The unit is gone, and the bucket that was stored for it stands in its place.
            if not record.erased and bucket != bucket_in(hasher, drawn_by, place):
                computed = bucket_in(hasher, drawn_by, place)
                yield Fault("bucket", f"position {place}: bucket {bucket}, recomputed {computed}")
            if not 0 <= bucket < BUCKETS:
                yield Fault("bucket", f"position {place}: bucket {bucket} does not exist")
                continue
            arm, owner = record.arms[place], slot.owners[bucket]
            if arm != owner:
                yield Fault("arm", f"position {place}: arm {arm}, bucket {bucket} has arm {owner}")
            if record.shares[place] != slot.counts[owner]:
                told, held = record.shares[place], slot.counts[owner]
                yield Fault("share", f"position {place}: share {told}, the arm holds {held}")
        most = self._rules.traffic[1]
        if most < BUCKETS and not record.erased and not takes_part(content.experiment, who, most):
            yield Fault("participation", f"drawn, though at most {most} of 10,000 ever took part")

    def _settled(self, record: LoggedDecision, content: WeightsContent) -> Iterator[Fault]:
        if any(share != BUCKETS for share in record.shares):
            yield Fault("share", f"shares {list(record.shares)} where nothing was drawn")
        if any(bucket != NO_DRAW for bucket in record.buckets):
            yield Fault("bucket", f"buckets {list(record.buckets)} where nothing was drawn")
        if record.flag == "forced":
            return
        allowed = [
            default_arms(declared, content.arms, len(record.arms))
            for declared in sorted(self._rules.defaults)
        ]
        if list(record.arms) not in allowed:
            yield Fault("default", f"arms {list(record.arms)}, no revision declares them default")
        yield from self._flag(record, content)

    def _flag(self, record: LoggedDecision, content: WeightsContent) -> Iterator[Fault]:
        flag, rules = record.flag, self._rules
        if flag in _STATES:
            since = (rules.states or {}).get(str(flag))
            if since is None or record.decided_us < since - CLOCK_TOLERANCE_US:
                yield Fault("flag", f"flagged {flag}, but the experiment had not been {flag} yet")
        elif flag in {"excluded", "ineligible"}:
            # The context is not kept: more cannot be asked of such a record.
            if not (rules.excluded if flag == "excluded" else rules.ineligible):
                yield Fault("flag", f"flagged {flag}, but no revision declares whom that concerns")
        elif flag == "outside":
            who = record.decision_id if record.unit is None else record.unit
            least = rules.traffic[0]
            if not record.erased and takes_part(content.experiment, who, least):
                yield Fault("participation", f"outside, though the first {least} always took part")
        else:
            yield Fault("flag", f"flag {flag!r} is not known")


def _owners(ranges: Iterable[tuple[int, int, int]]) -> list[int]:
    return [arm for start, stop, arm in ranges for _ in range(stop - start)]


def _names(record: LoggedDecision, content: WeightsContent) -> Iterator[Fault]:
    if record.request_id is not None:
        derived = derived_id(content.experiment, record.request_id)
        if record.decision_id != derived:
            yield Fault("id", f"its request id leads to the decision id {derived}")
    for place, (arm, name) in enumerate(zip(record.arms, record.arm_ids, strict=True)):
        if not 0 <= arm < len(content.arms):
            yield Fault("arm", f"position {place}: there is no arm {arm}")
        elif content.arms[arm] != name:
            yield Fault("name", f"position {place}: arm {arm} is {content.arms[arm]}, not {name}")
