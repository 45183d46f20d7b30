"""Where records are written: a folder, or a bucket of an S3-compatible store."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from ..post_call_settings import S3Settings
from .record import Record

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMEOUT = 10.0
"""Seconds for one request to a bucket."""


class RecordStoreError(Exception):
    """A record could not be written; the text says why."""


class RecordStore(Protocol):
    """Somewhere to write records."""

    async def write(self, record: Record) -> None:
        """Write a record; a second time it replaces the first.

        Raises:
            RecordStoreError: It was not written.
        """
        ...


class FolderStore:
    """A folder for each day, which only this user can read.

    Args:
        folder: Where.
        days: Days for which records stay.
    """

    def __init__(self, folder: Path, days: int) -> None:
        self._folder, self._days = folder, days

    async def write(self, record: Record) -> None:
        """Write a record, and delete those that have been there for long enough."""
        try:
            await asyncio.to_thread(self._write, record)
        except OSError as e:
            raise RecordStoreError(f"{self._folder} cannot be written: {e.strerror or e}.") from e

    def _write(self, record: Record) -> None:
        path = self._folder / _name(record)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")  # of mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_bytes(record))
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except BaseException:
            os.unlink(part)
            raise
        self._expire(datetime.now(UTC).date())

    def _expire(self, today: date) -> None:
        kept_since = today - timedelta(days=self._days)
        for folder in self._folder.iterdir():
            if not _DAY.fullmatch(folder.name) or folder.name >= kept_since.isoformat():
                continue
            for file in folder.glob("call_*"):
                file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else's file is in it
                folder.rmdir()


class S3Store:
    """A bucket.

    Args:
        settings: The ``post_call.s3`` section of the profile.

    Raises:
        RecordStoreError: What it needs is not installed.
    """

    def __init__(self, settings: S3Settings) -> None:
        try:
            import obstore
            from obstore.store import S3Store as Bucket
        except ImportError as e:
            raise RecordStoreError("A bucket needs the s3 extra: uv sync --extra s3.") from e
        given: dict[str, Any] = {}
        if settings.endpoint:
            given["endpoint"] = str(settings.endpoint).rstrip("/")
        if settings.access_key_id:
            given["access_key_id"] = settings.access_key_id
        if settings.secret_access_key:
            given["secret_access_key"] = settings.secret_access_key.get_secret_value()
        self._put, self._errors = obstore.put_async, obstore.exceptions.BaseError
        self._bucket = Bucket(
            settings.bucket,
            prefix=settings.prefix or None,
            region=settings.region,
            client_options={
                "allow_http": settings.endpoint is not None and settings.endpoint.scheme == "http",
                "timeout": timedelta(seconds=_TIMEOUT),
            },
            # The outbox tries again, over days.
            retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=_TIMEOUT)},
            **given,
        )

    async def write(self, record: Record) -> None:
        """Write a record."""
        try:
            await self._put(
                self._bucket,
                _name(record),
                _bytes(record),
                attributes={"Content-Type": "application/json"},
                use_multipart=False,
            )
        except (self._errors, OSError) as e:
            reason = str(e).split("\n", 1)[0]
            raise RecordStoreError(f"The bucket cannot be written: {reason}") from e


def _name(record: Record) -> str:
    """Its path: the day when the call began, and its id with nothing but letters and digits."""
    name = re.sub(r"[^\w-]", "_", str(record["id"]), flags=re.ASCII)
    return f"{record['started_at'][:10]}/{name}.json"


def _bytes(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, indent=1).encode()
