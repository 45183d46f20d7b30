"""A conversation as the web page saves it: a ZIP of its sound and of a text about it."""

from __future__ import annotations

import io
import struct
import wave
import zipfile
import zlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Discriminator, Tag, ValidationError

from ..engines import Answerer
from ..turn import STAGES, Decision, Stage, Stop

Samples: TypeAlias = npt.NDArray[np.int16]

_SOUND, _WORDS = "conversation.wav", "conversation.json"
_LARGEST = {_SOUND: 175_000_000, _WORDS: 10_000_000}
"""Bytes; 30 minutes of two channels at 24 kHz are 172.8 MB."""
_LARGEST_FILE = sum(_LARGEST.values()) + 1_000_000


class NotSaved(Exception):
    """The file is not a saved conversation."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)


class Caption(_Model):
    """What one side said; ``at`` and ``until`` are when its words came up, in seconds."""

    role: Literal["user", "agent", "guest"]
    name: str | None = None
    text: str
    at: float
    until: float
    cut: bool = False
    """Whether the agent did not say the whole of what it was saying."""


class Heard(_Model):
    """When the browser heard the user's last voice and the answer's first sound, in seconds."""

    voice: float
    sound: float


class SavedTurn(_Model):
    """A turn's record and when it came."""

    kind: Literal["turn"]
    id: str
    at: float
    answered: bool
    interrupted: bool
    waited: float | None
    stages: dict[str, float]
    decision: Decision | None
    stop: Stop | None
    language: str | None = None
    tools: list[str] = []
    engines: dict[str, list[Answerer]] = {}
    heard: Heard | None = None

    @property
    def transport(self) -> float | None:
        """Seconds that the voice took to the agent, and the sound back; None if not measured."""
        if self.heard is None or self.waited is None:
            return None
        way = self.heard.sound - self.heard.voice - self.waited
        return way if way >= 0 else None

    def taken(self) -> dict[Stage | Literal["transport"], float]:
        """Seconds by stage, the transport last."""
        taken: dict[Stage | Literal["transport"], float] = {
            stage: self.stages[stage] for stage in STAGES if stage in self.stages
        }
        if self.transport is not None:
            taken["transport"] = self.transport
        return taken


class SavedOverlap(_Model):
    """A sound over the agent's speech."""

    kind: Literal["overlap"]
    at: float
    verdict: str
    turn: bool
    ducked: float | None
    decided: float


class SavedFirstWords(_Model):
    """How long the agent took to its first sound."""

    kind: Literal["first_words"]
    at: float
    seconds: float


class SavedFault(_Model):
    """An engine has failed."""

    kind: Literal["fault"]
    at: float
    engine: str
    fault: str
    by: Answerer | None


class SavedFallback(_Model):
    """One server of an engine has answered in place of another."""

    kind: Literal["fallback"]
    at: float
    engine: str
    instead_of: str
    by: Answerer


SavedRecord: TypeAlias = SavedTurn | SavedOverlap | SavedFirstWords | SavedFault | SavedFallback


class _Newer(_Model):
    """A record of a kind that is not known here."""


def _kind(value: object) -> str:
    kind = value.get("kind") if isinstance(value, dict) else None
    known = ("turn", "overlap", "first_words", "fault", "fallback")
    return kind if kind in known else "newer"


_Record = Annotated[
    Annotated[SavedTurn, Tag("turn")]
    | Annotated[SavedOverlap, Tag("overlap")]
    | Annotated[SavedFirstWords, Tag("first_words")]
    | Annotated[SavedFault, Tag("fault")]
    | Annotated[SavedFallback, Tag("fallback")]
    | Annotated[_Newer, Tag("newer")],
    Discriminator(_kind),
]


class _Words(_Model):
    parley: Literal[1]
    started: datetime
    captions: list[Caption]
    records: list[_Record]


@dataclass(frozen=True)
class Saved:
    """What is in the file; all times are in seconds of its sound."""

    started: datetime
    captions: list[Caption]
    records: list[SavedRecord]
    rate: int
    samples: Samples
    """One row a frame: the user on the left, the agent on the right."""

    @property
    def seconds(self) -> float:
        """How long the sound is."""
        return len(self.samples) / self.rate

    @property
    def turns(self) -> list[SavedTurn]:
        """The records of turns."""
        return [record for record in self.records if isinstance(record, SavedTurn)]


def read(path: Path) -> Saved:
    """Read a saved conversation.

    Raises:
        NotSaved: It cannot be read, or is something else; the message says what is wrong with it.
    """
    try:
        contents = _unpacked(path)
        words = _Words.model_validate_json(contents[_WORDS])
        rate, samples = _sound(contents[_SOUND])
    except OSError as e:
        raise NotSaved(f"{path} cannot be read: {(e.strerror or str(e)).lower()}.") from e
    except _Broken as e:
        raise NotSaved(f"{path} is not a saved conversation: {e}") from e
    except ValidationError as e:
        first = e.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise NotSaved(f"{path} is not a saved conversation: {where}: {first['msg']}") from e
    records = [record for record in words.records if not isinstance(record, _Newer)]
    return Saved(words.started, words.captions, records, rate, samples)


class _Broken(Exception):
    """A ZIP that cannot be unpacked; says why."""


def _unpacked(path: Path) -> dict[str, bytes]:
    """Both files of a conversation, by their names."""
    contents = {}
    if path.stat().st_size > _LARGEST_FILE:
        raise _Broken("it is too large")
    # From memory, where a place that is none is no error of the disk.
    packed = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(packed) as archive:
            for name, largest in _LARGEST.items():
                if archive.getinfo(name).file_size > largest:
                    raise _Broken(f"{name} is too large")
                contents[name] = archive.read(name)
    except KeyError as e:
        raise _Broken(f"there is no {name} in it") from e
    # What zipfile says of damage, besides its own error: of a lost end, a wrong place, a cipher.
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, RuntimeError, ValueError) as e:
        raise _Broken(" ".join(str(e).split()) or "it ends too soon") from e
    return contents


def _sound(data: bytes) -> tuple[int, Samples]:
    try:
        with wave.open(io.BytesIO(data)) as file:
            kind, rate = (file.getnchannels(), file.getsampwidth()), file.getframerate()
            frames = file.readframes(file.getnframes())
    # What wave says of damage, besides its own error: of a lost end, a length that is none.
    except (wave.Error, EOFError, struct.error, RuntimeError, ValueError, OverflowError) as e:
        raise _Broken(f"its sound is no WAV: {str(e) or 'it ends too soon'}") from e
    if kind != (2, 2):
        raise _Broken("its sound is no WAV: it has not two channels of 16 bits")
    if rate < 1:
        raise _Broken("its sound is no WAV: it has no rate")
    samples = np.frombuffer(frames[: len(frames) // 4 * 4], "<i2").reshape(-1, 2)
    return rate, samples.astype(np.int16)
