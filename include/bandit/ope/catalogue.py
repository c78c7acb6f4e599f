"""The estimators by name, in the order in which reports list them."""

from typing import Final

from include.bandit.ope import (
    clipped_ips,
    dm,
    dr,
    dros,
    ips,
    mips,
    replay,
    sndr,
    snips,
    subgaussian_dr,
    subgaussian_ips,
    switch_dr,
)
from include.bandit.ope.estimator import Estimator, ShrunkEstimator

# Value and variance follow from sums.
LINEAR: Final[dict[str, Estimator]] = {
    "replay": replay,
    "ips": ips,
    "snips": snips,
    "dm": dm,
    "dr": dr,
    "sndr": sndr,
}
# These need the rows, since they change each weight.
SHRUNK: Final[dict[str, ShrunkEstimator]] = {
    "clipped-ips": clipped_ips,
    "sg-ips": subgaussian_ips,
    "switch-dr": switch_dr,
    "dr-os": dros,
    "sg-dr": subgaussian_dr,
}
NEEDS_MODEL: Final = frozenset({"dm", "dr", "sndr", "switch-dr", "dr-os", "sg-dr"})
NAMES: Final = (*LINEAR, *SHRUNK, mips.NAME)
# The reference that the others are compared with: the first of these that was estimated.
REFERENCES: Final = ("dr", "snips", "ips")
