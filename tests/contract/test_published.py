import json

import pytest

from include.contract.published import Pointer, Published
from include.errors import DamagedSnapshotError
from tests.support.publishing import published


def test_what_is_written_is_read_back() -> None:
    written = published("button", 3)
    assert Published.from_value(written.pointer(), written.value()) == written
    pointer = written.pointer()
    assert Pointer.from_head("button", pointer.head()) == pointer
    assert Pointer.from_announcement(pointer.announcement()) == pointer


@pytest.mark.parametrize("at", range(0, 700, 7))
def test_any_changed_byte_of_the_content_is_noticed(at: int) -> None:
    written = published("button", 3)
    raw = bytearray(written.value())
    end = raw.index(b'"provenance"')
    raw[at % end] ^= 1
    with pytest.raises(DamagedSnapshotError):
        Published.from_value(written.pointer(), bytes(raw))


@pytest.mark.parametrize(
    "provenance",
    [
        {},
        {"version": True, "effective_from": "2026-01-10T12:00:00+00:00"},
        {"version": 4, "effective_from": "2026-01-10T12:00:00+00:00"},
        {"version": 3, "effective_from": "2026-01-10T12:00:00"},
        {"version": 3, "effective_from": "2026-01-10T12:00:00+00:00", "x": float("nan")},
        {"version": 3, "effective_from": "2026-01-10T12:00:00+00:00", "x": "\ud800"},
    ],
)
def test_provenance_without_its_members_is_refused(provenance: dict[str, object]) -> None:
    written = published("button", 3)
    document = json.loads(written.value()) | {"provenance": provenance}
    with pytest.raises(DamagedSnapshotError):
        Published.from_value(written.pointer(), json.dumps(document).encode())


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"null", b"[1]", b"\xff", b"[" * 9999),
        *(b'{"version":-1,"content_hash":"a"}', b'{"version":1}'),
    ],
)
def test_what_is_no_pointer_is_refused(raw: bytes) -> None:
    with pytest.raises(DamagedSnapshotError):
        Pointer.from_head("button", raw)
    with pytest.raises(DamagedSnapshotError):
        Pointer.from_announcement(raw)
