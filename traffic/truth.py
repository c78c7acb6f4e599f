"""What the simulated users would do: rates by arm and cohort that drift, and rewards that delay."""

import random
from dataclasses import dataclass
from typing import Final

ARMS: Final = ("blue", "green", "red")
MOBILE: Final = "mobile"
DESKTOP: Final = "desktop"
MOBILE_SHARE: Final = 0.3
# Green is best on the desktop until it wears off; on mobile, red is best all the time.
_START: Final = {
    DESKTOP: {"blue": 0.10, "green": 0.24, "red": 0.12},
    MOBILE: {"blue": 0.10, "green": 0.08, "red": 0.22},
}
_END: Final = {
    DESKTOP: {"blue": 0.20, "green": 0.10, "red": 0.12},
    MOBILE: {"blue": 0.10, "green": 0.08, "red": 0.22},
}
DRIFT_FROM: Final = 0.6
MEAN_DELAY_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class User:
    """One user: in which cohort, how long until it acts, and how easily it is won.

    Attributes
    ----------
    luck
        Uniform on [0, 1): the user acts if the rate of what it is shown is higher. Drawn before the
        arm is known, so that a seed gives the same users whatever they are shown.
    """

    unit: str
    cohort: str
    delay: float
    luck: float


def true_rate(arm: str, cohort: str, progress: float) -> float:
    """Return the chance of a reward.

    Parameters
    ----------
    arm, cohort
        Which arm is shown to whom.
    progress
        Part of the play that is over, 0 to 1; rates drift linearly from `DRIFT_FROM` on.
    """
    moved = min(1.0, max(0.0, (progress - DRIFT_FROM) / (1 - DRIFT_FROM)))
    return (1 - moved) * _START[cohort][arm] + moved * _END[cohort][arm]


def best_rate(cohort: str, progress: float) -> float:
    """Return the rate of the best arm of a cohort."""
    return max(true_rate(arm, cohort, progress) for arm in ARMS)


def uniform_rate(cohort: str, progress: float) -> float:
    """Return the rate that showing every arm equally often gives."""
    return sum(true_rate(arm, cohort, progress) for arm in ARMS) / len(ARMS)


def user(seed: int, number: int) -> User:
    """Return a user; the same seed and number give the same one."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - a simulation
    cohort = MOBILE if chance.random() < MOBILE_SHARE else DESKTOP
    delay = chance.expovariate(1 / MEAN_DELAY_SECONDS)
    return User(f"user-{seed}-{number}", cohort, delay, chance.random())
