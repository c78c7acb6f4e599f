"""A key's text, its hash, and what its holder may do."""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, get_args

from serving.answers import Problem
from serving.keys.bucket import Bucket

Scope = Literal["decide", "reward", "manage", "read"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_TOKEN: Final = re.compile(rb"allot_([0-9a-f]{12})_[A-Za-z0-9_-]{43}")
CHALLENGE: Final = ((b"www-authenticate", b'Bearer realm="allot"'),)


class Fresh(NamedTuple):
    """A new key: its public part, and the whole text, which is shown once."""

    key_id: str
    token: str


@dataclass(frozen=True, slots=True, eq=False)
class Caller:
    """Who asks.

    Attributes
    ----------
    key_id
        Public part of the key; ``None`` where keys are not required.
    name
        Stands in what the caller submits.
    digest
        SHA-256 of the whole key.
    scopes
        What it may do.
    experiments
        Slugs to which it is restricted; ``None``: all.
    bucket
        How often it may ask.
    """

    key_id: str | None
    name: str
    digest: bytes
    scopes: frozenset[str]
    experiments: frozenset[str] | None
    bucket: Bucket | None = None

    def admit(self, scopes: Iterable[Scope], experiment: str | None = None) -> None:
        """Refuse what the key does not allow.

        Parameters
        ----------
        scopes
            One of them is needed.
        experiment
            The experiment asked about, where there is one.

        Raises
        ------
        Problem
            403.
        """
        if self.scopes.isdisjoint(scopes):
            needed = " or ".join(scopes)
            raise Problem(403, "scope-missing", f"this key lacks the scope {needed}")
        if experiment is not None and not self.sees(experiment):
            detail = "this key is restricted to other experiments"
            raise Problem(403, "experiment-not-allowed", detail, field="experiment_id")

    def sees(self, experiment: str) -> bool:
        """Tell whether the key reaches an experiment."""
        return self.experiments is None or experiment in self.experiments


# Where keys are not required, which is on loopback alone.
ANYONE: Final = Caller(None, "api", b"", frozenset(SCOPES), None)


def fresh() -> Fresh:
    """Make a key of 256 random bits."""
    key_id = secrets.token_hex(6)
    return Fresh(key_id, f"allot_{key_id}_{secrets.token_urlsafe(32)}")


def digest_of(token: bytes) -> bytes:
    """Return the hash that stands for a key; its secret needs no salt, since it is random."""
    return hashlib.sha256(token).digest()


def key_id_of(token: bytes) -> str | None:
    """Return the public part of a key; ``None`` where the text is none."""
    found = _TOKEN.fullmatch(token)
    return None if found is None else found[1].decode("ascii")


def is_same(digest: bytes, other: bytes) -> bool:
    """Compare hashes in a time that says nothing about where they differ."""
    return hmac.compare_digest(digest, other)
