"""Guardrails of the API as a whole: errors and latency, from its own counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from include.bandit.guardrails.result import Guardrail, State
from include.experiments.guardrails import Guardrails

# With fewer a share of 1 % is no share, and the 95th percentile is one request.
FEWEST: Final = 100
QUANTILE: Final = 0.95
# From this part of a limit on a guardrail warns.
WARN_FROM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Answered:
    """Requests that the API answered, all routes, workers and replicas added up.

    Attributes
    ----------
    requests, errors
        All, and those answered 5xx.
    bounds
        Upper ends of the latency classes in seconds, ascending; the last class has none.
    counts
        Requests per class, one more than bounds.
    """

    requests: int
    errors: int
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


def error_rate(found: Answered, declared: Guardrails) -> Guardrail:
    """Judge the share of requests that were answered 5xx."""
    limit = declared.error_rate
    if found.requests < FEWEST:
        return _too_few("error_rate", found, limit)
    share = found.errors / found.requests
    state: State = "fail" if share > limit else "warn" if share > WARN_FROM * limit else "pass"
    told = f"{found.errors:,} of {found.requests:,} requests were answered 5xx ({share:.2%})"
    return Guardrail("error_rate", state, share, limit, f"{told}; at most {limit:.2%}")


def latency(found: Answered, declared: Guardrails) -> Guardrail:
    """Judge the 95th percentile of the time to answer."""
    limit = declared.p95_seconds
    if found.requests < FEWEST:
        return _too_few("latency", found, limit)
    seconds = percentile(found.bounds, found.counts, QUANTILE)
    if seconds is None:
        slowest = found.bounds[-1]
        told = f"more than 5 % of {found.requests:,} requests took longer than {slowest:g} s"
        state: State = "fail" if slowest >= limit else "unknown"
        return Guardrail("latency", state, None, limit, f"{told}; limit {limit:g} s")
    state = "fail" if seconds > limit else "warn" if seconds > WARN_FROM * limit else "pass"
    told = f"95 % of {found.requests:,} requests were answered within {seconds:.4g} s"
    return Guardrail("latency", state, seconds, limit, f"{told}; at most {limit:g} s")


def percentile(bounds: Sequence[float], counts: Sequence[int], share: float) -> float | None:
    """Read a percentile off a histogram, straight within its class; ``None`` beyond the last bound.

    Raises
    ------
    ValueError
        If nothing was counted, or there is not one class more than bounds.
    """
    if len(counts) != len(bounds) + 1 or sum(counts) <= 0:
        raise ValueError(f"{len(counts)} classes with {sum(counts)} requests, {len(bounds)} bounds")
    wanted = share * sum(counts)
    ends = list(accumulate(counts))
    place = next(at for at, end in enumerate(ends) if end >= wanted)
    if place == len(bounds):
        return None
    low = bounds[place - 1] if place else 0.0
    inside = (wanted - (ends[place] - counts[place])) / counts[place]
    return low + inside * (bounds[place] - low)


def _too_few(name: str, found: Answered, limit: float) -> Guardrail:
    told = f"{found.requests:,} requests in the API's log; {FEWEST} are needed to judge"
    return Guardrail(name, "unknown", None, limit, told)
