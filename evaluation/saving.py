"""A call as the web page saves one, so that its report, and the page itself, can show it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.telemetry.report import Saved, read
from harness import recording
from harness.caller import Caller

Wait = tuple[float, float]
"""When the caller's last sound was sent, and when the answer's first was heard."""


def save(path: Path, started: datetime, caller: Caller, waits: Sequence[Wait]) -> Saved:
    """Write a call down and read it back.

    Args:
        path: The ZIP file to write.
        started: When it began.
        caller: Who has heard it.
        waits: Of each turn that was answered.
    """
    words = {
        "parley": 1,
        "started": started.isoformat(),
        "captions": [
            {
                "role": "user" if caption.identity == caller.identity else "agent",
                "text": caption.text,
                "at": caption.began,
                "until": caption.at,
            }
            for caption in sorted(caller.captions.values(), key=lambda caption: caption.began)
            if caption.text.strip()
        ],
        "records": [_with_heard(record, waits) for record in caller.turns],
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("conversation.json", json.dumps(words, ensure_ascii=False))
        sound = io.BytesIO()
        recording.write(sound, caller.said, caller.heard)
        archive.writestr("conversation.wav", sound.getvalue())
    return read(path)


def _with_heard(record: dict[str, Any], waits: Sequence[Wait]) -> dict[str, Any]:
    """A turn's record with what the caller measured of it: its answer came last before it did."""
    heard = [wait for wait in waits if wait[1] <= record["at"]]
    if record["kind"] != "turn" or not heard:
        return record
    voice, sound = heard[-1]
    return {**record, "heard": {"voice": voice, "sound": sound}}
