"""The log put together: a journal per kind of record, a shipper per spool."""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from serving.log.journal import Journal, Patience
from serving.log.shipper import Shipper
from serving.minutes import Minutes
from serving.settings import ServingSettings
from serving.stores.database import Database
from serving.stores.decisions import DECISIONS
from serving.stores.exposures import EXPOSURES
from serving.stores.rewards import REWARDS
from serving.stores.sink import Sink, Statements
from serving.stores.spool import REFUSED, SUFFIX, Spool

KINDS: dict[str, Statements] = {
    "decision": DECISIONS,
    "reward": REWARDS,
    "exposure": EXPOSURES,
}


class Log(Collector):
    """All journals of a process, started and stopped together; also their metrics."""

    def __init__(self, settings: ServingSettings) -> None:
        url = settings.database_url.get_secret_value()
        patience = Patience(settings.serving_log_seconds, settings.serving_retry_seconds)
        self._parts: list[Journal | Shipper | Minutes] = []
        self.journals: dict[str, Journal] = {}
        self._spools: dict[str, Spool] = {}
        for kind, statements in KINDS.items():
            spool = None
            if settings.serving_spool_dir is not None:
                spool = self._spools[kind] = Spool(settings.serving_spool_dir / kind)
                sink = Sink(Database(url), statements)
                self._parts.append(Shipper(kind, sink, spool, patience.retry))
            writer = Sink(Database(url), statements)
            self.journals[kind] = Journal(kind, writer, spool, patience)
            self._parts.append(self.journals[kind])

    def add(self, part: Minutes) -> None:
        """Let another part begin and end with the journals."""
        self._parts.append(part)

    def start(self) -> None:
        """Begin to write and to ship."""
        for part in self._parts:
            part.start()

    async def stop(self) -> None:
        """Write what waits, then end; what is spooled stays for the next process."""
        for part in self._parts:
            await part.stop()

    def failure(self) -> str | None:
        """Return what has ended that never should; ``None`` while all goes on."""
        failures = (part.failure() for part in self._parts)
        return next((failure for failure in failures if failure is not None), None)

    def collect(self) -> Iterator[Metric]:
        """Yield the spools' depths, and what the journals have done."""
        depth = GaugeMetricFamily(
            "allot_spool_depth", "Records on local disk", labels=["kind", "fate"]
        )
        for kind, spool in self._spools.items():
            depth.add_metric([kind, "waiting"], spool.depth(SUFFIX))
            depth.add_metric([kind, "refused"], spool.depth(REFUSED))
        yield depth
        for name, told, attribute in (
            ("allot_log_groups", "Groups committed to the database", "groups"),
            ("allot_log_spooled", "Records that went to the spool", "spooled"),
            ("allot_log_failures", "Groups that the database failed to take", "failures"),
        ):
            family = CounterMetricFamily(name, told, labels=["kind"])
            for kind, journal in self.journals.items():
                family.add_metric([kind], getattr(journal, attribute))
            yield family
