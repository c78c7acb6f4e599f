"""What is declared once something is settled: a winner, default shares, or another policy."""

from typing import Any

from include.experiments.schema import Experiment, LimitsDeclaration, Policy


def shipped(experiment: Experiment, arm: str) -> Experiment:
    """Return the declaration that follows when an arm is shipped.

    The policy is fixed to the arm; of the limits only the floor and the holdout that
    ``verdict`` declares for good remain. Units that do not take part get the arm, too.

    Raises
    ------
    ValueError
        If the experiment has no such arm.
    """
    if arm not in experiment.arms:
        raise ValueError(f"experiment {experiment.slug!r} has no arm {arm!r} to ship")
    rules = experiment.verdict
    limits = LimitsDeclaration(
        probability_floor=rules.floor_after, control_floor=rules.holdout_share
    )
    shares = [float(name == arm) for name in experiment.arms]
    policy = Policy(name="fixed", params={"shares": shares})
    return _changed(experiment, policy=policy, limits=limits, default_arm=arm)


def stopped(experiment: Experiment) -> Experiment:
    """Return the declaration that follows when an experiment stops: its default shares, fixed."""
    return _changed(experiment, policy=Policy(name="fixed"), limits=LimitsDeclaration())


def promoted(experiment: Experiment) -> Experiment:
    """Return the declaration that follows when the challenger takes over.

    Raises
    ------
    ValueError
        If none is declared.
    """
    if experiment.challenger is None:
        raise ValueError(f"experiment {experiment.slug!r} has no challenger to promote")
    return _changed(experiment, policy=experiment.challenger)


def _changed(experiment: Experiment, **changes: Any) -> Experiment:  # noqa: ANN401 — fields
    given = {name: getattr(experiment, name) for name in type(experiment).model_fields}
    # Whatever ran in the shadow has nothing left to wait for.
    document = {**given, **changes, "challenger": None}
    return Experiment.model_validate(
        {
            name: value.model_dump() if hasattr(value, "model_dump") else value
            for name, value in document.items()
        }
    )
