"""One reply on its way from text to sound.

Text is cut into units; two of them at most are with the servers, the one being heard and the next,
which is asked for once the one before it sounds; their audio is joined into one stream, and each
word of it is timed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

from livekit.agents import APIError
from livekit.agents.types import TimedString
from livekit.agents.utils import aio

from .audio import Samples, UnitAudio, pause_after, silence
from .client import BYTES_PER_SECOND, SAMPLE_RATE, AlignedWord, OnWords
from .log import logger
from .measure import syllables
from .playback import Pace, Playback
from .segmenter import GATHER_PASSAGES, GATHER_SENTENCES, Segmenter
from .style import Style, StyleParser
from .timing import SpokenWord, WordTimer

# The unit being heard and the one after it: stage 0 of vllm-omni batches both.
_DEPTH = 2
# Words are handed out this long before they are heard, until the whole unit is known.
_WORDS_AHEAD = 2.0


class Sink(Protocol):
    """Where a reply goes; LiveKit's AudioEmitter is one."""

    def push(self, data: bytes) -> None:
        """Take PCM."""

    def push_timed_transcript(self, delta_text: list[TimedString]) -> None:
        """Take words, each of them a `SpokenWord`."""


Speak = Callable[[str, Style, OnWords | None], AsyncGenerator[bytes, None]]
"""Asks for the sound of a written text in a style, and for the times of its words if there is a
callback to take them."""


@dataclass
class _Unit:
    """A unit that was sent to a server, and its audio so far."""

    text: str
    style: Style
    seconds: float
    """The expected length."""
    resumed: bool = False
    """Whether it is the rest of a unit that broke off."""
    chunks: aio.Chan[bytes] = field(default_factory=aio.Chan)
    task: asyncio.Task[None] | None = None
    words: list[AlignedWord] = field(default_factory=list)
    asked_at: float = 0.0
    first_at: float | None = None
    """When its first audio came."""
    received: float = 0.0
    passed: float = 0.0
    """Seconds of the audio received that were passed on to be played."""

    def align(self, words: list[AlignedWord]) -> None:
        """Take the words that the server's forced aligner found."""
        self.words = words

    @property
    def sounds(self) -> bool:
        """Whether its first audio has come, or never will."""
        return self.first_at is not None or (self.task is not None and self.task.done())

    @property
    def outstanding(self) -> float:
        """Seconds of its audio that are still to be passed on, by the best estimate."""
        done = self.task is None or self.task.done()
        return (self.received if done else max(self.received, self.seconds)) - self.passed


