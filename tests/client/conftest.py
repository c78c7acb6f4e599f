"""The client against the served API; its fixtures are those of the API's own tests."""

from tests.serving.conftest import api, publisher, serve, store_address

__all__ = ["api", "publisher", "serve", "store_address"]
