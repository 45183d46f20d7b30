"""One reply on its way from text to sound.

Text is cut into units; two of them at most are with the servers, the one being heard and the next,
which is asked for once the one before it sounds; their audio is joined into one stream, and each
word of it is timed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, Callable

from livekit.agents import APIError, APIStatusError
from livekit.agents.utils import aio

from .audio import Samples, UnitAudio, pause_after, silence
from .client import BYTES_PER_SECOND, SAMPLE_RATE
from .concurrency import failure, run_together
from .log import logger
from .measure import syllables
from .patience import Patience
from .playback import Pace, Playback
from .script import Script
from .segmenter import GATHER_PASSAGES, GATHER_SENTENCES
from .timing import SpokenWord, WordTimer
from .unit import Sink, Speak, Unit
from .voice import is_about_the_text

# The unit being heard and the one after it: stage 0 of vllm-omni batches both.
_DEPTH = 2
# Words are handed out this long before they are heard, until the whole unit is known.
_WORDS_AHEAD = 2.0
# A model that writes no more for so long has stopped, be it for good: a token takes a tenth of it.
_HESITATION = 0.6
# Shares of the expected sound from which a unit that broke off counts as said: by its length alone,
# and if silence of so many seconds followed.
_SAID = 0.9
_NEARLY_SAID = 0.6
_ROOM_TONE = 0.5


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
        on_lost: Called at the end for each unit, or rest of one, that was left out of a reply that
            was spoken, with the reason.
        patience: How often what broke off is asked for again; once if None.
        measure: Syllables of what is spoken for a unit that was sent.
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
        on_lost: Callable[[APIError], None] = lambda _: None,
        patience: Patience | None = None,
        measure: Callable[[str], int] = syllables,
        clock: Callable[[], float] | None = None,
        heard: Callable[[], float] | None = None,
    ) -> None:
        self._speak = speak
        self._sink = sink
        self._pace = pace
        self._max_ahead = max_ahead
        self._aligner = aligner
        self._on_ask = on_ask
        self._on_lost = on_lost
        self._patience = patience or Patience()
        self._measure = measure
        self._lost: list[APIError] = []  # why units were left out
        self._lost_in_a_row = 0
        self._clock = clock or asyncio.get_running_loop().time
        self._playback = Playback(heard or self._clock)
        self._follows = heard is not None
        self._script = Script(self._longest)
        self._pushed_at = 0.0
        self._wake = asyncio.Event()
        self._count = 0  # of units asked for
        self._asked: deque[Unit] = deque()  # the unit being played and those after it
        self._units: aio.Chan[Unit] = aio.Chan()
        self._cut: Unit | None = None  # cut, and waiting until it may be asked for
        self._began: float | None = None  # when the first audio was handed on
        self._held = 0.0  # how long it had been held
        self._second: Unit | None = None
        self._pause = 0.0  # silence owed before the next unit

    def push(self, text: str) -> None:
        """Add text of the reply."""
        self._script.push(text)
        self._pushed_at = self._clock()
        self._wake.set()

    def flush(self) -> None:
        """Speak what was pushed without waiting for more of its sentence."""
        self._script.flush()
        self._wake.set()

    def end(self) -> None:
        """Mark the end of the text."""
        self._script.end()
        self._wake.set()

    def _longest(self) -> int:
        """Return the length of the longest unit, in Chinese characters."""
        return min(60, max(12, int((self._max_ahead - 2.0) / self._pace.per_syllable)))

    async def run(self) -> None:
        """Carry the reply to its end.

        Raises:
            APIError: Nothing could be spoken, or two units in a row could not.
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
                if self._script.done and not self._cut:
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
        if self._script.stuck and not self._cut:
            due = max(self._pushed_at + _HESITATION - self._clock(), ahead - GATHER_SENTENCES)
            if due <= 0:
                self._script.flush()
                return
            wait = due if wait is None else min(wait, due)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._wake.wait()

    @property
    def _ahead(self) -> float:
        """Seconds of audio ahead of playback, including what is still to come from the servers."""
        return self._playback.ahead + sum(unit.outstanding for unit in self._asked)

    def _next_unit(self) -> Unit | None:
        """Return the unit to send now, if there is one."""
        # Not before the last one sounds: the server's first step is what the listener waits for.
        if len(self._asked) >= _DEPTH or (self._asked and not self._asked[-1].sounds):
            return None
        ahead = self._ahead
        if self._cut is None:
            # What is queued counts only as far as it outlasts the wait for the next unit.
            piece = self._script.take(max(0.0, ahead - 2 * self._pace.first_audio))
            if piece:
                self._cut = Unit(*piece, self._pace.seconds(syllables(piece.text)))
        unit = self._cut
        if unit and (ahead + unit.seconds <= self._max_ahead or not ahead):
            self._cut = None
            return unit
        return None

    def _start(self, unit: Unit) -> None:
        # An aligner sees the whole unit before the first byte is sent: only if that is soon enough.
        whole = self._aligner and self._pace.whole(unit.seconds) < self._ahead
        chunks = self._speak(unit.text, unit.before, unit.style, unit.align if whole else None)
        unit.asked_at = self._clock()
        unit.task = asyncio.create_task(self._fetch(unit, chunks, whole), name="qwen3_tts unit")
        # A unit that nobody waits for any more may fail in silence.
        unit.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _fetch(self, unit: Unit, chunks: AsyncGenerator[bytes, None], whole: bool) -> None:
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
            if self._lost:
                raise self._lost[-1]
            # LiveKit takes a reply without audio for a failure; one of emoji has none to make.
            self._emit(silence(0.02))
        for error in self._lost:
            self._on_lost(error)

    async def _play_unit(self, unit: Unit) -> None:
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
        broken = await failure(unit.task)
        if broken and timer is not None and self._is_said(unit, timer):
            # A voice that found no end ran on until its budget broke it off.
            logger.warning("unit broke off after its words", extra={"error": str(broken)})
            broken = None
        if broken and not unit.received:
            await self._go_on(unit, unit.text, broken)
            return
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
                self._lost_in_a_row = 0
                self._patience.renew()
                self._pace.spoke(timer.total_syllables, timer.sound)
            self._emit(end)
            rest = timer.rest
        self._pause = audio.rest if not broken else 0.0
        if len(self._asked) > 1:
            # Played now rather than when the next unit begins, the pause does not run playback dry.
            self._emit(silence(self._pause))
            self._pause = 0.0
        if broken and rest:
            await self._go_on(unit, rest, broken)

    async def _go_on(self, unit: Unit, rest: str, error: APIError) -> None:
        """Play the rest of a unit that broke off, or leave it out if it cannot be had."""
        gained = rest != unit.text
        pause = self._patience.before(unit, error, gained=gained, heard=self._playback.pushed > 0)
        if pause is None:
            self._leave_out(error)
            return
        logger.warning(
            "unit broke off, going on from its last word",
            extra={"error": str(error), "pause": pause},
        )
        await asyncio.sleep(pause)
        before = unit.before + unit.text.removesuffix(rest)
        seconds = self._pace.seconds(syllables(rest))
        again = Unit(rest, before, unit.style, seconds, resumed=not gained)
        self._start(again)
        self._asked[0] = again
        await self._play_unit(again)

    def _is_said(self, unit: Unit, timer: WordTimer) -> bool:
        """Whether a unit that broke off already is as long as its text needs."""
        needed = self._pace.seconds(max(self._measure(unit.text), timer.total_syllables))
        if timer.sound >= _SAID * needed:
            return True
        # Room tone after the words: nothing more was coming.
        return timer.sound >= _NEARLY_SAID * needed and timer.trailing_silence >= _ROOM_TONE

    def _leave_out(self, error: APIError) -> None:
        """Go on without a unit, or the rest of one, that failed for good.

        Raises:
            APIError: The next one will fail, too.
        """
        self._lost.append(error)
        about_server = not is_about_the_text(error)
        self._lost_in_a_row += about_server
        status = isinstance(error, APIStatusError) and error.status_code >= 500
        hopeless = about_server and not status and not self._playback.pushed
        if hopeless or self._lost_in_a_row > 1:
            raise error
        logger.warning("unit left out of the reply", extra={"error": str(error)})

    async def _hold(self, unit: Unit) -> None:
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
