"""What experiments require of the log that they share."""

from dataclasses import dataclass

from include.bandit.open_bandit import Log
from include.errors import ExperimentError
from include.experiments.files import load_all
from include.experiments.schema import Experiment, OpenBanditSource, Reward
from include.settings import Settings


@dataclass(frozen=True, slots=True)
class Requirements:
    """The strictest of what the experiments on a log declare.

    Attributes
    ----------
    refused_share
        Largest share of rows that may be refused.
    strictest
        Slug of the experiment that declares it.
    reward
        Reward that all of them declare.
    """

    refused_share: float
    strictest: str
    reward: Reward


def experiments_on(settings: Settings, campaign: str) -> list[Experiment]:
    """Return the experiments on a campaign of the Open Bandit Dataset, by slug.

    A revision in PostgreSQL is in force; a file that was not registered yet counts too.
    """
    from include.stores.reports.connection import transaction
    from include.stores.reports.experiments import read, slugs

    known = load_all(settings.experiments_dir)
    with transaction(settings) as connection:
        known |= {slug: read(connection, slug).experiment for slug in slugs(connection)}
    return [
        known[slug]
        for slug in sorted(known)
        if isinstance(source := known[slug].source, OpenBanditSource)
        and source.campaign == campaign
    ]


def requirements_of(settings: Settings, log: Log) -> Requirements:
    """Return what the experiments on a log's campaign require of it.

    Raises
    ------
    ExperimentError
        If there is none, or one cannot learn from the campaign as declared.
    """
    experiments = experiments_on(settings, log.campaign)
    if not experiments:
        raise ExperimentError(
            f"no experiment learns from campaign {log.campaign!r}; declare one in "
            f"{settings.experiments_dir}, so that it is known how many rows may be refused"
        )
    for experiment in experiments:
        if len(experiment.arms) != log.items or experiment.reward.kind != "bernoulli":
            raise ExperimentError(
                f"experiment {experiment.slug!r} declares {len(experiment.arms)} arms and a "
                f"{experiment.reward.kind} reward; campaign {log.campaign!r} has {log.items} items "
                "and clicks (bernoulli)"
            )
    strictest = min(experiments, key=lambda one: (one.quality.refused_share, one.slug))
    return Requirements(strictest.quality.refused_share, strictest.slug, strictest.reward)
