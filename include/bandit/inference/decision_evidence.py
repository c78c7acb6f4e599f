"""What a decision is made on: every arm against its baseline, per position, at the newest look."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ArmEvidence:
    """One arm against its baseline, at the newest look of one position.

    Attributes
    ----------
    arm
        Name.
    known
        Whether the sequence's assumptions hold.
    reason
        Why not; empty where they do.
    estimate, lower, upper
        Effect; ``None`` where it is not known, ends also while unbounded, and `upper` against the
        best of the rest.
    disagreement
        Whether the equal-weight sequence contradicts.
    baseline
        Mean reward of the control, or of the best of the rest; ``None``: not known.
    units
        Observations of the arm or of what it is compared with, whichever has fewer.
    expected_loss
        What always playing it is expected to give up; ``None``: not known.
    """

    arm: str
    known: bool
    reason: str
    estimate: float | None
    lower: float | None
    upper: float | None
    disagreement: bool
    baseline: float | None
    units: int
    expected_loss: float | None = None

    def threshold(self, relative: float) -> float | None:
        """Return a relative effect in units of the reward; ``None`` without a baseline."""
        if relative == 0:
            return 0.0
        return None if self.baseline is None else relative * abs(self.baseline)


@dataclass(frozen=True, slots=True)
class PositionEvidence:
    """One position: its arms, and whether units arrived as published.

    ``sample_ratio`` is the always-valid p-value; ``None`` where nothing could be tested.
    """

    arms: tuple[ArmEvidence, ...]
    sample_ratio: float | None
    mismatch: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision is made on.

    Attributes
    ----------
    days
        From the start of the first closed batch to the end of the newest.
    maximum_days
        Longest duration: declared, planned, or 28.
    positions
        One entry per position.
    discovery
        Whether online FDR over all experiments lets the experiment's p-value pass;
        ``None``: not decided.
    """

    days: float
    maximum_days: float
    positions: tuple[PositionEvidence, ...]
    discovery: bool | None = None
