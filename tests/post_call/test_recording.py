from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import pytest

from agent.post_call import About, Outbox, announced, call_record, places, recording_options
from agent.post_call.recording import kept, sound_of
from agent.post_call_settings import PostCallSettings

from .test_deliverer import delivering, until_empty
from .test_record import report

LOCAL, CLOUD = "ws://127.0.0.1:7880", "wss://mine.livekit.cloud"


def settings(**given: Any) -> PostCallSettings:
    return PostCallSettings.model_validate({"folder": "calls", **given})


async def recorded(tmp_path: Path) -> dict[str, Any]:
    """The record of a call whose sound LiveKit has left in the job's folder."""
    made = await report()
    made.audio_recording_path = tmp_path / "job" / "audio.ogg"
    made.audio_recording_path.parent.mkdir(exist_ok=True)
    made.audio_recording_path.write_bytes(b"OggS" * 10)
    made.audio_recording_started_at = (made.started_at or 0.0) + 0.25
    return kept(made, call_record(made, About()), tmp_path)


async def test_a_recording_is_kept_until_its_record_has_arrived(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    record = await recorded(tmp_path)
    assert record["recording"] == {"at": 0.25, "bytes": 40}
    waits = sound_of(record, tmp_path)
    assert waits.stat().st_mode & 0o777 == 0o600
    given = settings(folder=tmp_path / "calls")
    await outbox.put(record, places(given))
    async with delivering(given, outbox):
        await until_empty(outbox)
        while waits.exists():  # which goes after its record
            await asyncio.sleep(0.01)
    await outbox.aclose()
    day = tmp_path / "calls" / record["started_at"][:10]
    assert (day / "call_AJ_1.ogg").read_bytes() == b"OggS" * 10
    assert (day / "call_AJ_1.json").is_file()


async def test_a_call_that_was_not_recorded_has_none(tmp_path: Path) -> None:
    made = await report()
    assert kept(made, call_record(made, About()), tmp_path)["recording"] is None
    made.audio_recording_path, made.audio_recording_started_at = tmp_path / "missing.ogg", 1.0
    assert kept(made, call_record(made, About()), tmp_path)["recording"] is None


async def test_what_a_crash_left_is_deleted(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.sqlite3")
    record = await recorded(tmp_path)
    await outbox.put(record, places(settings()))
    folder = tmp_path / "recordings"
    for name, age in (("call_old.ogg", 7200.0), ("call_new.ogg", 1.0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    os.utime(sound_of(record, tmp_path), (0, 0))  # its record waits still
    await outbox.tidy()
    assert sorted(path.name for path in folder.iterdir()) == ["call_AJ_1.ogg", "call_new.ogg"]
    await outbox.aclose()


def test_nothing_is_recorded_unless_it_is_asked_for() -> None:
    assert not any(recording_options(None, LOCAL).values())
    assert not any(recording_options(settings(), LOCAL).values())
    on = {name for name, on in recording_options(settings(recording=True), LOCAL).items() if on}
    assert on == {"audio"}


def test_nothing_is_recorded_where_livekit_would_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any(recording_options(settings(recording=True), CLOUD).values())
    monkeypatch.setenv("LIVEKIT_OBSERVABILITY_URL", "https://elsewhere")
    assert not any(recording_options(settings(recording=True), LOCAL).values())


def test_a_call_that_is_recorded_says_so_first() -> None:
    on = settings(recording=True, announcement={"en": "We record."})
    assert announced("Hello!", None, "en") == "Hello!"
    assert announced("Hello!", settings(), "en") == "Hello!"
    assert announced("Hello!", on, "en") == "We record. Hello!"
    assert announced("", on, None) == "We record."
    assert announced("你好！", on, "zh") == "本次通话将会录音。 你好！"
