"""What a fleet that has run must hold to: outcomes, reasoning, sums and versions."""

from collections.abc import Iterator

from include.settings import Settings
from tests.fleet import reasoning
from tests.fleet.evidence import evidence_faults
from tests.fleet.member import Member
from tests.fleet.outcome import Outcome, outcome
from tests.fleet.record import Record, read_record
from tests.fleet.reports import report_faults
from tests.fleet.run import Fleet
from tests.fleet.silver import own_sums, sum_faults, version_faults


def verified(fleet: Fleet, member: Member) -> Outcome:
    """Return how an experiment ended, with everything that is not as it must be."""
    kept = read_record(fleet.settings, member.slug)
    ended = outcome(fleet, member, kept)
    return Outcome(ended.told, ended.batch, (*ended.faults, *_kept(fleet.settings, member, kept)))


def _kept(settings: Settings, member: Member, kept: Record) -> Iterator[str]:
    """Whatever the outcome: its reasons, its sums and its versions can be recomputed."""
    yield from reasoning.faults(settings, member.slug, kept.recommended)
    own = own_sums(settings, member)
    yield from sum_faults(settings, member, own)
    yield from version_faults(settings, member)
    yield from report_faults(settings, member, own)
    yield from evidence_faults(settings, member, own)
    if kept.recommended:
        newest = kept.recommended[-1]
        # Behind a broken batch silver may hold others, which wait.
        judged = {key: cell for key, cell in own[0].items() if key[0] <= newest["batch_id"]}
        yield from reasoning.unit_faults(newest, judged, list(member.arms))
