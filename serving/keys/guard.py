"""What a documented route needs of its caller."""

from collections.abc import Callable
from typing import Any

from fastapi import Depends, Request

from serving.keys.key import Caller, Scope


def needs(*scopes: Scope) -> Any:  # noqa: ANN401  # what FastAPI's Depends is
    """Return a dependency: the caller, who has one of the scopes, and the path's experiment."""

    def _caller(request: Request) -> Caller:
        caller = caller_of(request)
        caller.admit(scopes, request.path_params.get("experiment_id"))
        return caller

    return Depends(_caller)


def caller_of(request: Request) -> Caller:
    """Return who asks, as the edge found."""
    caller: Caller = request.state.caller
    return caller


def describe_keys(document: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Add to an OpenAPI document that every route but the probes needs a key."""

    def described() -> dict[str, Any]:
        written = document()
        schemes = written.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["key"] = {"type": "http", "scheme": "bearer"}
        written["security"] = [{"key": []}]
        for probe in ("/health", "/ready"):
            written["paths"][probe]["get"]["security"] = []
        return written

    return described
