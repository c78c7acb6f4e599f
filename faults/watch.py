"""Connections held to the API's workers, over which no answer may ever go back."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

PAUSE_SECONDS = 0.1
WATCHERS = 4


@dataclass
class Watch:
    """What was answered, connection by connection; one connection is served by one worker.

    Attributes
    ----------
    answers
        How many came.
    went_back
        Versions that came after a higher one over the same connection: ``(before, after)``.
    """

    answers: int = 0
    went_back: list[tuple[int, int]] = field(default_factory=list)


@contextmanager
def watching(url: str, experiment: str) -> Iterator[Watch]:
    """Ask for the allocation while the block runs."""
    watch, stop = Watch(), threading.Event()
    threads = [
        threading.Thread(target=_look, args=(url, experiment, watch, stop)) for _ in range(WATCHERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _look(url: str, experiment: str, watch: Watch, stop: threading.Event) -> None:
    while not stop.is_set():
        highest = -1
        with httpx.Client(base_url=url, timeout=2.0) as client:
            try:
                while not stop.wait(PAUSE_SECONDS):
                    version = _version(client, experiment)
                    watch.answers += 1
                    if version < highest:
                        watch.went_back.append((highest, version))
                    highest = max(highest, version)
            except httpx.HTTPError:
                # The worker is gone or does not answer: the next connection may be another's.
                stop.wait(PAUSE_SECONDS)


def _version(client: httpx.Client, experiment: str) -> int:
    answer = client.get("/allocation", params={"experiment_id": experiment})
    answer.raise_for_status()
    return int(answer.json()["version"])
