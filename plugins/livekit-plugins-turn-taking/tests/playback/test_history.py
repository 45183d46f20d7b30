"""What a session remembers of replies that were cut, and how they go on; without a room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions, tts
from livekit.agents.llm import ChatContext, ChatMessage
from livekit.agents.types import TimedString
from livekit.agents.voice import io
from livekit.plugins.turn_taking import Floor, TurnTakingAgent
from livekit.plugins.turn_taking.agent import CUT, show_cuts

RATE = 24_000
WORD = 0.1


class Voice(tts.TTS[str]):
    """Says each word in a tenth of a second."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=RATE,
            num_channels=1,
        )
        self.said: list[str] = []

    def synthesize(self, text: str, **_: object) -> tts.ChunkedStream:
        raise NotImplementedError

    def stream(
        self, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.SynthesizeStream:
        return Stream(tts=self, conn_options=conn_options)


class Stream(tts.SynthesizeStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="r", sample_rate=RATE, num_channels=1, mime_type="audio/pcm", stream=True
        )
        output_emitter.start_segment(segment_id="s")
        text = "".join([d async for d in self._input_ch if isinstance(d, str)])
        assert isinstance(self._tts, Voice)
        self._tts.said.append(text)
        self._mark_started()
        for i, word in enumerate(text.split()):
            output_emitter.push_timed_transcript(
                TimedString(f"{word} ", start_time=i * WORD, end_time=(i + 1) * WORD)
            )
            output_emitter.push(np.full(int(WORD * RATE), 999, np.int16).tobytes())
        output_emitter.end_segment()


class Output(io.AudioOutput):
    """Plays nothing, and is where a test says it is."""

    def __init__(self) -> None:
        super().__init__(
            label="test", capabilities=io.AudioOutputCapabilities(pause=True), sample_rate=RATE
        )
        self.position = self.captured = 0.0
        self.playing = asyncio.Event()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.captured += frame.duration
        if not self.playing.is_set():
            self.captured = frame.duration
            self.playing.set()
            self.on_playback_started(created_at=0.0)

    def flush(self) -> None:
        super().flush()

    def clear_buffer(self) -> None:
        self._finish(interrupted=True)

    def end(self) -> None:
        self._finish(interrupted=False)

    def _finish(self, *, interrupted: bool) -> None:
        if self.playing.is_set():
            self.playing.clear()
            # What captions were sent, in LiveKit's own time.
            self.on_playback_finished(
                playback_position=self.position,
                interrupted=interrupted,
                synchronized_transcript="One ",
            )


class Conversation:
    def __init__(self) -> None:
        self.voice = Voice()
        self.floor = Floor(None, tts=self.voice)
        self.session = self.floor.session
        # What barge-in acts on.
        self.speech = self.floor._speech
        self.output = Output()
        self.session.output.audio = self.output

    async def cut(self, text: str, position: float) -> None:
        """Have a text said, and stop it after so many seconds."""
        speech = self.session.say(text)
        await self.made(text)
        self.output.position = position
        assert self.speech.stop()
        await speech

    async def made(self, text: str) -> None:
        """Wait until all of a text has sound."""
        await self.output.playing.wait()
        while self.output.captured < len(text.split()) * WORD - 0.01:
            await asyncio.sleep(0.01)

    @property
    def history(self) -> list[tuple[str, bool]]:
        return [(m.text_content or "", m.interrupted) for m in self.session.history.messages()]


@pytest.fixture
async def conversation() -> AsyncIterator[Conversation]:
    conversation = Conversation()
    async with conversation.session:
        await conversation.session.start(TurnTakingAgent(conversation.floor, instructions=""))
        yield conversation


async def test_history_holds_the_words_that_were_heard(conversation: Conversation) -> None:
    await conversation.cut("One two three four five.", 0.31)
    assert conversation.history == [("One two three", True)]


async def test_a_stop_taken_back_goes_on_with_the_word_that_was_cut(
    conversation: Conversation,
) -> None:
    await conversation.cut("One two three four five.", 0.24)
    conversation.speech.resume()
    await conversation.made("three four five.")
    conversation.output.end()
    await conversation.session.wait_for_idle()
    assert conversation.voice.said == ["One two three four five.", "three four five."]
    assert conversation.history == [("One two", False), ("three four five. ", False)]


async def test_it_goes_on_only_once(conversation: Conversation) -> None:
    await conversation.cut("One two three.", 0.1)
    conversation.speech.resume()
    await conversation.made("two three.")
    conversation.output.end()
    conversation.speech.resume()
    await conversation.session.wait_for_idle()
    assert len(conversation.voice.said) == 2


async def test_speech_that_allows_no_interruption_is_not_stopped(
    conversation: Conversation,
) -> None:
    assert not conversation.speech.stop()  # nothing is said
    speech = conversation.session.say("One two.", allow_interruptions=False)
    await conversation.output.playing.wait()
    assert not conversation.speech.stop()
    conversation.output.end()
    await speech
    assert not speech.interrupted


def test_the_model_sees_where_a_reply_was_cut_and_the_history_does_not_change() -> None:
    history = ChatContext(
        [
            ChatMessage(role="user", content=["Where?"]),
            ChatMessage(role="assistant", content=["By the "], interrupted=True),
            ChatMessage(role="assistant", content=["By the river."]),
        ]
    )
    shown = show_cuts(history)
    assert [m.text_content for m in shown.messages()] == ["Where?", f"By the{CUT}", "By the river."]
    assert history.messages()[1].text_content == "By the "
