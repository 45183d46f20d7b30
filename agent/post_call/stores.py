"""Where records are written: a folder, or a bucket of an S3-compatible store."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import re
import shutil
import tempfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Protocol

from ..post_call_settings import S3Settings
from .record import Record
from .recording import plain

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIMEOUT = 10.0
"""Seconds for one request to a bucket."""


class RecordStoreError(Exception):
    """A record could not be written; the text says why."""


class RecordStore(Protocol):
    """Somewhere to write records."""

    async def write(self, record: Record, sound: Path) -> None:
        """Write a record, after its recording; a second time they replace the first.

        Args:
            record: The record.
            sound: The file of its recording, if it has one.

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

    async def write(self, record: Record, sound: Path) -> None:
        """Write a record, and delete those that have been there for long enough."""
        try:
            await asyncio.to_thread(self._write, record, sound)
        except OSError as e:
            raise RecordStoreError(f"{self._folder} cannot be written: {e.strerror or e}.") from e

    def _write(self, record: Record, sound: Path) -> None:
        path = self._folder / _name(record)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if record.get("recording") and sound.is_file():
            with sound.open("rb") as file:
                _replace(path.with_suffix(".ogg"), file)
        _replace(path.with_suffix(".json"), io.BytesIO(_bytes(record)))
        self._expire(datetime.now(UTC).date())

    def _expire(self, today: date) -> None:
        kept_since = today - timedelta(days=self._days)
        for folder in self._folder.iterdir():
            if not _DAY.fullmatch(folder.name) or folder.name >= kept_since.isoformat():
                continue
            for kind in ("call", "detail", "callback"):
                for file in folder.glob(f"{kind}_*"):
                    file.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else's file is in it
                folder.rmdir()


def _replace(path: Path, source: IO[bytes]) -> None:
    """Write a file whole or not at all."""
    handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


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

    async def write(self, record: Record, sound: Path) -> None:
        """Write a record, after its recording."""
        try:
            if record.get("recording") and await asyncio.to_thread(sound.is_file):
                await self._write(f"{_name(record)}.ogg", sound, "audio/ogg")
            await self._write(f"{_name(record)}.json", _bytes(record), "application/json")
        except (self._errors, OSError) as e:
            reason = str(e).split("\n", 1)[0]
            raise RecordStoreError(f"The bucket cannot be written: {reason}") from e

    async def _write(self, path: str, content: bytes | Path, kind: str) -> None:
        await self._put(
            self._bucket, path, content, attributes={"Content-Type": kind}, use_multipart=False
        )


def _name(record: Record) -> str:
    """Its path without an ending: the day when the call began, and its id."""
    return f"{record['started_at'][:10]}/{plain(record)}"


def _bytes(record: Record) -> bytes:
    return json.dumps(record, ensure_ascii=False, indent=1).encode()
