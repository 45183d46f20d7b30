"""One stack for all room tests: it takes longer to start than any of them takes to run."""

from __future__ import annotations

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from difflib import SequenceMatcher

import pytest
import pytest_asyncio
import soundfile

from agent.models import locate
from agent.stack import Server, Stack
from harness import speech
from harness.caller import Caller, join
from harness.livekit_server import LiveKitServer
from harness.recording import SAMPLE_RATE, Samples
from harness.resample import resampled

pytestmark = pytest.mark.room


@dataclass
class World:
    """Everything that runs, and what a test wants of it."""

    server: Server
    llm_url: str
    tts_url: str
    stt_url: str
    web_url: str

    def join(
        self, language: str | None, *, identity: str = "caller", room: str | None = None
    ) -> AbstractAsyncContextManager[Caller]:
        """Enter a room of one's own."""
        name = room or f"test-{uuid.uuid4().hex[:8]}"
        return join(self.server, name, identity=identity, language=language)

    async def speech(self, text: str, language: str, voice: int = 0) -> Samples:
        """A person's voice saying something."""
        return await speech.utterance(
            self.tts_url, text, language=language, voice=speech.VOICES[language][voice]
        )

    async def transcribe(self, heard: Samples, language: str) -> str:
        """What Whisper makes of what was heard."""
        return await speech.transcribe(self.stt_url, heard, SAMPLE_RATE, language=language)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def world() -> AsyncIterator[World]:
    with pytest.MonkeyPatch.context() as environment:
        # Callers on a telephone are left soon, so that a test can wait for it; others are not.
        environment.setenv("PARLEY_CONDUCT__PHONE_SILENCE__ASK_AFTER", "3")
        environment.setenv("PARLEY_CONDUCT__PHONE_SILENCE__LEAVE_AFTER", "3")
        # Rooms of tests before are still ending.
        environment.setenv("PARLEY_MAX_ROOMS", "10")
        stack = Stack()
    async with stack:
        yield World(stack.server, stack.llm_url, stack.tts_url, stack.stt_url, stack.web_url)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def livekit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """A livekit-server alone, for an agent with instant engines."""
    running = LiveKitServer(tmp_path_factory.mktemp("livekit") / "livekit.yaml")
    await running.start()
    where = running.livekit
    yield Server(where.url, where.api_key, where.api_secret)
    await running.kill()


def recorded(name: str) -> Samples:
    """A recording among the models' files, as a caller speaks it: mono s16 at 24 kHz."""
    samples, rate = soundfile.read(locate("speech") / name, dtype="int16")
    return resampled(samples, rate, SAMPLE_RATE)


def likeness(a: str, b: str) -> float:
    """How alike two texts sound, 0 to 1: letters and digits only, any case."""
    left, right = (re.sub(r"[\W_]+", "", text).lower() for text in (a, b))
    return SequenceMatcher(None, left, right, autojunk=False).ratio()
