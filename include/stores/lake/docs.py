"""Validation reports for people, in the docs bucket."""

import io
from datetime import timedelta
from typing import Final

from include.settings import Settings
from include.stores.lake.storage import ensure_bucket, object_client

# The longest that S3 allows for a link that needs no credentials.
LINK_DAYS: Final = 7


def put_page(settings: Settings, key: str, page: str) -> str:
    """Store an HTML page and return a link to it that works for a week.

    Parameters
    ----------
    settings
        Where S3 is.
    key
        Key in the docs bucket; the page there is replaced.
    page
        Self-contained HTML.
    """
    client = object_client(settings)
    ensure_bucket(client, settings.docs_bucket)
    content = page.encode("utf-8")
    client.put_object(
        settings.docs_bucket,
        key,
        io.BytesIO(content),
        len(content),
        content_type="text/html; charset=utf-8",
    )
    return page_link(settings, key)


def page_link(settings: Settings, key: str) -> str:
    """Return a link to a page that works for a week without credentials."""
    endpoint = settings.s3_browser_endpoint or settings.s3_endpoint
    # Signing asks nobody: the address need not be reachable from here.
    reached = settings.model_copy(update={"s3_endpoint": endpoint})
    return object_client(reached).presigned_get_object(
        settings.docs_bucket, key, expires=timedelta(days=LINK_DAYS)
    )
