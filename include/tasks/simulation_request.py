"""What may be asked of a simulation, checked before anything is computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from include.errors import SimulationError

# Decisions kept in memory at once, over replications, batches and arms.
LARGEST: Final = 50_000_000


@dataclass(frozen=True, slots=True)
class SimulationRequest:
    """What to simulate.

    Attributes
    ----------
    rates
        True success rate per arm.
    policies
        Names of simulated policies, at least one.
    batches
        Horizon.
    batch_size
        Decisions per batch; 1 plays one decision at a time, without floor, delay or discount.
    end_rates
        Rates at the end of the horizon where they drift; the same as ``rates`` when empty.
    floor
        Least share of every arm.
    mean_delay
        Mean batches between a decision and its reward; 0: within the batch.
    window
        Batches after which a decision counts; rewards all come within it.
    discount
        Weight of a batch one batch later.
    replications
        Independent runs, at least 2.
    seed
        Seed of all randomness.
    """

    rates: Sequence[float]
    policies: Sequence[str]
    batches: int
    batch_size: int
    end_rates: Sequence[float] = ()
    floor: float = 0.0
    mean_delay: float = 0.0
    window: int = 0
    discount: float = 1.0
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
            request = cls(**params)
        except TypeError as error:
            raise SimulationError(f"parameters of the simulation: {error}") from error
        request.check()
        return request

    def check(self) -> None:
        """Refuse what cannot be simulated, naming the parameter.

        Raises
        ------
        SimulationError
            If a parameter is out of range.
        """
        arms = len(self.rates)
        size = self.replications * self.batches * max(arms, 1)
        rules = {
            "rates: give at least two, each within [0, 1]": arms >= 2
            and all(0 <= rate <= 1 for rate in (*self.rates, *self.end_rates)),
            "end_rates: give none, or one per arm": len(self.end_rates) in (0, arms),
            "policies: name at least one, each once": 0
            < len(self.policies)
            == len(set(self.policies)),
            "batches, batch_size: at least 1": min(self.batches, self.batch_size) >= 1,
            "replications: at least 2": self.replications >= 2,
            f"replications × batches × arms: at most {LARGEST:,}": size <= LARGEST,
            "floor: within [0, 1 / arms]": 0 <= self.floor * arms <= 1,
            "discount: within (0, 1]": 0 < self.discount <= 1,
            "mean_delay, window: not negative, and a window where there is delay": self.mean_delay
            >= 0
            and self.window >= (1 if self.mean_delay > 0 else 0),
            "batch_size 1 knows no floor, delay, drift or discount": self.batch_size > 1
            or (self.floor == self.mean_delay == 0 and self.discount == 1 and not self.end_rates),
        }
        if broken := [rule for rule, holds in rules.items() if not holds]:
            raise SimulationError("; ".join(broken))
