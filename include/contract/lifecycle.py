"""The states of an experiment, which may follow which, and what is answered in each."""

from typing import Final, Literal, TypeAlias

State: TypeAlias = Literal["draft", "running", "paused", "concluded", "archived"]
# Why nothing was drawn; decisions with a flag never enter learning.
Flag: TypeAlias = Literal[
    "forced", "draft", "paused", "stopped", "excluded", "outside", "ineligible"
]

FOLLOWING: Final[dict[State, tuple[State, ...]]] = {
    "draft": ("running", "archived"),
    "running": ("paused", "concluded"),
    "paused": ("running", "concluded"),
    "concluded": ("archived",),
    "archived": (),
}
# What a decision is flagged with while nothing is drawn; a running experiment draws.
FLAG_OF: Final[dict[State, Flag]] = {
    "draft": "draft",
    "paused": "paused",
    "concluded": "stopped",
    "archived": "stopped",
}


def transition_fault(before: State, after: State) -> str | None:
    """Tell why a state cannot follow another one; ``None`` when it can, or is the same."""
    if before == after or after in FOLLOWING[before]:
        return None
    following = FOLLOWING[before]
    told = f"only {' or '.join(following)} can follow" if following else "nothing follows"
    return f"it is {before}: {told}"
