"""The application: its parts put together, the edge in front."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from serving import logs, problems
from serving.asking import Asking
from serving.change_routes import change_router, state_router
from serving.changing import Changing
from serving.decisions import Decisions
from serving.edge import Bounds, Edge
from serving.experiment_routes import experiment_router
from serving.explain_routes import explain_router
from serving.explaining import Explaining
from serving.exposures import Exposures
from serving.follower import Follower
from serving.following import Following
from serving.hot import HotRoutes
from serving.keys.directory import Directory
from serving.keys.guard import describe_keys
from serving.log.service import Log
from serving.lookup import Lookup
from serving.managing import Managing
from serving.metrics import Metrics
from serving.minutes import Minutes
from serving.reading.routes import reading_router, select_router
from serving.record_routes import record_router
from serving.registry import Registry
from serving.rewards import Rewards
from serving.routes import hot_router, system_router
from serving.settings import ServingSettings, serving_settings
from serving.stores.announcing import Announcer
from serving.stores.database import Database
from serving.stores.disk import SnapshotFolder
from serving.stores.experiments import Experiments
from serving.stores.newest import Newest
from serving.stores.terms import Declarations
from serving.stores.totals import Totals
from serving.stores.weights import WeightsReader
from serving.totals import Events

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
    following: Following
    newest: Newest
    hot: HotRoutes
    asking: Asking
    rewards: Rewards
    exposures: Exposures
    announcer: Announcer
    managing: Managing
    changing: Changing
    events: Events
    explaining: Explaining


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
        parts.following,
        parts.metrics,
        Bounds(chosen.serving_trusted_hosts, chosen.serving_max_body_bytes),
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
    journal.add(Minutes(metrics.requests, Database(settings.database_url.get_secret_value())))
    database_url = settings.database_url.get_secret_value()
    directory = _directory(settings)
    following = _following(settings, directory)
    newest = Newest(Database(database_url), settings.serving_log_seconds)
    lookup = Lookup(registry, follower, following, newest)
    decisions = Decisions(journal.journals["decision"], metrics)
    hot = HotRoutes(
        lookup,
        following,
        decisions,
        settings.serving_stale_seconds,
        settings.serving_max_age_seconds,
    )
    asking = Asking(lookup, following, decisions, settings.serving_stale_seconds)
    rewards = Rewards(lookup, following, journal.journals["reward"], metrics)
    announcer = Announcer(
        settings.store_url.get_secret_value(), settings.serving_store_timeout_seconds
    )
    experiments = Experiments(database_url, settings.serving_manage_seconds)
    return Parts(
        settings=settings,
        reader=reader,
        registry=registry,
        metrics=metrics,
        follower=follower,
        journal=journal,
        following=following,
        newest=newest,
        hot=hot,
        asking=asking,
        rewards=rewards,
        exposures=Exposures(lookup, journal.journals["exposure"], metrics),
        announcer=announcer,
        managing=Managing(experiments, announcer, registry, following),
        changing=Changing(experiments, following),
        events=Events(Totals(experiments)),
        explaining=Explaining(experiments),
    )


def _directory(settings: ServingSettings) -> Directory:
    return Directory(
        required=settings.serving_require_keys,
        rate=settings.serving_key_rate,
        kept_seconds=settings.serving_key_kept_seconds,
    )


def _following(settings: ServingSettings, directory: Directory) -> Following:
    return Following(
        Declarations(Database(settings.database_url.get_secret_value())),
        directory,
        settings.serving_snapshot_dir,
        settings.serving_poll_seconds,
        settings.serving_log_seconds,
    )


def _failure(parts: Parts) -> str | None:
    return parts.follower.failure() or parts.following.failure() or parts.journal.failure()


def _documented(parts: Parts) -> FastAPI:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        parts.journal.start()
        await parts.following.start()
        await parts.follower.start()
        yield
        await parts.journal.stop()
        await parts.following.stop()
        await parts.newest.close()
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
    app.include_router(record_router(parts.asking, parts.rewards, parts.exposures, parts.events))
    app.include_router(experiment_router(parts.managing))
    app.include_router(change_router(parts.changing))
    app.include_router(state_router(parts.changing))
    app.include_router(explain_router(parts.explaining))
    app.include_router(reading_router(parts.settings))
    app.include_router(select_router(parts.asking))
    app.include_router(
        system_router(
            parts.registry,
            parts.follower,
            partial(_failure, parts),
            parts.metrics,
            parts.settings.serving_stale_seconds,
        )
    )
    if parts.settings.serving_require_keys:
        app.openapi = describe_keys(app.openapi)  # type: ignore[method-assign]
    return app
