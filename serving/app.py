"""The application: its parts put together, the edge in front."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from serving import logs, problems
from serving.asking import Asking
from serving.decisions import Decisions
from serving.declared import Declared
from serving.edge import Edge
from serving.experiment_routes import experiment_router
from serving.follower import Follower
from serving.hot import HotRoutes
from serving.log.service import Log
from serving.lookup import Lookup
from serving.managing import Managing
from serving.metrics import Metrics
from serving.record_routes import record_router
from serving.registry import Registry
from serving.rewards import Rewards
from serving.routes import hot_router, system_router
from serving.settings import ServingSettings, serving_settings
from serving.stores.announcing import Announcer
from serving.stores.database import Database
from serving.stores.disk import SnapshotFolder
from serving.stores.experiments import Experiments
from serving.stores.weights import WeightsReader

DESCRIPTION = """
Answers *which arm?* from weights that were published batch by batch, with the exact
probability of every answer. Weights come from an in-process copy: while the store is down
the last known good ones are answered, and `stale` says so. A decision is answered once its
record is durable: in the database, or on local disk while the database is away.
"""


@dataclass(frozen=True)
class Parts:
    """What an application consists of, built once per process."""

    settings: ServingSettings
    reader: WeightsReader
    registry: Registry
    metrics: Metrics
    follower: Follower
    journal: Log
    declared: Declared
    hot: HotRoutes
    asking: Asking
    rewards: Rewards
    announcer: Announcer
    managing: Managing


def create_app(settings: ServingSettings | None = None) -> Edge:
    """Return the API as an ASGI application.

    Parameters
    ----------
    settings
        Read from the environment when left out, as a server's factory does.
    """
    chosen = settings if settings is not None else serving_settings()
    logs.configure(chosen.serving_log_level)
    parts = _build(chosen)
    return Edge(
        _documented(parts),
        parts.hot,
        parts.metrics,
        chosen.serving_trusted_hosts,
        chosen.serving_max_body_bytes,
    )


def _build(settings: ServingSettings) -> Parts:
    reader = WeightsReader(
        settings.store_url.get_secret_value(), settings.serving_store_timeout_seconds
    )
    registry = Registry()
    metrics = Metrics(registry, settings.serving_stale_seconds)
    folder = (
        SnapshotFolder(settings.serving_snapshot_dir) if settings.serving_snapshot_dir else None
    )
    follower = Follower(reader, registry, folder, metrics, settings.serving_poll_seconds)
    journal = Log(settings)
    metrics.registry.register(journal)
    lookup = Lookup(registry, follower)
    decisions = Decisions(journal.journals["decision"], metrics)
    declared = Declared(
        Database(settings.database_url.get_secret_value()), settings.serving_log_seconds
    )
    hot = HotRoutes(
        registry,
        lookup,
        decisions,
        settings.serving_stale_seconds,
        settings.serving_max_age_seconds,
    )
    asking = Asking(lookup, decisions, settings.serving_stale_seconds)
    rewards = Rewards(lookup, declared, journal.journals["reward"], metrics)
    announcer = Announcer(
        settings.store_url.get_secret_value(), settings.serving_store_timeout_seconds
    )
    experiments = Experiments(
        settings.database_url.get_secret_value(), settings.serving_manage_seconds
    )
    return Parts(
        settings=settings,
        reader=reader,
        registry=registry,
        metrics=metrics,
        follower=follower,
        journal=journal,
        declared=declared,
        hot=hot,
        asking=asking,
        rewards=rewards,
        announcer=announcer,
        managing=Managing(experiments, announcer, registry),
    )


def _documented(parts: Parts) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.journal.start()
        await parts.follower.start()
        yield
        await parts.journal.stop()
        await parts.declared.close()
        await parts.follower.stop()
        await parts.reader.close()
        await parts.announcer.close()

    app = FastAPIOffline(
        title="Allot",
        description=DESCRIPTION,
        version="0.1.0",
        lifespan=lifespan,
        redoc_url=None,
        swagger_ui_parameters={"tryItOutEnabled": True, "displayRequestDuration": True},
    )
    problems.install(app)
    app.include_router(hot_router(parts.hot))
    app.include_router(record_router(parts.asking, parts.rewards))
    app.include_router(experiment_router(parts.managing))
    app.include_router(
        system_router(
            parts.registry,
            parts.follower,
            parts.journal,
            parts.metrics,
            parts.settings.serving_stale_seconds,
        )
    )
    return app
