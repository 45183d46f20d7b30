"""Speech to speech with Qwen3-Omni on vllm-omni: an experiment (configs/experimental-omni.yaml).

LiveKit's realtime model over ``/v1/realtime`` of vllm-omni 0.30. That is not OpenAI's protocol, so
LiveKit's OpenAI plugin cannot speak it: a client names the model, sends PCM at 16 kHz and a commit,
and gets the words and the sound of the answer. There are no instructions, no history, no tools and
no cancel. Each turn therefore has a connection of its own, and closing it is what stops an answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from typing import Any, Literal, Never

import numpy as np
import numpy.typing as npt
from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    Agent,
    AgentSession,
    APIError,
    JobContext,
    NotGivenOr,
    inference,
    llm,
    utils,
    vad,
)
from livekit.agents.utils import aio
from livekit.plugins.turn_taking.playback.sink import SAMPLE_RATE

from .ending import end_with
from .engine_settings import Engine
from .languages import Language
from .omni_server import BYTES_PER_SECOND, HEARD_AT, OmniServer
from .prerecorded import Prerecorded
from .settings import Settings
from .telemetry import Fault, prometheus
from .watchdog import OneModelWatchdog

# What the model may hear of before the moment in which speech was noticed. Seconds.
_LEAD = 1.5
_LONGEST_TURN = 60.0


async def converse(
    ctx: JobContext, engine: Engine, settings: Settings, language: Language, *, phone: bool
) -> None:
    """Hold a conversation in a room with one model that hears and speaks.

    Args:
        ctx: The job.
        engine: The model.
        settings: The profile.
        language: In which it is said that the model fails.
        phone: Whether the user is a caller by phone.
    """
    turns = settings.turns
    model = OmniModel(engine)
    ctx.add_shutdown_callback(model.aclose)
    session = AgentSession[None](
        llm=model,
        vad=inference.VAD(model="silero", min_silence_duration=turns.min_silence),
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"min_delay": turns.min_delay, "max_delay": turns.max_delay},
            "interruption": {"mode": "vad", "min_duration": turns.min_interruption},
        },
    )
    end_with(session, ctx)
    model.watchdog = OneModelWatchdog(
        settings.watchdog,
        session,
        model.ground,
        Prerecorded(settings.tts),
        lambda: language,
        ctx.room,
        threshold=turns.vad_threshold,
        phone=phone,
        failed=lambda failed, kind: prometheus.observe(Fault("", failed, kind, None)),
    )
    ctx.add_shutdown_callback(model.watchdog.aclose)
    await session.start(
        Agent(instructions=""),
        room=ctx.room,
        session_host=False,  # as in agent/session.py
        record=False,
    )


class OmniModel(llm.RealtimeModel):
    """Qwen3-Omni behind vllm-omni.

    Args:
        engine: Where the server is; it is asked for its model when none is named.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            capabilities=llm.RealtimeCapabilities(
                message_truncation=False,
                turn_detection=False,
                user_transcription=False,
                auto_tool_reply_generation=False,
                audio_output=True,
                manual_function_calls=False,
            )
        )
        self._server = OmniServer(engine)
        self.ground = _Ground()
        """What a watchdog needs."""
        self.watchdog: OneModelWatchdog | None = None
        """Watches the turns, if there is one."""

    @property
    def model(self) -> str:
        """The model's name, once it is known."""
        return self._server.model or "unknown"

    @property
    def provider(self) -> str:
        """The provider's name in LiveKit's metrics."""
        return "vllm-omni"

    def session(self, *, turn_detection_disabled: bool = False) -> OmniSession:
        """A conversation; the server never decides about turns anyway."""
        return OmniSession(self)

    def answers(
        self, turn: bytes, answer: _Answer, on_sent: Callable[[], None]
    ) -> AsyncGenerator[str | rtc.AudioFrame, None]:
        """The answer to a turn, asked for again while it fails and the user waits.

        Without a watchdog it is asked for once.

        Args:
            turn: What was heard: PCM16, mono, at 16 kHz.
            answer: What takes it.
            on_sent: Called when it may be waited for.
        """
        self.ground.answer = answer
        if self.watchdog is None:
            return self._server.ask(turn, on_sent)
        on_sent()  # what is said meanwhile is heard in it
        return self.watchdog.made(lambda: self._server.ask(turn, lambda: None))

    async def aclose(self) -> None:
        """Close every connection to the server; may be called twice."""
        await self._server.aclose()


