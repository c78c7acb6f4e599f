"""Cases on which Allot and Open Bandit Pipeline are compared; made of arithmetic, no seed."""

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl

from include.bandit.feedback import Feedback
from include.bandit.statistics import FloatArray

ARMS = {"all": 80, "men": 34, "women": 46}
PARAMETERS = {
    "clipped-ips": 1.3,
    "sg-ips": 0.2,
    "switch-dr": 1.3,
    "dr-os": 0.7,
    "sg-dr": 0.2,
}


def open_bandit(campaign: str, behavior_policy: str) -> Feedback:
    """Read a packaged sample in CSV row order: its timestamps have ties."""
    spec = importlib.util.find_spec("obp")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "dataset" / "obd" / behavior_policy / campaign
    frame = pl.read_csv(
        folder / f"{campaign}.csv", columns=["item_id", "position", "click", "propensity_score"]
    )
    return Feedback.of(
        frame["item_id"].to_numpy(),
        frame["click"].to_numpy(),
        frame["propensity_score"].to_numpy(),
        arms=ARMS[campaign],
        position=frame["position"].to_numpy() - 1,
        positions=3,
    )


def synthetic(n: int = 5000, arms: int = 7, positions: int = 2) -> Feedback:
    """Make a log with real rewards and row-wise propensities from low-discrepancy sequences."""
    row = np.arange(n)
    arm, position = row * 5 % arms, row * 3 // 7 % positions
    golden, silver = row * 0.6180339887498949 % 1.0, row * 0.7548776662466927 % 1.0
    reward = np.sin(arm + position) + 3.0 * (golden - 0.5)
    return Feedback.of(
        arm, reward, 0.05 + 0.9 * silver, arms=arms, position=position, positions=positions
    )


def tilted_policy(positions: int, arms: int) -> FloatArray:
    """Return an uneven policy with full support, shape (P, K)."""
    position, arm = np.mgrid[:positions, :arms]
    raw = 1.0 + (3 * arm + position) % 7
    return np.asarray(raw / raw.sum(axis=1, keepdims=True))


def deterministic_policy(positions: int, arms: int) -> FloatArray:
    """Return a policy that shows one arm per position, shape (P, K)."""
    return np.eye(arms)[np.arange(positions) + 2]


def reward_table(positions: int, arms: int) -> FloatArray:
    """Return made-up expected rewards, shape (P, K)."""
    position, arm = np.mgrid[:positions, :arms]
    return np.asarray(0.002 + 0.001 * ((5 * arm + position) % 11))


def all_cases() -> dict[str, Feedback]:
    """Return every case by name."""
    cases = {
        f"{campaign}/{policy}": open_bandit(campaign, policy)
        for campaign in ARMS
        for policy in ("random", "bts")
    }
    cases["synthetic"] = synthetic()
    return cases
