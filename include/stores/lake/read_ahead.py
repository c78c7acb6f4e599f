"""Reading the next block while the last one is worked on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """Yield the items of an iterator, the next of which a thread already fetches.

    At most two items exist at once beside the consumer's own. What fetching raises is raised
    here; a consumer that stops early waits for the item under way.
    """
    with ThreadPoolExecutor(1, "read-ahead") as pool:
        following = pool.submit(next, items, None)
        while (item := following.result()) is not None:
            following = pool.submit(next, items, None)
            yield item