class OmniSession(llm.RealtimeSession[Never]):
    """One conversation, of which the server remembers nothing."""

    def __init__(self, model: OmniModel) -> None:
        super().__init__(model)
        self._omni = model
        self._chat_ctx = llm.ChatContext.empty()
        self._heard = bytearray()
        self._speaking = False
        self._turn = b""
        self._resampler: rtc.AudioResampler | None = None
        self._answering: asyncio.Task[None] | None = None

    @property
    def chat_ctx(self) -> llm.ChatContext:
        """What LiveKit says was said."""
        return self._chat_ctx.copy()

    @property
    def tools(self) -> llm.ToolContext:
        """None: the server takes no tools."""
        return llm.ToolContext.empty()

    async def update_instructions(self, instructions: str) -> None:
        """Ignored: the server takes none."""

    async def update_chat_ctx(self, chat_ctx: llm.ChatContext) -> None:
        """Kept for LiveKit; the server has no history."""
        self._chat_ctx = chat_ctx.copy()

    async def update_tools(self, tools: list[llm.Tool]) -> None:
        """Ignored: the server takes none."""

    def update_options(self, *, tool_choice: NotGivenOr[llm.ToolChoice | None] = NOT_GIVEN) -> None:
        """Ignored: there are no tools to choose from."""

    def start_user_activity(self) -> None:
        """Speech was noticed: forget the silence before it."""
        if not self._speaking:
            self._speaking = True
            del self._heard[: -int(_LEAD * BYTES_PER_SECOND)]

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Take what the microphone hears."""
        if self._resampler is None:
            self._resampler = rtc.AudioResampler(
                frame.sample_rate, HEARD_AT, num_channels=frame.num_channels
            )
        for resampled in self._resampler.push(frame):
            self._heard += utils.combine_frames(resampled).data.tobytes()
        del self._heard[: -int(_LONGEST_TURN * BYTES_PER_SECOND)]

    def push_video(self, frame: rtc.VideoFrame) -> None:
        """Ignored: only sound is sent."""

    def commit_audio(self) -> None:
        """The turn is over: what was heard is what will be answered."""
        self._turn = bytes(self._heard)
        self.clear_audio()

    def clear_audio(self) -> None:
        """Forget what was heard."""
        self._heard.clear()
        self._speaking = False

    def generate_reply(
        self,
        *,
        instructions: NotGivenOr[str] = NOT_GIVEN,
        tool_choice: NotGivenOr[llm.ToolChoice] = NOT_GIVEN,
        tools: NotGivenOr[list[llm.Tool]] = NOT_GIVEN,
    ) -> asyncio.Future[llm.GenerationCreatedEvent]:
        """Answer the committed turn; without one there is nothing that this server could answer."""
        created = asyncio.get_running_loop().create_future()
        turn, self._turn = self._turn, b""
        if not turn:
            created.set_exception(llm.RealtimeError("The model answers speech, nothing else."))
            return created
        self.interrupt()
        self._answering = asyncio.create_task(self._answer(turn, created), name="omni.answer")
        return created

    def interrupt(self) -> None:
        """Stop the answer, on the server too."""
        if self._answering is not None:
            self._answering.cancel()

    def truncate(
        self,
        *,
        message_id: str,
        modalities: list[Literal["text", "audio"]],
        audio_end_ms: int,
        audio_transcript: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Ignored: the server does not know what it has said."""

    async def aclose(self) -> None:
        """Stop the answer and wait until its connection is closed; may be called twice."""
        if self._answering is not None:
            await aio.cancel_and_wait(self._answering)

    async def _answer(
        self, turn: bytes, created: asyncio.Future[llm.GenerationCreatedEvent]
    ) -> None:
        answer = _Answer()

        def begin() -> None:
            if not created.done():
                created.set_result(answer.created())

        try:
            async with contextlib.aclosing(self._omni.answers(turn, answer, begin)) as pieces:
                async for piece in pieces:
                    answer.take(piece)
        except APIError as e:
            error = llm.RealtimeError(f"vllm-omni gave no whole answer: {e.message}")
            if created.done():
                self._report(error)
            else:
                created.set_exception(error)
        finally:
            answer.close()
            created.cancel()

    def _report(self, error: llm.RealtimeError) -> None:
        self.emit(
            "error",
            llm.RealtimeModelError(
                timestamp=time.time(), label=self._omni.label, error=error, recoverable=True
            ),
        )


class _Answer:
    """What LiveKit plays and shows, filled from the server's events."""

    def __init__(self) -> None:
        self._words = aio.Chan[str]()
        self._sound = aio.Chan[rtc.AudioFrame]()

    def created(self) -> llm.GenerationCreatedEvent:
        """The generation, with its one message and no tool calls."""
        messages, functions = aio.Chan[llm.MessageGeneration](), aio.Chan[llm.FunctionCall]()
        modalities: asyncio.Future[list[Literal["text", "audio"]]]
        modalities = asyncio.get_running_loop().create_future()
        modalities.set_result(["audio", "text"])
        messages.send_nowait(
            llm.MessageGeneration(utils.shortuuid("omni_"), self._words, self._sound, modalities)
        )
        messages.close()
        functions.close()
        return llm.GenerationCreatedEvent(messages, functions, user_initiated=True)

    def take(self, piece: str | rtc.AudioFrame) -> None:
        """Take words, or sound; there may be no more room for them once it is closed."""
        with contextlib.suppress(aio.ChanClosed):
            if isinstance(piece, str):
                self._words.send_nowait(piece)
            else:
                self._sound.send_nowait(piece)

    def close(self) -> None:
        """Close both streams: no more comes."""
        self._words.close()
        self._sound.close()


class _Ground:
    """A conversation whose turn-taking is LiveKit's, for the watchdog."""

    sounding = False
    """LiveKit's output does not say."""

    def __init__(self) -> None:
        self.answer: _Answer | None = None
        """The latest."""

    @property
    def microphone(self) -> _Ground:
        """Nobody tells of the user's voice but LiveKit."""
        return self

    def listen(self, _: Callable[[vad.VADEvent], None]) -> Callable[[], None]:
        """There is no voice to be told of."""
        return lambda: None

    def on(self, event: Any, callback: Any = None, /) -> None:
        """Nothing is ``recognised``: the model says no word of what it hears."""

    def say_aside(self, sound: npt.NDArray[np.int16], text: str, /) -> bool:
        """Have a sound heard within the answer that is waited for."""
        if self.answer is None:
            return False
        self.answer.take(rtc.AudioFrame(sound.tobytes(), SAMPLE_RATE, 1, len(sound)))
        return True
