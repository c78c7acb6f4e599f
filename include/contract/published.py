"""What stands in the weights store: a snapshot with its provenance, and the pointer to it.

Both sides use this module: the publisher writes these bytes, serving and the
reconciler read them. A value that does not hash to its name is damaged and is
never served.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from include.contract.canonical import Json, canonical_json, content_hash
from include.contract.names import is_name
from include.contract.weights import WeightsContent
from include.errors import DamagedSnapshotError


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version of an experiment is live; also the announcement of a new one.

    Attributes
    ----------
    experiment
        Slug.
    version
        Weights version, counted from 0.
    content_hash
        Name of the snapshot under that version's key.
    """

    experiment: str
    version: int
    content_hash: str

    def head(self) -> bytes:
        """Return the bytes that stand under the experiment's head key."""
        return canonical_json({"version": self.version, "content_hash": self.content_hash})

    def announcement(self) -> bytes:
        """Return the bytes that are sent on the announcements channel."""
        return canonical_json(
            {
                "experiment": self.experiment,
                "version": self.version,
                "content_hash": self.content_hash,
            }
        )

    @classmethod
    def from_head(cls, experiment: str, raw: bytes) -> Self:
        """Read what stands under an experiment's head key.

        Raises
        ------
        DamagedSnapshotError
            If the bytes are not a pointer.
        """
        document = _object(raw, f"pointer of {experiment!r}")
        return cls(experiment, _version(document, experiment), _hash(document, experiment))

    @classmethod
    def from_announcement(cls, raw: bytes) -> Self:
        """Read an announcement.

        Raises
        ------
        DamagedSnapshotError
            If the bytes are not an announcement.
        """
        document = _object(raw, "announcement")
        experiment = document.get("experiment")
        if not isinstance(experiment, str) or not is_name(experiment):
            raise DamagedSnapshotError(f"announcement names no experiment: {experiment!r}")
        return cls(experiment, _version(document, experiment), _hash(document, experiment))


@dataclass(frozen=True, slots=True)
class Published:
    """A weights snapshot as it stands in the store.

    Attributes
    ----------
    content
        The immutable part.
    content_hash
        Its name.
    provenance
        What travels beside the content, outside its hash: always ``version`` (int) and
        ``effective_from`` (ISO 8601, UTC); further lineage as the publisher knows it
        (``dag_run``, ``tracking_run``, ``lake_version``, ``code_revision``, ``reason``, …).
    """

    content: WeightsContent
    content_hash: str
    provenance: Mapping[str, Json]

    @property
    def version(self) -> int:
        """The weights version, from the provenance."""
        return _version(self.provenance, self.content.experiment)

    @property
    def effective_from(self) -> datetime:
        """When this version went live, from the provenance."""
        return _effective_from(self.provenance, self.content.experiment)

    def pointer(self) -> Pointer:
        """Return the pointer that makes this snapshot the live one."""
        return Pointer(self.content.experiment, self.version, self.content_hash)

    def value(self) -> bytes:
        """Return the bytes that stand under the snapshot's version key."""
        return canonical_json(
            {
                "content": self.content.as_json(),
                "content_hash": self.content_hash,
                "provenance": dict(self.provenance),
            }
        )

    @classmethod
    def from_value(cls, pointer: Pointer, raw: bytes) -> Self:
        """Read the snapshot that a pointer names, refusing anything else.

        Raises
        ------
        DamagedSnapshotError
            If the bytes are no snapshot, do not hash to their name, or belong to
            another experiment or version than the pointer says.
        """
        where = f"snapshot v{pointer.version} of {pointer.experiment!r}"
        document = _object(raw, where)
        content, provenance = document.get("content"), document.get("provenance")
        if not isinstance(content, dict) or not isinstance(provenance, dict):
            raise DamagedSnapshotError(f"{where} lacks its content or its provenance")
        named = (_version(provenance, pointer.experiment), document.get("content_hash"))
        if named != (pointer.version, pointer.content_hash):
            raise DamagedSnapshotError(f"{where} is not the one that its pointer names: {named}")
        _effective_from(provenance, pointer.experiment)
        try:
            hashed = content_hash(content)
            canonical_json(provenance)
            parsed = WeightsContent.from_json(content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DamagedSnapshotError(f"{where} breaks the weights schema: {error}") from error
        if hashed != pointer.content_hash:
            raise DamagedSnapshotError(f"{where} does not hash to {pointer.content_hash}")
        if parsed.experiment != pointer.experiment:
            raise DamagedSnapshotError(f"{where} belongs to {parsed.experiment!r}")
        return cls(parsed, pointer.content_hash, provenance)


def _object(raw: bytes, where: str) -> dict[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DamagedSnapshotError(f"{where} is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise DamagedSnapshotError(f"{where} is not a JSON object")
    return document


def _version(document: Mapping[str, Any], experiment: str) -> int:
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        raise DamagedSnapshotError(f"{experiment!r} names no version: {version!r}")
    return version


def _hash(document: Mapping[str, Any], experiment: str) -> str:
    name = document.get("content_hash")
    if not isinstance(name, str):
        raise DamagedSnapshotError(f"{experiment!r} names no content hash: {name!r}")
    return name


def _effective_from(provenance: Mapping[str, Any], experiment: str) -> datetime:
    text = provenance.get("effective_from")
    try:
        moment = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError as error:
        raise DamagedSnapshotError(f"{experiment!r} names no effective_from: {text!r}") from error
    if moment.tzinfo is None:
        raise DamagedSnapshotError(f"effective_from of {experiment!r} lacks its zone: {text!r}")
    return moment
