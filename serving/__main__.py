"""Run the API: ``python -m serving``."""

import uvicorn

from serving import logs
from serving.protocol import BoundedProtocol
from serving.settings import serving_settings


def main() -> None:
    """Serve until told to stop; open requests are finished first."""
    settings = serving_settings()
    logs.configure(settings.serving_log_level)
    uvicorn.run(
        "serving.worker:create_worker",
        factory=True,
        host=settings.serving_host,
        port=settings.serving_port,
        workers=settings.serving_workers,
        # A busy machine may take longer to import than uvicorn waits before it kills a worker.
        timeout_worker_healthcheck=60,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.serving_concurrency,
        timeout_keep_alive=settings.serving_keep_alive_seconds,
        timeout_graceful_shutdown=settings.serving_drain_seconds,
    )


if __name__ == "__main__":
    main()
