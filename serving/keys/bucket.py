"""How often one key may ask: a token bucket, refilled as time goes by."""

import time


class Bucket:
    """Takes one token per request; a full bucket holds one second's worth.

    Parameters
    ----------
    rate
        Requests per second; also how many may come at once.
    """

    __slots__ = ("_at", "_held", "_rate")

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._held = max(rate, 1.0)
        self._at = time.monotonic()

    def take(self) -> float:
        """Take a token; return 0, or how many seconds until there is one."""
        if self.wait() > 0.0:
            return self.wait()
        self._held -= 1.0
        return 0.0

    def wait(self) -> float:
        """Return how many seconds until there is a token, without taking it."""
        now = time.monotonic()
        self._held = min(self._held + (now - self._at) * self._rate, max(self._rate, 1.0))
        self._at = now
        return 0.0 if self._held >= 1.0 else (1.0 - self._held) / self._rate