class Reply:
    """The pipeline of one reply.

    Args:
        speak: Asks a server for a unit; called when the unit is sent, so that it sees the options
            of that moment.
        sink: Takes audio and timed words.
        pace: What is known of the server's and the voice's speed.
        max_ahead: Seconds of audio that may lie ahead of playback.
        aligner: Whether the server has a forced aligner.
        on_ask: Called as the first unit is sent.
        clock: Seconds on a clock that never steps back; the running loop's if None.
        heard: Seconds on the listener's clock, which stands still while playback does; `clock` if
            None.
    """

    def __init__(
        self,
        *,
        speak: Speak,
        sink: Sink,
        pace: Pace,
        max_ahead: float,
        aligner: bool = False,
        on_ask: Callable[[], None] = lambda: None,
        clock: Callable[[], float] | None = None,
        heard: Callable[[], float] | None = None,
    ) -> None:
        self._speak = speak
        self._sink = sink
        self._pace = pace
        self._max_ahead = max_ahead
        self._aligner = aligner
        self._on_ask = on_ask
        self._clock = clock or asyncio.get_running_loop().time
        self._playback = Playback(heard or self._clock)
        self._follows = heard is not None
        self._styles = StyleParser()
        self._spans: deque[tuple[Style, Segmenter]] = deque()
        self._first = True
        self._ended = False
        self._wake = asyncio.Event()
        self._count = 0  # of units asked for
        self._asked: deque[_Unit] = deque()  # the unit being played and those after it
        self._units: aio.Chan[_Unit] = aio.Chan()
        self._cut: _Unit | None = None  # cut, and waiting until it may be asked for
        self._began: float | None = None  # when the first audio was handed on
        self._held = 0.0  # how long it had been held
        self._second: _Unit | None = None
        self._pause = 0.0  # silence owed before the next unit

    # -- text in --

    def push(self, text: str) -> None:
        """Add text of the reply."""
        for part, style in self._styles.push(text):
            self._add(part, style)
        self._wake.set()

    def flush(self) -> None:
        """Speak what was pushed without waiting for more of its sentence."""
        if self._spans:
            self._spans[-1][1].end()
        self._wake.set()

    def end(self) -> None:
        """Mark the end of the text."""
        for part, style in self._styles.flush():
            self._add(part, style)
        self._ended = True
        self.flush()

    def _add(self, text: str, style: Style) -> None:
        if not self._spans or self._spans[-1][0] != style or self._spans[-1][1].ended:
            if self._spans:
                self._spans[-1][1].end()
            longest = max(12, int((self._max_ahead - 2.0) / self._pace.per_syllable))
            segmenter = Segmenter(starter=self._first, longest=min(60, longest))
            self._spans.append((style, segmenter))
            self._first = False
        self._spans[-1][1].push(text)

    # -- the pipeline --

    async def run(self) -> None:
        """Carry the reply to its end.

        Raises:
            APIError: A unit could not be spoken.
        """
        try:
            await run_together(self._ask(), self._play())
        finally:
            await aio.cancel_and_wait(*(u.task for u in self._asked if u.task))

    async def _ask(self) -> None:
        """Send units to the servers, no more and no earlier than needed."""
        try:
            while True:
                self._wake.clear()
                self._send()
                if self._ended and not self._spans and not self._cut:
                    return
                await self._woken()
        finally:
            self._units.close()

    def _send(self) -> None:
        """Send what may be sent now."""
        while unit := self._next_unit():
            self._count += 1
            if self._count == 1:
                self._on_ask()
            elif self._count == 2:
                self._second = unit
            self._start(unit)
            self._asked.append(unit)
            self._units.send_nowait(unit)

    async def _woken(self) -> None:
        """Wait for text, for a unit to end, or for the queue to shrink to the next mark."""
        ahead = self._ahead
        marks = [mark + 2 * self._pace.first_audio for mark in (GATHER_PASSAGES, GATHER_SENTENCES)]
        if self._cut:
            marks = [max(0.0, self._max_ahead - self._cut.seconds)]
        lower = max((mark for mark in marks if mark < ahead), default=None)
        wait = None
        if len(self._asked) < _DEPTH and lower is not None:
            # Half a second at most: a unit's expected length is corrected as it arrives.
            wait = min(0.5, max(0.02, ahead - lower))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    @property
    def _ahead(self) -> float:
        """Seconds of audio ahead of playback, including what is still to come from the servers."""
        return self._playback.ahead + sum(unit.outstanding for unit in self._asked)

    def _next_unit(self) -> _Unit | None:
        """Return the unit to send now, if there is one."""
        # Not before the last one sounds: the server's first step is what the listener waits for.
        if len(self._asked) >= _DEPTH or (self._asked and not self._asked[-1].sounds):
            return None
        ahead = self._ahead
        while self._cut is None and self._spans:
            style, segmenter = self._spans[0]
            # What is queued counts only as far as it outlasts the wait for the next unit.
            text = segmenter.take(max(0.0, ahead - 2 * self._pace.first_audio))
            if text is not None:
                self._cut = _Unit(text, style, self._pace.seconds(syllables(text)))
            elif segmenter.ended:
                self._spans.popleft()
            else:
                break
        unit = self._cut
        if unit and (ahead + unit.seconds <= self._max_ahead or not ahead):
            self._cut = None
            return unit
        return None

    def _start(self, unit: _Unit) -> None:
        # With an aligner no byte is sent before the whole unit is made: only if that is in time.
        whole = self._aligner and self._pace.whole(unit.seconds) < self._ahead
        chunks = self._speak(unit.text, unit.style, unit.align if whole else None)
        unit.asked_at = self._clock()
        unit.task = asyncio.create_task(self._fetch(unit, chunks, whole), name="qwen3_tts unit")
        # A unit that nobody waits for any more may fail in silence.
        unit.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _fetch(self, unit: _Unit, chunks: AsyncGenerator[bytes, None], whole: bool) -> None:
        arrivals: list[tuple[float, float]] = []
        try:
            async with contextlib.aclosing(chunks):
                async for pcm in chunks:
                    seconds = len(pcm) / BYTES_PER_SECOND
                    arrivals.append((self._clock(), seconds))
                    unit.received += seconds
                    if unit.first_at is None:
                        unit.first_at = self._clock()
                        # Before the audio is passed on: whoever holds it knows what comes next.
                        self._wake.set()
                    unit.chunks.send_nowait(pcm)
            if not whole:
                self._pace.arrived(unit.asked_at, arrivals)
        finally:
            unit.chunks.close()
            self._wake.set()

    # -- sound out --

    async def _play(self) -> None:
        async for unit in self._units:
            await self._play_unit(unit)
            self._asked.popleft()
            self._wake.set()
        if not self._playback.pushed:
            # LiveKit takes a reply without audio for a failure, but a reply of emoji has none.
            self._emit(silence(0.02))

    async def _play_unit(self, unit: _Unit) -> None:
        assert unit.task is not None
        audio = UnitAudio(pause_after(unit.text))
        timer: WordTimer | None = None
        async for pcm in unit.chunks:
            samples = audio.push(pcm)
            unit.passed += len(pcm) / BYTES_PER_SECOND
            if not samples.size:
                continue
            if timer is None:
                await self._hold(unit)
                self._emit(silence(max(0.0, self._pause - self._playback.idle)))
                timer = WordTimer(unit.text, self._position, self._pace.per_syllable)
            elif self._follows:
                timer.push(silence(self._playback.idle))
            timer.push(samples)
            if not unit.task.done():  # otherwise the words can wait for the whole unit
                self._say(timer.due(self._position + self._soon(samples)))
            self._emit(samples)
        broken = await _failure(unit.task)
        if broken and (unit.resumed or not unit.received):
            raise broken
        end = audio.finish()
        if timer is None:
            at = self._position
            rest = unit.text
            if not broken:
                self._say([SpokenWord(rest, start_time=at, end_time=at)])
                self._pause = max(self._pause, audio.rest)
                return
        else:
            timer.push(end)
            timer.align(unit.words, audio.skipped)
            if broken:
                self._say(timer.due(self._position + end.size / SAMPLE_RATE))
            else:
                self._say(timer.finish())
                self._pace.spoke(timer.total_syllables, timer.sound)
            self._emit(end)
            rest = timer.rest
        self._pause = audio.rest if not broken else 0.0
        if len(self._asked) > 1:
            # Played now rather than when the next unit begins, the pause does not run playback dry.
            self._emit(silence(self._pause))
            self._pause = 0.0
        if broken and rest:
            logger.warning(
                "unit broke off, going on from its last word", extra={"error": str(broken)}
            )
            again = _Unit(rest, unit.style, self._pace.seconds(syllables(rest)), resumed=True)
            self._start(again)
            self._asked[0] = again
            await self._play_unit(again)

    async def _hold(self, unit: _Unit) -> None:
        """Hold a unit's first audio until it will not run dry, if the server is slow."""
        assert unit.task is not None
        assert unit.first_at is not None
        delay = self._pace.start_delay(unit.seconds) - (self._clock() - unit.first_at)
        # What is still being played covers the delay, or else the pause before the unit grows.
        if delay > self._playback.ahead and not unit.task.done():
            await asyncio.wait({unit.task}, timeout=delay)
        if self._began is None:
            # A starter is over soon: hold it, too, until the unit behind it will be in time.
            if len(self._asked) > 1:
                await asyncio.sleep(self._pace.join_delay() - (self._clock() - unit.first_at))
            self._began = self._clock()
            self._held = self._began - unit.first_at
        elif unit is self._second and unit.asked_at <= self._began:
            late = self._playback.idle - self._playback.ahead - self._pause
            self._pace.joined(self._held + late)

    @property
    def _position(self) -> float:
        """When what is emitted now will be heard, in seconds since the first audio was heard.

        LiveKit shows words by a clock that goes on when playback runs dry. Without the listener's
        time a hole cannot be told from a pause, in which that clock stands still.
        """
        return self._playback.position if self._follows else self._playback.pushed

    def _soon(self, samples: Samples) -> float:
        """Seconds from now in which words are due: those of the audio, but not too far ahead."""
        return min(samples.size / SAMPLE_RATE, _WORDS_AHEAD - self._playback.ahead)

    def _emit(self, samples: Samples) -> None:
        if samples.size:
            self._sink.push(samples.astype("<i2").tobytes())
            self._playback.push(samples.size / SAMPLE_RATE)

    def _say(self, words: list[SpokenWord]) -> None:
        if self._follows:
            for word in words:
                word.dry = self._playback.dry_before(word.end_time)
        if words:
            self._sink.push_timed_transcript([*words])


async def _failure(task: asyncio.Task[None]) -> APIError | None:
    """Wait for a unit's task, and return why it failed; None if it did not."""
    try:
        await task
    except APIError as e:
        return e
    return None


async def run_together(*parts: Coroutine[Any, Any, None]) -> None:
    """Run coroutines until all have ended or one has failed, which ends the others too."""
    tasks = [asyncio.ensure_future(part) for part in parts]
    try:
        await asyncio.gather(*tasks)
    finally:
        await aio.cancel_and_wait(*tasks)
