"""The Open Bandit Dataset: its campaigns, policies, columns and layout. Facts only, no I/O."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from include.errors import SourceError

DATASET: Final = "open_bandit"
# Items per campaign: K of the uniform propensity 1/K.
ITEMS: Final = {"all": 80, "men": 34, "women": 46}
BEHAVIOR_POLICIES: Final = ("random", "bts")
POSITIONS: Final = 3
FIRST_DAY: Final = datetime(2019, 11, 24, tzinfo=UTC)
AFTER_LAST_DAY: Final = datetime(2019, 12, 1, tzinfo=UTC)
# bts propensities are counts of 200,000 draws.
BTS_GRID: Final = 5e-6

USER_FEATURES: Final = tuple(f"user_feature_{index}" for index in range(4))
# The first column, the row's index in the published log, has no name.
LEADING_COLUMNS: Final = (
    "",
    "timestamp",
    "item_id",
    "position",
    "click",
    "propensity_score",
    *USER_FEATURES,
)
ITEM_COLUMNS: Final = ("", "item_id", *(f"item_feature_{index}" for index in range(4)))


@dataclass(frozen=True, slots=True)
class Log:
    """One log of the dataset: a campaign under a behavior policy."""

    campaign: str
    behavior_policy: str

    def __post_init__(self) -> None:
        if self.campaign not in ITEMS:
            raise SourceError(
                f"campaign {self.campaign!r} is unknown; the dataset has {', '.join(ITEMS)}"
            )
        if self.behavior_policy not in BEHAVIOR_POLICIES:
            raise SourceError(
                f"behavior policy {self.behavior_policy!r} is unknown; the dataset has "
                f"{', '.join(BEHAVIOR_POLICIES)}"
            )

    @property
    def source(self) -> str:
        """Return the name under which silver keeps the campaign."""
        return source_of(self.campaign)

    @property
    def items(self) -> int:
        """Return the number of items of the campaign."""
        return ITEMS[self.campaign]

    def path(self, root: Path) -> Path:
        """Return where the log's file lies below a folder in the release's layout."""
        return root / self.behavior_policy / self.campaign / f"{self.campaign}.csv"

    def item_context_path(self, root: Path) -> Path:
        """Return where the item features lie, which differ between the policies."""
        return root / self.behavior_policy / self.campaign / "item_context.csv"


def source_of(campaign: str) -> str:
    """Return the source of a campaign, as ``open_bandit-men``."""
    return f"{DATASET}-{campaign}"


def columns_of(items: int) -> tuple[str, ...]:
    """Return the columns of a log: one affinity per item follows the leading ones."""
    return LEADING_COLUMNS + tuple(f"user-item_affinity_{item}" for item in range(items))
