"""The sounds of the prerecorded prompts: in the profile's own voice once that has been heard well.

Until then, and where the voice has never been well, they are those of the package, which the CPU
profile's voices have spoken (``scripts/make_prerecorded.py``).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import numpy as np
from livekit import rtc
from livekit.agents import APIError, tts
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from agent.engine_settings import TTSSettings
from agent.languages import FOLDER, LANGUAGES, PHRASES, Language, Phrase, words
from agent.models.store import cache

logger = logging.getLogger("parley")

_CHUNK = SAMPLE_RATE // 10
"""Samples in a frame that is handed to a session: 0.1 s."""

ENGLISH: Language = "en"
"""What is heard where there is no sound in a language."""

_packaged: dict[Path, rtc.AudioFrame] = {}
"""Decoded once for all conversations of a process: 2.3 MB."""


class Prerecorded:
    """The prompts of one voice.

    Args:
        settings: The ``tts`` section of the profile, which names the voice.
    """

    def __init__(self, settings: TTSSettings) -> None:
        self._settings = settings
        self._own: dict[tuple[Phrase, Language], rtc.AudioFrame] = {}

    async def load(self) -> None:
        """Have the sounds of the package ready, and those of the voice that were made before."""
        for language in LANGUAGES:
            for phrase in PHRASES:
                await self._load(phrase, language)

    def missing(self, language: Language) -> list[Phrase]:
        """The prompts that the voice has not spoken yet."""
        return [p for p in PHRASES if not self._find(p, language)]

    async def make(self, voice: tts.TTS[Any], phrase: Phrase, language: Language) -> None:
        """Have the voice speak a prompt, and keep it.

        Nothing is kept of a voice that fails, or of an answer without a sound.
        """
        try:
            async with voice.synthesize(words(language).prompts[phrase]) as stream:
                frame = _at_rate(await stream.collect())
        except APIError as e:
            logger.info("no prerecorded prompt was made", extra={"reason": str(e)})
            return
        path = self._file(phrase, language)
        path.parent.mkdir(parents=True, exist_ok=True)
        # Several conversations may make the same one: each file is whole when it gets its name.
        part = path.with_suffix(f".{os.getpid()}.part")
        with wave.open(str(part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(bytes(frame.data))
        part.replace(path)
        self._own[phrase, language] = frame

    def sound(self, phrase: Phrase, language: Language) -> rtc.AudioFrame:
        """A prompt, mono at 24 kHz; :meth:`load` comes before.

        In English where neither the voice nor the package has it in the language: it is heard that
        somebody is there, and the page shows the words in the language.
        """
        return (
            self._own.get((phrase, language))
            or _packaged.get(_package_file(phrase, language))
            or _packaged[_package_file(phrase, ENGLISH)]
        )

    async def frames(self, phrase: Phrase, language: Language) -> AsyncIterator[rtc.AudioFrame]:
        """A prompt in pieces, as a session plays it."""
        await self._load(phrase, language)
        samples = np.frombuffer(self.sound(phrase, language).data, np.int16)
        for start in range(0, samples.size, _CHUNK):
            piece = samples[start : start + _CHUNK]
            yield rtc.AudioFrame(piece.tobytes(), SAMPLE_RATE, 1, piece.size)

    async def _load(self, phrase: Phrase, language: Language) -> None:
        if missing := [path for path in _files(phrase, language) if path not in _packaged]:
            await asyncio.to_thread(_unpack, missing)
        self._find(phrase, language)

    def _find(self, phrase: Phrase, language: Language) -> bool:
        """Whether the voice's own is at hand; reads it if it was made before."""
        if (phrase, language) not in self._own:
            path = self._file(phrase, language)
            if not path.is_file():
                return False
            with wave.open(str(path), "rb") as file:
                pcm = file.readframes(file.getnframes())
            self._own[phrase, language] = rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2)
        return True

    def _file(self, phrase: Phrase, language: Language) -> Path:
        settings = self._settings
        key = "|".join(
            (
                settings.url,
                settings.model or "",
                settings.voice_of(language) or "",
                settings.instructions or "",
                language,
                words(language).prompts[phrase],
            )
        )
        return cache() / "prerecorded" / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.wav"


def _package_file(phrase: Phrase, language: Language) -> Path:
    return FOLDER / language / "prerecorded" / f"{phrase}.ogg"


def prewarm() -> None:
    """Decode all sounds of the package, for whatever is forked from this process.

    A call that decodes them as it begins takes 0.3 s of processor for them.
    """
    for language in LANGUAGES:
        for phrase in PHRASES:
            _unpack(_files(phrase, language))


def _files(phrase: Phrase, language: Language) -> list[Path]:
    """The sounds of the package that a prompt may be heard by."""
    paths = [_package_file(phrase, each) for each in (language, ENGLISH)]
    return [path for path in paths if path.is_file()]


def _unpack(paths: list[Path]) -> None:
    for path in paths:
        if path not in _packaged:
            _packaged[path] = _decode(path)


def _decode(path: Path) -> rtc.AudioFrame:
    """Read a sound; LiveKit's reader has a thread for each, which takes twice the time."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    with av.open(str(path)) as file:
        decoded = [*file.decode(audio=0), None]  # None: what the resampler has left
        pieces = [each.to_ndarray() for one in decoded for each in resampler.resample(one)]
    pcm = np.concatenate(pieces, axis=1)
    return rtc.AudioFrame(pcm.tobytes(), SAMPLE_RATE, 1, pcm.size)


def _at_rate(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    if frame.sample_rate == SAMPLE_RATE:
        return frame
    resampler = rtc.AudioResampler(frame.sample_rate, SAMPLE_RATE)
    return rtc.combine_audio_frames([*resampler.push(frame), *resampler.flush()])
