"""Rolling back: which earlier shares come back, and the version that brings them. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from include.bandit.live import Live
from include.contract.limits import Bounds
from include.contract.published import Published
from include.contract.weights import POOLED_CELL, WeightsContent, derive_salt
from include.experiments.schema import Experiment

METHOD: Final = "rollback/1"


@dataclass(frozen=True, slots=True)
class Target:
    """What comes back.

    Attributes
    ----------
    restored
        Version whose buckets come back; ``None``: the declared default shares.
    content
        Its content; ``None`` likewise.
    why
        Why this one, in words.
    """

    restored: int | None
    content: WeightsContent | None
    why: str


DEFAULT: Final = Target(None, None, "the declared default shares")


def choose(
    experiment: Experiment,
    live: Published,
    good: Iterable[Published],
    arms_at_fault: Sequence[int] = (),
) -> Target:
    """Choose what comes back: the newest good version that fits, else the default, else no change.

    A version fits when the declaration in force allows its shares, and when it gives no arm at
    fault more than it has now: rolling back a loss must not feed it.

    Parameters
    ----------
    experiment
        Declaration in force.
    live
        The head.
    good
        Versions whose batch passed, newest first.
    arms_at_fault
        Indices of arms that a guardrail blames.
    """
    wanted = list(good) if experiment.guardrails.restore == "last_good" else []
    for version in wanted:
        if allowed(experiment, version.content) and _feeds_none(
            experiment, live.content, version.content, arms_at_fault
        ):
            why = f"v{version.version}, the last good version"
            return Target(version.version, version.content, why)
    default = experiment.default_buckets()
    now = _buckets(experiment, live.content, POOLED_CELL, 0)
    if all(default[arm] <= now[arm] for arm in arms_at_fault) or not allowed(
        experiment, live.content
    ):
        return DEFAULT
    why = f"v{live.version}, whose shares stay: others would give an arm at fault more"
    return Target(live.version, live.content, why)


def allowed(experiment: Experiment, content: WeightsContent) -> bool:
    """Tell whether the declaration in force allows a version's shares in every cell and slot."""
    if content.arms != experiment.arms or set(content.cells) != {POOLED_CELL, *experiment.cells}:
        return False
    bounds = experiment.bucket_bounds()
    return all(
        len(slots) == experiment.positions
        and all(_within(content.buckets(cell, slot), bounds) for slot in range(len(slots)))
        for cell, slots in content.cells.items()
    )


def rolled_back(
    experiment: Experiment, live: WeightsContent, restored: WeightsContent | None
) -> WeightsContent:
    """Return the version that follows the live one with restored shares; equal inputs, equal bytes.

    It names the batch and the statistics that its parent had folded: no belief changes. Under
    ``nested`` it moves the fewest units; otherwise they are drawn afresh.

    Parameters
    ----------
    experiment
        Declaration in force.
    live
        The parent.
    restored
        Whose buckets come back; ``None``: the declared default shares.
    """
    ranges = Live(experiment, live)
    default = experiment.default_buckets()
    cells = {
        cell: tuple(
            ranges.ranges(cell, slot, default if restored is None else restored.buckets(cell, slot))
            for slot in range(experiment.positions)
        )
        for cell in (POOLED_CELL, *experiment.cells)
    }
    revision, parent = experiment.revision_hash(), live.hash()
    return WeightsContent(
        experiment=experiment.slug,
        revision=revision,
        parent=parent,
        batch=live.batch,
        statistics=live.statistics,
        method=METHOD,
        salt=derive_salt(experiment.assignment, experiment.slug, revision, parent, live.batch),
        arms=experiment.arms,
        cells=cells,
    )


def _feeds_none(
    experiment: Experiment, live: WeightsContent, other: WeightsContent, arms: Sequence[int]
) -> bool:
    return all(
        other.buckets(cell, slot)[arm] <= _buckets(experiment, live, cell, slot)[arm]
        for cell, slots in other.cells.items()
        for slot in range(len(slots))
        for arm in arms
    )


def _buckets(experiment: Experiment, live: WeightsContent, cell: str, slot: int) -> list[int]:
    found = Live(experiment, live).counts(cell, slot) or (None,) * len(experiment.arms)
    return [count or 0 for count in found]


def _within(buckets: Sequence[int], bounds: Bounds) -> bool:
    return all(
        low <= count <= high
        for low, count, high in zip(bounds.lower, buckets, bounds.upper, strict=True)
    )
