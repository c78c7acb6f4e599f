"""What runs: one row per part, for people and as JSON."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from rich.table import Table

from stack import leash
from stack.part import Part
from stack.platform import Stack


@dataclass(frozen=True)
class PartStatus:
    """State of one part; `health` is ``healthy``, ``stopped``, or what is wrong."""

    name: str
    pid: int | None
    process_group: int | None
    port: int | None
    health: str
    log: str
    url: str | None
    started: float | None

    def as_json(self) -> dict[str, object]:
        """Return the fields as JSON has them."""
        return asdict(self)

    @property
    def healthy(self) -> bool:
        """Whether it runs and its health says so."""
        return self.health == "healthy"


def status(stack: Stack) -> list[PartStatus]:
    """Ask every part, at the same time."""
    states = stack.supervisor.states() if stack.supervisor.alive() else {}
    with ThreadPoolExecutor(max_workers=len(stack.parts)) as pool:
        return list(
            pool.map(lambda part: _one(stack, part, states.get(part.name)), stack.parts.values())
        )


def _one(stack: Stack, part: Part, state: dict[str, object] | None) -> PartStatus:
    record = stack.supervisor.record(part.name)
    lives = record is not None and leash.start_time(record["leader"]) == record["leader_start"]
    name = "STOPPED" if state is None else str(state["statename"])
    if name in {"RUNNING", "STARTING"}:
        health = part.health() or "healthy"
    elif lives:
        health = "left over from a supervisor that was killed; `make up` puts it right"
    else:
        health = {"STOPPED": "stopped", "BACKOFF": "ends at once, again and again"}.get(name, name)
    return PartStatus(
        name=part.name,
        pid=record["leader"] if record is not None and lives else None,
        process_group=record["leader"] if record is not None and lives else None,
        port=part.port,
        health=health.strip(),
        log=str(stack.config.folder("log") / f"{part.name}.log"),
        url=part.url,
        started=record["started"] if record is not None and lives else None,
    )


def as_table(rows: list[PartStatus]) -> Table:
    """Lay the rows out for a terminal."""
    table = Table(box=None, pad_edge=False)
    for heading in ("part", "health", "pid", "port", "address", "log"):
        table.add_column(heading, overflow="fold", justify="left")
    for row in rows:
        colour = "green" if row.healthy else "dim" if row.health == "stopped" else "red"
        table.add_row(
            row.name,
            f"[{colour}]{row.health}",
            str(row.pid or ""),
            str(row.port or ""),
            row.url or "",
            row.log,
        )
    return table
