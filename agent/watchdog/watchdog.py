"""The watchdog of a conversation: what it sees of the session, and what it does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Sequence
from contextlib import aclosing
from typing import Any, TypeVar

from livekit import rtc
from livekit.agents import (
    AgentSession,
    AgentStateChangedEvent,
    APIError,
    ErrorEvent,
    UserStateChangedEvent,
    stt,
    tts,
    vad,
)
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.utils import aio
from livekit.agents.voice.events import ToolCallEnded, ToolCallStarted, ToolExecutionUpdatedEvent
from livekit.plugins.turn_taking import TurnTakingAgent
from livekit.plugins.turn_taking.conduct.waiting import Pending, report
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from agent.languages import Language, Phrase
from agent.prerecorded import Prerecorded
from agent.settings import WatchdogSettings
from agent.telemetry.engines import Engine, FaultKind

from .ground import Ground
from .nodes import SILENCE, is_answer, shown, unsaid, until
from .policy import TOLERANCE, GivenUp, Late, Patience, TurnWatch
from .prompter import Prompter
from .trouble import Trouble

logger = logging.getLogger("parley")

Chunk = TypeVar("Chunk")

_RETRY_AFTER, _RETRY_AFTER_MOST = 0.5, 2.0
"""Seconds before a model that failed is asked again, doubled each time: its plugin has tried
several times by then, and the caller is told of the wait meanwhile."""


class Watchdog:
    """Watches the turns of one session; see :class:`.TurnWatch` for when it acts.

    It sees the model's and the voice's streams where the agent's nodes pass them through
    :meth:`answered` and :meth:`spoken`; of a session whose agents do not, it watches the recogniser
    alone.

    Args:
        settings: The ``watchdog`` section of the profile.
        session: The conversation, not started yet.
        ground: What holds it: its turn-taking.
        prerecorded: What it says.
        language: Tells which language is being spoken.
        room: Where to say it in words; None where nobody can read.
        threshold: Probability above which the detector is taken to hear the user's voice.
        phone: Whether the user is a caller, who cannot read.
        failed: Is told of an engine that keeps the user waiting, or has no answer.
    """

    def __init__(
        self,
        settings: WatchdogSettings,
        session: AgentSession[Any],
        ground: Ground,
        prerecorded: Prerecorded,
        language: Callable[[], Language],
        room: rtc.Room | None,
        *,
        threshold: float,
        phone: bool = False,
        failed: Callable[[Engine, FaultKind], None] = lambda *_: None,
    ) -> None:
        self._settings = settings
        self._failed = failed
        self._session = session
        self._ground = ground
        self._prompter = Prompter(session, ground, prerecorded, language, room)
        self._threshold = threshold
        self._reads = room is not None and not phone
        self._turn = TurnWatch(
            Patience(
                say_after=settings.say_after,
                repeat_after=settings.repeat_after,
                give_up_after=settings.give_up_after,
            )
        )
        self._trouble = Trouble(room)
        self._asking: set[asyncio.Event] = set()
        self._newest: asyncio.Event | None = None
        """The one of them that was asked last: what the policy knows is about this one."""
        self._voicing: dict[asyncio.Event, bool] = {}
        """Whether the voice was in trouble when it was asked, for each time that it is asked."""
        self._tools: set[str] = set()
        self._next: Phrase | None = None
        """What is to be said once the reply that is being given up is over."""
        self._failures = 0
        """Turns in a row that were given up."""
        self._voice_is_well = False
        self._leaves = False
        self._changed = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._leaving = Pending()
        self._no_more_voice = ground.microphone.listen(self._on_voice)
        ground.on("recognised", self._on_recognised)
        session.on("user_state_changed", self._on_user_state)
        session.on("agent_state_changed", self._on_agent_state)
        session.on("tool_execution_updated", self._on_tool)
        session.on("error", self._on_error)

    async def aclose(self) -> None:
        """Stop watching; may be called twice."""
        self._no_more_voice()
        if self._watching:
            await aio.cancel_and_wait(self._watching)
        await self._leaving.aclose()
        await self._prompter.aclose()
        await self._trouble.aclose()

    # --- The engines' streams

    async def answered(
        self, ask: Callable[[], AsyncGenerator[Chunk, None]]
    ) -> AsyncGenerator[Chunk, None]:
        """Pass on what the model writes; ask it again while it fails and the caller waits.

        Args:
            ask: Asks the model for the whole answer.
        """
        given_up = asyncio.Event()
        self._asking.add(given_up)
        self._newest = given_up
        self._note(lambda now: self._turn.asked(now))
        wait = _RETRY_AFTER
        begun = over = False
        try:
            while not given_up.is_set():
                try:
                    async with aclosing(ask()) as whole, aclosing(until(whole, given_up)) as chunks:
                        async for chunk in chunks:
                            if is_answer(chunk):
                                self._trouble.ends("llm")
                                begun = True
                                self._note(lambda now: self._turn.text(now), of=given_up)
                            yield chunk
                    break
                except APIError as e:
                    logger.warning("no answer", extra={"error": str(e), "begun": begun})
                    if begun:
                        self._note(lambda now: self._turn.broke_off(now), of=given_up)
                        self._give_up("llm")
                        break
                    if not e.retryable:
                        self._note(lambda _: self._turn.broken("llm"), of=given_up)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await given_up.wait()
                wait = min(wait * 2, _RETRY_AFTER_MOST)
            if begun and not given_up.is_set():
                self._trouble.ends("llm")
            over = True
        finally:
            self._asking.discard(given_up)
            # One that was interrupted ends when the next reply has been asked for.
            self._note(
                lambda _: self._turn.complete() if over else self._turn.dropped(), of=given_up
            )

    async def spoken(
        self,
        text: AsyncIterable[str],
        speak: Callable[[AsyncIterable[str]], AsyncGenerator[rtc.AudioFrame, None]],
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Pass on what the voice makes; if it fails, say so and show the words without a sound.

        Args:
            text: What is to be said.
            speak: Has the voice say it.
        """
        given_up = asyncio.Event()
        self._voicing[given_up] = "tts" in self._trouble
        reply = self._newest
        written: list[str] = []
        waiting: aio.Chan[str] = aio.Chan()

        async def read() -> None:
            # The rest of the text is still wanted when the voice has stopped reading it.
            try:
                async for piece in text:
                    if not written:
                        self._note(lambda now: self._turn.voicing(now))
                    written.append(piece)
                    waiting.send_nowait(piece)
            finally:
                waiting.close()

        reading = asyncio.create_task(read(), name="Watchdog.read")
        said, seconds, over = "", 0.0, False
        try:
            try:
                async with (
                    aclosing(speak(waiting)) as whole,
                    aclosing(until(whole, given_up)) as frames,
                ):
                    async for frame in frames:
                        if not seconds:
                            self._on_voiced()
                        self._on_frame(frame)
                        said += "".join(frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, []))
                        seconds += frame.duration
                        yield frame
                if not given_up.is_set():
                    # It may have gone on without a unit that could not be had.
                    if not said or not unsaid("".join(written), said):
                        if seconds:
                            self._trouble.ends("tts")
                        over = True
                        return
                    self._fail("tts")
            except APIError as e:
                logger.warning("no voice", extra={"error": str(e)})
                self._fail("tts")
            # What is written so far is shown while the prompt is heard, the rest after it.
            for whole_of_it in (False, True):
                if whole_of_it:
                    await self._rest(reading, written)
                words = unsaid("".join(written), said) or ""
                said += words
                if words:
                    yield shown(words, seconds)
                if not whole_of_it:
                    async for frame in self._prompter.frames(self._mute):
                        seconds += frame.duration
                        self._on_frame(frame)
                        yield frame
            over = True
        finally:
            del self._voicing[given_up]
            await aio.cancel_and_wait(reading)
            if not (over and seconds):
                self._note(lambda _: self._turn.dropped(), of=reply)

    async def _rest(self, reading: asyncio.Task[None], written: Sequence[str]) -> None:
        """Wait for the rest of a text whose voice was given up, for as long as it grows."""
        before = -1
        while not reading.done() and len(written) > before:
            before = len(written)
            await asyncio.wait((reading,), timeout=self._settings.give_up_after)
        if not reading.done():
            self._give_up("llm")
        await reading

    @property
    def _mute(self) -> Phrase:
        return "mute" if self._reads else "sorry"

    # --- What happens in the session

    def _note(self, what: Callable[[float], None], *, of: asyncio.Event | None = None) -> None:
        """Tell the policy, and look again; unless it is of a reply before the newest."""
        if of is not None and of is not self._newest:
            return
        what(asyncio.get_running_loop().time())
        self._changed.set()

    def _on_voiced(self) -> None:
        """Learn that the voice speaks."""
        self._trouble.ends("tts")
        self._voice_is_well = True
        if self._turn.replying:
            self._failures = 0

    def _on_frame(self, frame: rtc.AudioFrame) -> None:
        self._note(lambda now: self._turn.frame(now, frame.duration))

    def _on_voice(self, event: vad.VADEvent) -> None:
        detected = event.type is vad.VADEventType.INFERENCE_DONE
        if detected and event.probability >= self._threshold:
            self._turn.voice(asyncio.get_running_loop().time())

    def _on_recognised(self, event: stt.SpeechEvent) -> None:
        if event.type is stt.SpeechEventType.FINAL_TRANSCRIPT:
            words = bool(event.alternatives and event.alternatives[0].text)
            self._trouble.ends("stt")
            self._note(lambda now: self._turn.recognised(now, words=words))

    def _on_user_state(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._note(lambda _: self._turn.user_speaks())
        elif event.old_state == "speaking":
            # What is said over the agent may be nothing to be answered, and what screens calls or
            # asks for keys goes on by itself.
            heard = self._session.agent_state != "speaking" and isinstance(
                self._session.current_agent, TurnTakingAgent
            )
            self._note(lambda now: self._turn.user_stops(now, heard=heard))

    def _on_agent_state(self, event: AgentStateChangedEvent) -> None:
        if self._watching is None:
            self._watching = asyncio.create_task(self._watch(), name="Watchdog.watch")
            self._watching.add_done_callback(report)
        self._note(lambda _: self._turn.busy(event.new_state in ("thinking", "speaking")))
        if event.new_state == "listening":
            self._on_listening()

    def _on_tool(self, event: ToolExecutionUpdatedEvent) -> None:
        update = event.update
        if isinstance(update, ToolCallStarted):
            self._tools.add(update.function_call.call_id)
        elif isinstance(update, ToolCallEnded):
            self._tools.discard(update.call_id)
        else:
            return
        self._note(lambda now: self._turn.tool(now, runs=bool(self._tools)))

    def _on_error(self, event: ErrorEvent) -> None:
        match event.error:
            case tts.TTSError():
                # Where it failed before, too, nobody waits for all of its attempts again.
                for given_up, doubtful in self._voicing.items():
                    if doubtful:
                        given_up.set()
            case stt.STTError(recoverable=False):
                self._trouble.begins("stt")
                self._note(lambda _: self._turn.broken("stt"))

    # --- What is done about it

    async def _watch(self) -> None:
        await self._prompter.load()
        loop = asyncio.get_running_loop()
        while True:
            self._changed.clear()
            due = self._turn.due
            if due is None or due > loop.time() + TOLERANCE:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(due):
                        await self._changed.wait()
                continue
            if self._ground.sounding:
                self._turn.sounds(loop.time())
                await asyncio.sleep(SILENCE / SAMPLE_RATE)
                continue
            match self._turn.check(loop.time()):
                case Late(engine):
                    if engine:
                        self._failed(engine, "late")
                        self._trouble.begins(engine)
                    self._prompter.say_now("deaf" if engine == "stt" else "wait")
                case GivenUp(engine):
                    self._give_up(engine)

    def _give_up(self, engine: Engine) -> None:
        """End what an engine is asked for, and say that there is no answer."""
        self._fail(engine)
        if engine == "tts" and self._voicing:
            for given_up in self._voicing:
                given_up.set()
            return
        for given_up in self._asking:
            given_up.set()
        self._next = "again" if engine == "stt" else "sorry"
        if self._session.current_speech is None:
            self._on_listening()

    def _fail(self, engine: Engine) -> None:
        """Take down that there is no answer, or none that this user gets."""
        self._failed(engine, "given_up")
        self._trouble.begins(engine)
        if engine != "tts" or not self._reads:
            self._failures += 1
        logger.warning("a turn is given up", extra={"engine": engine, "in_a_row": self._failures})

    def _on_listening(self) -> None:
        """Say what was to be said when the reply is over; ask the voice for prompts otherwise."""
        phrase, self._next = self._next, None
        limit = self._settings.goodbye_after
        if self._leaves:
            return
        if limit and self._failures >= limit:
            self._leaves = True
            self._leaving.start(self._leave())
        elif phrase:
            self._prompter.say(phrase)
        elif self._settings.prerecord and self._voice_is_well:
            self._prompter.make()

    async def _leave(self) -> None:
        if speech := self._prompter.say("goodbye", interruptible=False):
            await speech
        self._session.shutdown(drain=False)
