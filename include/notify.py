"""Notifications: one line in the log, and a message to a Slack-compatible webhook where declared.

A notification never fails what it reports on, and never holds a secret.
"""

import json
import logging
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import quote, unquote, urlsplit

from pydantic import SecretStr

from include.settings import Settings

Kind = Literal["rollback", "verdict", "sample_ratio", "deadline", "approval"]

HIDDEN: Final = "***"
_URGENT: Final = {"rollback", "sample_ratio", "deadline"}
# user:password@ of any address, whether or not it is one of ours.
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/\s@]+@")
_LONGEST: Final = 3000
# Shorter parts of a webhook's path are words, as "services".
_TOKEN: Final = 10

_log = logging.getLogger("allot.notify")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that a person wants to be told.

    Attributes
    ----------
    kind
        What happened.
    title
        In one line.
    text
        Why, and what to do.
    experiment
        Slug, where it is about one.
    link
        Where to look.
    facts
        Names and values shown below.
    """

    kind: Kind
    title: str
    text: str = ""
    experiment: str | None = None
    link: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)


def notify(settings: Settings, event: Event) -> bool:
    """Tell of an event by the log, and by the webhook where one is set.

    Returns
    -------
    bool
        Whether the webhook took it; False, too, where none is set.
    """
    message = text_of(settings, event)
    level = logging.WARNING if event.kind in _URGENT else logging.INFO
    for line in message.splitlines():
        _log.log(level, "%s", line)
    address = settings.notify_webhook_url.get_secret_value()
    if not address:
        return False
    try:
        _post(address, message, settings.timeout_seconds)
    except urllib.error.HTTPError as error:
        _log.error("the notification webhook answered %d; look at its address", error.code)
        return False
    except (OSError, ValueError) as error:
        # The address is a secret, and so may be what an error says of it.
        _log.error("the notification webhook cannot be reached: %s", type(error).__name__)
        return False
    return True


def text_of(settings: Settings, event: Event) -> str:
    """Write the message in Slack's markup, without secrets."""
    about = "" if event.experiment is None else f" `{event.experiment}`"
    lines = [f"*{event.kind.replace('_', ' ')}*{about}: {event.title}"]
    lines += [event.text] if event.text else []
    lines += [f"• {name}: {value}" for name, value in event.facts.items()]
    lines += [event.link] if event.link else []
    plain = redacted(settings, "\n".join(lines))
    # Slack reads <…> as links and calls for everybody; what people wrote must be neither.
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        plain = plain.replace(sign, name)
    return plain[:_LONGEST]


def redacted(settings: Settings, text: str) -> str:
    """Take every secret of the settings out of a text, as written or as part of an address."""
    for secret in sorted(_secrets(settings), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return _CREDENTIALS.sub(f"{HIDDEN}@", text)


def _secrets(settings: Settings) -> set[str]:
    found: set[str] = set()
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            plain = value.get_secret_value()
            found |= {plain, *_of_address(plain)}
    # An empty or tiny secret would take the text apart.
    return {secret for secret in found if len(secret) > 3}


def _of_address(plain: str) -> set[str]:
    if "://" not in plain:
        return {quote(plain, safe="")}
    parts = urlsplit(plain)
    password = parts.password or ""
    # A webhook's path or query is its key; a database's path is its name.
    path = f"{parts.path}?{parts.query}" if parts.scheme.startswith("http") else ""
    tokens = {part for part in re.split(r"[/?&=]", path) if len(part) >= _TOKEN}
    return {password, unquote(password), parts.path if tokens else "", *tokens}


def _post(address: str, message: str, seconds: float) -> None:
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("not an address of a web server")
    body = json.dumps({"text": message}).encode()
    request = urllib.request.Request(  # noqa: S310 — the scheme was looked at
        address, body, {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310
        answer.read(1)
