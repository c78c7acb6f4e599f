"""What must hold once things are quiet again, checked from outside."""

from dataclasses import dataclass
from pathlib import Path

from faults import kept, learned
from faults.ledger import Ledger
from include.settings import Settings


@dataclass(frozen=True, slots=True)
class Identity:
    """One identity.

    Attributes
    ----------
    name
        In a few words.
    told
        What was counted, or what differs.
    """

    name: str
    holds: bool
    told: str


def check_identities(
    ledger: Ledger, settings: Settings, experiment: str, *, url: str, spool: Path
) -> list[Identity]:
    """Compare what clients were told with all that the system holds.

    Parameters
    ----------
    ledger
        Of all clients.
    settings
        That reach the parts directly.
    experiment
        Slug.
    url
        The API, directly.
    spool
        The API's folder of records that wait.
    """
    silver = kept.silver_rows(settings, experiment)
    quarantined = kept.refused_decisions(settings, experiment)
    found = [
        kept.decisions(ledger, settings, experiment, silver, quarantined),
        kept.rewards(ledger, settings, experiment, silver),
        kept.bronze(settings, experiment),
        kept.quiet(settings, spool),
        learned.sums(settings, experiment, silver),
        learned.recomputed(settings, experiment),
        learned.chain(settings, experiment, url),
        learned.undisturbed(settings, experiment, silver),
        learned.forward(ledger),
    ]
    return [Identity(name, not wrong, wrong or told) for name, told, wrong in found]
