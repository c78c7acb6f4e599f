"""What the client answers by itself while the API is away."""

import hashlib
import secrets
import threading
from collections.abc import Mapping

from allot_client.answers import Allocation, Decision
from allot_client.errors import UnavailableError

BUCKETS = 10_000


class Memory:
    """The last allocation of every experiment, and the declared default arms.

    Parameters
    ----------
    defaults
        Arm by experiment, for when no allocation was seen yet.
    """

    def __init__(self, defaults: Mapping[str, str]) -> None:
        self._defaults = dict(defaults)
        self._seen: dict[str, Allocation] = {}
        self._lock = threading.Lock()

    def keep(self, allocation: Allocation) -> None:
        """Remember an allocation, unless a newer version is known."""
        with self._lock:
            known = self._seen.get(allocation.experiment_id)
            if known is None or known.version <= allocation.version:
                self._seen[allocation.experiment_id] = allocation

    def is_behind(self, decision: Decision) -> bool:
        """Tell whether a decision came from weights that were not seen here yet."""
        known = self._seen.get(decision.experiment_id)
        return known is None or known.version < (decision.weights_version or 0)

    def decide(
        self, experiment: str, unit: str | None, cell: str | None, request_id: str, why: Exception
    ) -> Decision:
        """Answer locally: by the last allocation, else the default arm.

        Raises
        ------
        UnavailableError
            If neither is there.
        """
        known, default = self._seen.get(experiment), self._defaults.get(experiment)
        if known is not None:
            slots = known.cells.get(cell or "*", known.positions)
            slate = tuple(_draw(experiment, unit, at, slot) for at, slot in enumerate(slots))
        elif default is not None:
            slate = (default,)
        else:
            detail = f"no allocation of {experiment!r} was seen yet, and no default arm declared"
            raise UnavailableError(f"Allot is away ({why}); {detail}") from why
        return Decision(
            experiment_id=experiment,
            arm_id=slate[0],
            slate=slate,
            request_id=request_id,
            unit_id=unit,
            weights_version=None if known is None else known.version,
            fallback=True,
            reason=str(why) or type(why).__name__,
        )


def _draw(experiment: str, unit: str | None, position: int, buckets: Mapping[str, int]) -> str:
    """Return an arm by the shares; the same unit gets the same one while they hold."""
    if unit is None:
        bucket = secrets.randbelow(BUCKETS)
    else:
        name = f"{experiment}\0{position}\0{unit}".encode("utf-8", "surrogatepass")
        bucket = int.from_bytes(hashlib.sha256(name).digest()[:8]) % BUCKETS
    for arm, held in buckets.items():
        bucket -= held
        if bucket < 0:
            return arm
    raise ValueError(f"the shares of {experiment!r} do not sum to {BUCKETS}")
