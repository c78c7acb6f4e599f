"""Progress of a start: a live list on a terminal, plain lines elsewhere."""

import threading
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

MARKS = {"healthy": "[green]✓", "done": "[green]✓", "failed": "[red]✗"}


class StartProgress:
    """Shows the news of every part as they come; use it as a context and call it."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._begun = time.monotonic()
        self._news: dict[str, tuple[str, float, float]] = {}
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._table, console=console, refresh_per_second=8)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._begun

    def __call__(self, name: str, news: str) -> None:
        """Take the news of one part."""
        with self._lock:
            since = self._news.get(name, ("", self.seconds, 0.0))[1]
            self._news[name] = (news, since, self.seconds)
        if not self._console.is_terminal:
            self._console.print(f"{self.seconds:6.1f} s  {name} {news}", highlight=False)

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for name, (news, since, last) in self._news.items():
                over = news in MARKS
                took = (last if over else self.seconds) - since
                table.add_row(MARKS.get(news, "[yellow]…"), name, news, f"{took:4.1f} s")
        return table
