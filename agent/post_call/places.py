"""Where a record is brought: a folder, a bucket, a database or a webhook, each told from others."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from pydantic import HttpUrl

from ..post_call_settings import PostCallSettings
from ..store_address import hosts

Kind = Literal["model", "folder", "bucket", "database", "webhook"]
"""A record goes to the model that sums it up first, then to all the others, each in its own
time."""


@dataclass(frozen=True)
class Place:
    """One of them. Several agent servers share an outbox, and not all deliver everywhere."""

    kind: Kind
    where: str = ""
    """Which one: a path or an address, without the secrets that open it; of a model, its agent."""

    def __str__(self) -> str:
        return f"{self.kind} {self.where}".rstrip()


def places(settings: PostCallSettings) -> list[Place]:
    """Where the records of these settings belong.

    Args:
        settings: The ``post_call`` section of the profile or of its agent.
    """
    found: list[Place] = []
    if settings.folder:
        found.append(Place("folder", os.path.abspath(settings.folder)))
    if s3 := settings.s3:
        at = _address(s3.endpoint) if s3.endpoint else "Amazon"
        found.append(Place("bucket", f"{s3.bucket}/{s3.prefix} at {at}"))
    if settings.database:
        parts = urlsplit(settings.database.get_secret_value())
        at = f"{parts.scheme}://{hosts(parts).lower()}{parts.path}"
        found.append(Place("database", at + _digest(parts.query)))
    if settings.webhook:
        found.append(Place("webhook", _address(settings.webhook.url)))
    return found


def _address(url: HttpUrl) -> str:
    """An address that may be shown; a query, which may hold a token, is told by its digest."""
    told = f"{url.scheme}://{url.host}:{url.port}{url.path or ''}"
    return told + _digest(url.query)


def _digest(query: str | None) -> str:
    return f"?…{hashlib.sha256(query.encode()).hexdigest()[:8]}" if query else ""
