"""Faults on a stack of its own, a few seconds of load; `make faults` has the whole matrix."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.ground import Ground, ground
from faults.matrix import Row
from faults.run import run_on

pytestmark = [pytest.mark.services, pytest.mark.xdist_group("faults"), pytest.mark.timeout(600)]
SECONDS = 6.0
ROWS = (
    Row("postgres", "freeze"),
    Row("worker", "kill"),
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """A stack with proxies between its parts."""
    with ground(tmp_path_factory.mktemp("faults")) as site:
        yield site


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_nothing_is_lost_or_doubled_and_weights_are_as_if_undisturbed(
    row: Row, site: Ground, tmp_path: Path
) -> None:
    outcome = run_on(site, row, tmp_path, seconds=SECONDS, per_second=20.0)
    assert outcome.answered > 0
    assert [each for each in outcome.identities if not each.holds] == []
