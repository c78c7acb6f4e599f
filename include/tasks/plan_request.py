"""What may be asked of the planner, checked before anything is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from include.errors import SimulationError

# Pairs of arms, over replications and days, that a plan may look at per floor.
LARGEST: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class PlanForm:
    """The experiment that is planned, as a person describes it.

    Attributes
    ----------
    arms
        Number of arms, control included.
    base_rate
        Success rate of all arms but one.
    minimum_uplift
        Relative uplift of the better arm that would matter, as 0.1 for a tenth more.
    traffic_per_day
        Units per day.
    floors
        Probability floors to compare; those that the arms cannot all have are left out.
    max_days
        Longest duration: one batch and one look per day.
    policy
        A simulated policy.
    control
        Whether one arm is a control: with more than two arms, arm − control and best − rest
        share the error.
    alpha
        Chance of a false winner over all looks.
    replications
        Simulated experiments per floor.
    seed
        Seed of all randomness.
    """

    arms: int
    base_rate: float
    minimum_uplift: float
    traffic_per_day: int
    floors: Sequence[float]
    max_days: int = 28
    policy: str = "thompson"
    control: bool = False
    alpha: float = 0.05
    replications: int = 500
    seed: int = 1

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """Read the form's parameters.

        Raises
        ------
        SimulationError
            If one is missing, unknown or out of range.
        """
        try:
            form = cls(**params)
        except TypeError as error:
            raise SimulationError(f"parameters of the plan: {error}") from error
        form.check()
        return form

    def possible_floors(self) -> list[float]:
        """Return the floors that all arms can have, ascending, and the equal split last."""
        even = 1.0 / self.arms
        return [*sorted({floor for floor in self.floors if floor < even - 1e-9}), even]

    def check(self) -> None:
        """Refuse what cannot be planned, naming the parameter.

        Raises
        ------
        SimulationError
            If a parameter is out of range.
        """
        size = self.replications * self.max_days * self.arms * max(self.arms - 1, 1) // 2
        better = self.base_rate * (1.0 + self.minimum_uplift)
        rules = {
            "arms: at least two": self.arms >= 2,
            "base_rate: within (0, 1)": 0.0 < self.base_rate < 1.0,
            "minimum_uplift: positive, and base_rate · (1 + minimum_uplift) below 1": (
                self.minimum_uplift > 0.0 and better < 1.0
            ),
            "traffic_per_day, max_days: at least 1": min(self.traffic_per_day, self.max_days) >= 1,
            "floors: each within [0, 1]": all(0.0 <= floor <= 1.0 for floor in self.floors),
            "alpha: within (0, 0.5)": 0.0 < self.alpha < 0.5,
            "replications: at least 2": self.replications >= 2,
            f"replications × max_days × pairs of arms: at most {LARGEST:,}": size <= LARGEST,
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise SimulationError("; ".join(broken))
