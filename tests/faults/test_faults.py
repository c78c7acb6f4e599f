"""One fault of each kind on a stack of its own, a few seconds of load; `make faults` has all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.ground import Ground, ground, may_mount
from faults.matrix import Row
from faults.run import run_on

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]
SECONDS = 6.0
ROWS = (
    Row("postgres", "freeze"),
    Row("worker", "kill"),
    Row("store", "lost replies"),
    Row("api", "full disk", "the fault"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack with proxies between its parts, and a small disk beneath the API where it may be."""
    disk = "serving" if may_mount() else None
    with ground(tmp_path_factory.mktemp("faults"), disk) as site:
        yield site


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_is_lost_or_doubled_and_weights_are_as_if_undisturbed(
    row: Row, site: Ground, tmp_path: Path
) -> None:
    if row.kind == "full disk" and not may_mount():
        pytest.skip("small disks need root")
    outcome = run_on(site, row, tmp_path, seconds=SECONDS, per_second=20.0)
    assert outcome.answered > 0
    assert [each for each in outcome.identities if not each.holds] == []
