"""One request on its way to speech, and everything that closes with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from livekit.agents import APIError
from livekit.agents.types import NOT_GIVEN, USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import aio
from livekit.plugins import qwen3_tts

from .engines import sentence
from .record import Record

SAMPLE_RATE = 24_000
"""Hz, mono, 16 bits, as Qwen3-TTS speaks."""
FRAME_MS = 30
"""Milliseconds of a frame: the audio is cut into these, the last one filled up with silence."""
_FRAME = SAMPLE_RATE * FRAME_MS // 1000 * 2


@dataclass(frozen=True)
class Heard:
    """The words of the user's recording."""

    text: str


@dataclass(frozen=True)
class Said:
    """More of the reply's text."""

    text: str


@dataclass(frozen=True)
class Audio:
    """More of the reply's sound: one or more whole frames."""

    pcm: bytes


Event = Heard | Said | Audio


class Exchange:
    """A reply being written and spoken at once.

    Args:
        tts: Speaks the reply.
        text: The reply as it is written. It is closed with the exchange, which is what ends the
            language model's work.
        record: Where times and units are noted.
        voice: The speaker; the server's own if None.
        language: BCP-47 tag of the language; detected from the text if None.
        instructions: The manner of speaking, in words.
        on_done: Called once all of the reply has been made.
    """

    def __init__(
        self,
        tts: qwen3_tts.TTS,
        text: AsyncGenerator[Event, None],
        record: Record,
        *,
        voice: str | None = None,
        language: str | None = None,
        instructions: str | None = None,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_done = on_done
        self.record = record
        self.events: aio.Chan[Event] = aio.Chan()
        """What happens, in order; closed at the end, however that comes about."""
        self._text = text
        self._words: list[tuple[str, float]] = []
        self._carry = b""
        self._speech = tts.stream(
            voice=voice or NOT_GIVEN,
            language=language or NOT_GIVEN,
            instructions=instructions or NOT_GIVEN,
        )
        tts.on("unit_sent", self._unit_sent)
        self._task = asyncio.create_task(self._run(), name="bridge exchange")
        # A task that is cancelled before its first step runs no `finally`.
        self._task.add_done_callback(lambda _: self._ended())
        self._task.add_done_callback(lambda _: tts.off("unit_sent", self._unit_sent))

    async def stop(self) -> None:
        """End it now: on return the streams of the language model and the TTS are closed."""
        if not self._task.done():
            self.record.outcome = "stopped"
        await aio.cancel_and_wait(self._task)
        # What the task would have closed, had it begun.
        await self._speech.aclose()
        await self._text.aclose()

    def said(self, played: float | None = None) -> str:
        """The words that have been heard by now.

        Args:
            played: Seconds of audio that the client has played; by our own clock if None.
        """
        if played is None:
            played = self.record.since("t_first_audio_out") or 0.0
        return "".join(word for word, end in self._words if end <= played)

    async def _run(self) -> None:
        try:
            async with self._speech:
                writing = asyncio.create_task(self._write(), name="bridge text")
                try:
                    async for spoken in self._speech:
                        words = spoken.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT) or ()
                        self._words += [(str(w), float(w.end_time)) for w in words]
                        self._emit(bytes(spoken.frame.data))
                    await writing
                finally:
                    await aio.cancel_and_wait(writing)
            self._emit(b"\0" * (-len(self._carry) % _FRAME))
            self.record.outcome = "done"
            self._on_done()
        except APIError as e:
            self.record.outcome, self.record.error = "failed", sentence(e)
        finally:
            self._ended()

    def _ended(self) -> None:
        if not self.events.closed:
            if self.record.outcome == "running":
                self.record.outcome = "stopped"
            self.record.mark("t_done")
            self.events.close()

    async def _write(self) -> None:
        try:
            # Closed here, where closing may still await: that ends the model's stream.
            async with contextlib.aclosing(self._text) as text:
                async for event in text:
                    if isinstance(event, Said):
                        self.record.mark("t_first_text")
                        self.record.text += event.text
                        self._speech.push_text(event.text)
                    self.events.send_nowait(event)
        finally:
            # The TTS ends with what it has, even if the model has failed.
            self._speech.end_input()

    def _unit_sent(self, unit: qwen3_tts.UnitSent) -> None:
        if unit.stream is self._speech:
            self.record.unit(unit.text)

    def _emit(self, pcm: bytes) -> None:
        self._carry += pcm
        whole = len(self._carry) // _FRAME * _FRAME
        if whole:
            self.record.mark("t_first_audio_out")
            self.record.frames += whole // _FRAME
            self.events.send_nowait(Audio(self._carry[:whole]))
            self._carry = self._carry[whole:]
