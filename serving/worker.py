"""What a worker process serves: the application, and a collector that leaves it in peace."""

import gc

from serving.app import create_app
from serving.edge import Edge


def create_worker() -> Edge:
    """Return the application, once a process.

    What was made until here stays for good. Left to the collector it would be walked through
    again and again, in the middle of requests: a fifth of the time that decisions took. What a
    request makes is in no cycle; looking for some after every 700 objects took another 4 %.
    """
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    return app
