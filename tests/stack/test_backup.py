"""The drill: publish, save, lose everything, restore; and what a restore refuses."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from include.contract.published import Published
from include.errors import StackError
from include.settings import Settings
from include.stores.reports.connection import transaction
from include.stores.reports.weights import history
from include.stores.weights import WeightsStore
from include.tasks.publish import publish_experiment
from include.tasks.update import update_experiment
from stack.backup import upgrade as upgrading
from stack.backup.manifest import NAME, verified
from stack.backup.restore import restore
from stack.backup.save import backup
from stack.config import StackConfig
from stack.platform import Stack
from tests.stack.conftest import command_line
from tests.support.decided import log_decisions
from tests.support.declared import experiment, observe, registered

pytestmark = pytest.mark.services


@pytest.fixture
def live(own_config: StackConfig) -> Iterator[Stack]:
    """PostgreSQL and a store with three published versions and a log of decisions."""
    stack = Stack(own_config)
    stack.up(["postgres", "store"], ["allot-schema"], owner=os.getpid())
    settings = stack.settings
    registered(settings, experiment(limits={"probability_floor": 0.05}))
    for day, clicks in (("2026-01-01", (5, 9, 2)), ("2026-01-02", (4, 12, 3))):
        observe(settings, day, clicks)
        update_experiment(settings, "shop")
        publish_experiment(settings, "shop")
    for published in chain(settings):
        log_decisions(settings, published, [f"unit-{number}" for number in range(50)])
    yield stack
    stack.supervisor.end_leftovers()


def chain(settings: Settings) -> list[Published]:
    with transaction(settings) as connection:
        return history(connection, "shop")


def decisions(settings: Settings) -> list[tuple[object, ...]]:
    with transaction(settings) as connection:
        return connection.execute("select * from allot.decision order by decision_id").fetchall()


def test_what_was_lost_is_back_and_the_store_follows(live: Stack, tmp_path: Path) -> None:
    settings = live.settings
    before, logged = chain(settings), decisions(settings)
    folder = backup(live, tmp_path)
    assert verified(folder).heads == {"shop": f"v2 {before[-1].content_hash}"}

    # A version and decisions that the backup does not have; then the database is gone.
    observe(settings, "2026-01-03", (9, 9, 9))
    update_experiment(settings, "shop")
    publish_experiment(settings, "shop")
    log_decisions(settings, chain(settings)[-1], ["late"])
    live.down()
    shutil.rmtree(live.config.folder("postgres"))

    done = restore(live, folder)
    assert (chain(settings), decisions(settings)) == (before, logged)
    assert [each.content.parent for each in before[1:]] == [
        each.content_hash for each in before[:-1]
    ]
    assert "never published" in "; ".join(done.healed["shop"])
    with WeightsStore(settings) as store:
        assert store.pointer("shop") == before[-1].pointer()
        assert all(store.snapshot(each.pointer()) == each for each in before)
    _goes_on(settings)


def _goes_on(settings: Settings) -> None:
    """The next version follows the head, and new records lie above every exported range."""
    log_decisions(settings, chain(settings)[-1], ["after"])
    with transaction(settings) as connection:
        old, new = connection.execute(
            "select max(received_xid) filter (where unit <> 'after'),"
            " min(received_xid) filter (where unit = 'after') from allot.decision"
        ).fetchall()[0]
    assert int(new) > int(old)
    observe(settings, "2026-01-03", (1, 2, 30))
    assert update_experiment(settings, "shop").written == (3,)


def test_a_restore_refuses_what_is_in_use_damaged_or_newer(live: Stack, tmp_path: Path) -> None:
    folder = backup(live, tmp_path)
    with pytest.raises(StackError, match=r"running.*REPLACE=yes"):
        restore(live, folder)
    live.down()
    with pytest.raises(StackError, match=r"holds databases.*REPLACE=yes"):
        restore(live, folder)

    manifest = (folder / NAME).read_text()
    newer = json.loads(manifest)
    newer["migrations"].append("9999_from_the_future")
    (folder / NAME).write_text(json.dumps(newer))
    with pytest.raises(StackError, match=r"9999_from_the_future"):
        restore(live, folder, replace=True)
    (folder / NAME).write_text(manifest)

    dump = folder / "allot.dump"
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(StackError, match=r"allot.dump is not what the manifest says"):
        restore(live, folder, replace=True)
    assert not list(live.config.folder("postgres").glob("data.before-*"))


def test_replaced_data_are_kept_aside(live: Stack, tmp_path: Path) -> None:
    folder = backup(live, tmp_path)
    done = restore(live, folder, replace=True)
    assert done.aside is not None
    assert (done.aside / "PG_VERSION").exists()
    assert len(chain(live.settings)) == 3


def test_an_upgrade_loads_the_data_of_another_major_version_anew(
    live: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chain(live.settings)
    folder = upgrading.prepare(live)
    assert not live.supervisor.alive()
    monkeypatch.setattr(upgrading, "program_major", lambda: upgrading.data_major(live) + 1)
    assert upgrading.upgrade(live) == folder
    assert chain(live.settings) == before
    assert list(live.config.folder("postgres").glob("data.before-*"))
    with pytest.raises(StackError, match=r"no backup was made"):
        upgrading.upgrade(live)


def test_an_upgrade_within_a_major_version_leaves_the_data_where_they_are(live: Stack) -> None:
    upgrading.prepare(live)
    upgrading.upgrade(live)
    assert not list(live.config.folder("postgres").glob("data.before-*"))
    live.up(["postgres"], [])
    assert len(chain(live.settings)) == 3


def test_nothing_to_save_is_said(own_config: StackConfig) -> None:
    said = command_line(own_config, "backup")
    assert said.returncode == 1
    assert "nothing to back up" in said.stderr


def test_a_backup_of_a_stopped_stack_leaves_it_stopped(live: Stack) -> None:
    live.down()
    said = command_line(live.config, "backup")
    assert said.returncode == 0, said.stderr
    assert not live.supervisor.alive()
    (folder,) = (live.config.state_dir / "backups").iterdir()
    assert {dump.database for dump in verified(folder).dumps} == {"airflow", "allot", "mlflow"}
    assert folder.stat().st_mode & 0o077 == 0
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(live.settings.database_url.get_secret_value(), connect_timeout=2)
