"""What the stack is made of: parts that run, and steps that run once before them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from stack.config import ROOT

Health = Callable[[], str | None]
"""Returns None when healthy, else what is wrong in a few words."""


@dataclass(frozen=True)
class Part:
    """A long-running process of the stack.

    `needs` names parts and steps that must be there before it starts; `prepare`
    writes its configuration; `ports` maps the variable that moves a port to it.
    """

    name: str
    command: tuple[str, ...]
    env: dict[str, str]
    health: Health
    ports: dict[str, tuple[int, ...]] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    stops_before: tuple[str, ...] = ()
    prepare: Callable[[], None] | None = None
    stop_signal: str = "SIGTERM"
    grace: float = 10.0
    cwd: Path = ROOT
    url: str | None = None

    @property
    def port(self) -> int | None:
        """The port that clients of this part use."""
        return next((ports[0] for ports in self.ports.values()), None)


@dataclass(frozen=True)
class Step:
    """Work that must be finished before the parts that need it start; safe to repeat."""

    name: str
    run: Callable[[], None]
    needs: tuple[str, ...] = ()
