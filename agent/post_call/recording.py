"""The sound of a call, recorded by LiveKit: the caller on the left, the agent on the right."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

from livekit.agents.utils.misc import is_cloud
from livekit.agents.voice.agent_session import RecordingOptions
from livekit.agents.voice.report import SessionReport

from ..languages import Language, words
from ..post_call_settings import PostCallSettings
from .record import Record

logger = logging.getLogger("parley")

_OFF = RecordingOptions(audio=False, traces=False, logs=False, transcript=False)


def recording_options(settings: PostCallSettings | None, livekit: str) -> RecordingOptions:
    """What LiveKit's session is started with: the sound if it is to be recorded, and no more.

    Args:
        settings: The ``post_call`` section of the profile.
        livekit: Address of the LiveKit server. LiveKit's cloud would get a copy of the sound, so
            with it nothing is recorded.
    """
    if settings is None or not settings.recording:
        return _OFF
    if uploads(livekit):
        logger.error("nothing is recorded: LiveKit would upload it", extra={"livekit": livekit})
        return _OFF
    return RecordingOptions(**{**_OFF, "audio": True})


def uploads(livekit: str) -> bool:
    """Whether LiveKit's SDK uploads what it records with this server."""
    return bool(os.environ.get("LIVEKIT_OBSERVABILITY_URL")) or is_cloud(livekit)


def announced(greeting: str, settings: PostCallSettings | None, language: Language | None) -> str:
    """The first words of a call: that it is recorded, if it is, and then the greeting."""
    if settings is None or not settings.recording:
        return greeting
    known = language or "en"
    told = settings.announcement.get(known) or words(known).assistant.recorded
    return f"{told} {greeting}".strip()


def kept(report: SessionReport, record: Record, folder: Path) -> Record:
    """The record with its recording, if there is one, which is moved beside the outbox.

    Args:
        report: LiveKit's, which knows where it is.
        record: The record.
        folder: Of the outbox.
    """
    path, began = report.audio_recording_path, report.audio_recording_started_at
    if path is None or began is None or not path.is_file():
        return record
    to = sound_of(record, folder)
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # The file is the job's own, and gone with it; it may be on another disk.
    part = to.with_suffix(".part")
    with open(os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
        with path.open("rb") as source:
            shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(to)
    offset = began - (report.started_at or began)
    return {**record, "recording": {"at": round(offset, 3), "bytes": to.stat().st_size}}


def sound_of(record: Record, folder: Path) -> Path:
    """Where the recording of a call waits until it is delivered."""
    return folder / "recordings" / f"{plain(record)}.ogg"


def plain(record: Record) -> str:
    """The id of a record with nothing but letters, digits and marks that a file name may have."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in record["id"])
