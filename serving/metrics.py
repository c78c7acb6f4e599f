"""Prometheus metrics; every label is bounded, whatever clients and experiments do."""

from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from serving.registry import Registry
from serving.snapshot import Snapshot

BOUNDS = (
    *(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.12, 0.15, 0.25, 0.5, 1.0, 5.0),
)
# Series beyond this many (arm, version) pairs are added up under experiment "_other".
SERIES_LIMIT = 5_000


class Metrics:
    """All metrics of one application; its own registry, so that tests can hold several."""

    def __init__(self, weights: Registry, stale_seconds: float) -> None:
        self.registry = CollectorRegistry()
        self.requests = RequestTimes()
        self.registry.register(self.requests)
        self.refused = Counter(
            "allot_snapshots_refused",
            "Offered weights that were not served: damaged, missing, older, conflict",
            ["reason"],
            registry=self.registry,
        )
        self.installed = Counter(
            "allot_snapshots_installed", "Weights swapped in", registry=self.registry
        )
        self.store_failures = Counter(
            "allot_store_failures", "Calls to the weights store that failed", registry=self.registry
        )
        self.store_up = Gauge(
            "allot_store_up", "Whether the last poll of the store succeeded", registry=self.registry
        )
        self.rewards = Counter(
            "allot_rewards", "Acknowledged rewards", ["outcome"], registry=self.registry
        )
        self.exposures = Counter(
            "allot_exposures", "Acknowledged exposures", registry=self.registry
        )
        self.decisions = DecisionCounts()
        self.registry.register(self.decisions)
        self.registry.register(SnapshotAges(weights, stale_seconds))


class RequestTimes(Collector):
    """Requests and their latency by route and status, kept as plain numbers.

    Both labels come from the application, never from clients.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], list[int]] = {}
        self._sums: dict[tuple[str, int], float] = {}

    def note(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        key = (route, status)
        counts = self._counts.get(key)
        if counts is None:
            counts = self._counts[key] = [0] * (len(BOUNDS) + 1)
            self._sums[key] = 0.0
        counts[bisect_left(BOUNDS, seconds)] += 1
        self._sums[key] += seconds

    def totals(self) -> dict[tuple[str, int], tuple[list[int], float]]:
        """Return, per route and status, requests per latency class and the sum of seconds."""
        return {key: (list(counts), self._sums[key]) for key, counts in self._counts.items()}

    def collect(self) -> Iterator[Metric]:
        """Yield a histogram per route and status; its count is the number of requests."""
        family = HistogramMetricFamily(
            "allot_request_seconds",
            "From the request's headers to the answer",
            labels=["route", "status"],
        )
        for (route, status), counts in self._counts.items():
            bounds = [*map(str, BOUNDS), "+Inf"]
            cumulative = zip(bounds, accumulate(counts), strict=True)
            family.add_metric([route, str(status)], list(cumulative), self._sums[route, status])
        yield family


class DecisionCounts(Collector):
    """Decisions per experiment, arm and version, for as many series as the limit admits."""

    def __init__(self, limit: int = SERIES_LIMIT) -> None:
        self._limit = limit
        self._series = 0
        self._counts: dict[str, tuple[Snapshot, list[int]]] = {}
        self._other = 0

    def count(self, snapshot: Snapshot, arm: int) -> None:
        """Count one decision's first arm."""
        held = self._counts.get(snapshot.experiment)
        if held is None or held[0] is not snapshot:
            held = self._admit(snapshot, held)
        if held is None:
            self._other += 1
        else:
            held[1][arm] += 1

    def collect(self) -> Iterator[Metric]:
        """Yield the counts of the live versions."""
        family = CounterMetricFamily(
            "allot_decisions", "Decisions", labels=["experiment", "arm", "version"]
        )
        for snapshot, counts in self._counts.values():
            for arm, number in zip(snapshot.arms, counts, strict=True):
                if number:
                    family.add_metric([snapshot.experiment, arm, f"v{snapshot.version}"], number)
        if self._other:
            family.add_metric(["_other", "_other", "_other"], self._other)
        yield family

    def _admit(
        self, snapshot: Snapshot, held: tuple[Snapshot, list[int]] | None
    ) -> tuple[Snapshot, list[int]] | None:
        released = len(held[1]) if held else 0
        if self._series - released + len(snapshot.arms) > self._limit:
            return None
        self._series += len(snapshot.arms) - released
        fresh = (snapshot, [0] * len(snapshot.arms))
        self._counts[snapshot.experiment] = fresh
        return fresh


class SnapshotAges(Collector):
    """How far the served weights are from confirmation, over all experiments."""

    def __init__(self, weights: Registry, stale_seconds: float) -> None:
        self._weights = weights
        self._stale_seconds = stale_seconds

    def collect(self) -> Iterator[Metric]:
        """Yield the number of experiments served, missing and stale, and the oldest age."""
        ages = [live.unconfirmed_seconds() for live in self._weights]
        stale = sum(age > self._stale_seconds for age in ages)
        yield _gauge("allot_experiments_served", "Experiments with weights", len(ages))
        yield _gauge("allot_experiments_stale", "Served, but not confirmed lately", stale)
        yield _gauge(
            "allot_experiments_missing", "Known, but without weights", len(self._weights.missing())
        )
        yield _gauge(
            "allot_snapshot_age_seconds",
            "Longest time since the store confirmed served weights",
            max(ages, default=0.0),
        )


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, documentation, value=value)
