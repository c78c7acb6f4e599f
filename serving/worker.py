"""What a worker process serves: the application, and a collector that leaves it in peace."""

import gc

from serving.app import create_app
from serving.edge import Edge


def create_worker() -> Edge:
    """Return the application, once a process.

    What was made until here stays for good. Left to the collector it would be walked through
    again and again, in the middle of requests: a fifth of the time that decisions took.
    """
    app = create_app()
    gc.collect()
    gc.freeze()
    return app
