"""What a session remembers of replies that were cut, and how they go on; without a room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectOptions,
    FlushSentinel,
    function_tool,
    llm,
    tts,
)
from livekit.agents.llm import ChatContext, ChatMessage, ChoiceDelta, FunctionToolCall
from livekit.agents.types import TimedString
from livekit.agents.voice import io
from livekit.agents.voice.transcription import TranscriptSynchronizer
from livekit.plugins.turn_taking import Floor, TurnTakingAgent
from livekit.plugins.turn_taking.agent import CUT, show_cuts

RATE = 24_000
WORD = 0.1
CAPTIONS = "Other words "
"""What an output takes for heard."""


class Voice(tts.TTS[str]):
    """Says each word in a tenth of a second."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=RATE,
            num_channels=1,
        )
        self.said: list[str] = []
        self.timed = True

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
            if self._tts.timed:
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
            self.on_playback_finished(
                playback_position=self.position,
                interrupted=interrupted,
                synchronized_transcript=CAPTIONS,
            )


class Model(llm.LLM[str]):
    def chat(self, **_: object) -> llm.LLMStream:
        raise NotImplementedError


Answer = str | FlushSentinel | FunctionToolCall


class Assistant(TurnTakingAgent):
    """Answers each request with the next of its answers, piece by piece."""

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor, instructions="")
        self.answers: list[list[Answer]] = []

    @function_tool
    async def look(self) -> str:
        """Look it up."""
        return "found"

    async def llm_node(self, *_: Any) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        for piece in self.answers.pop(0):
            if isinstance(piece, FunctionToolCall):
                delta = ChoiceDelta(role="assistant", tool_calls=[piece])
                yield llm.ChatChunk(id="chunk", delta=delta)
            else:
                yield piece


class Conversation:
    def __init__(self) -> None:
        self.voice = Voice()
        self.floor = Floor(None, llm=Model(), tts=self.voice)
        self.session = self.floor.session
        self.agent = Assistant(self.floor)
        # What barge-in acts on.
        self.speech = self.floor._speech
        self.output = Output()
        self.session.output.audio = self.output

    async def cut(self, text: str, position: float) -> None:
        """Have a text said, and stop it after so many seconds."""
        speech = self.session.say(text)
        await self.stop(text, position)
        await speech

    async def stop(self, text: str, position: float) -> None:
        """Stop a text that is being said, after so many seconds."""
        await self.made(text)
        self.output.position = position
        assert self.speech.stop()

    async def made(self, text: str) -> None:
        """Wait until all of a text has sound."""
        await self.output.playing.wait()
        while self.output.captured < len(text.split()) * WORD - 0.01:
            await asyncio.sleep(0.01)

    @property
    def history(self) -> list[tuple[str, bool]]:
        return [(m.text_content or "", m.interrupted) for m in self.session.history.messages()]


class Captions(io.TextOutput):
    def __init__(self) -> None:
        super().__init__(label="test", next_in_chain=None)

    async def capture_text(self, text: str) -> None: ...

    def flush(self) -> None: ...


@pytest.fixture(params=["no captions", "captions"])
async def conversation(request: pytest.FixtureRequest) -> AsyncIterator[Conversation]:
    """A conversation, with and without LiveKit's captions in front of the output as in a room."""
    conversation = Conversation()
    if request.param == "captions":
        captions = TranscriptSynchronizer(
            next_in_chain_audio=conversation.output, next_in_chain_text=Captions()
        )
        conversation.session.output.audio = captions.audio_output
        conversation.session.output.transcription = captions.text_output
    async with conversation.session:
        await conversation.session.start(conversation.agent, record=False)
        yield conversation


async def test_history_holds_the_words_that_were_heard(conversation: Conversation) -> None:
    await conversation.cut("One two three four five.", 0.31)
    assert conversation.history == [("One two three", True)]


async def test_history_holds_nothing_of_a_reply_of_which_no_word_was_heard(
    conversation: Conversation,
) -> None:
    await conversation.cut("One two three.", 0.05)
    assert conversation.history == []
    conversation.speech.resume()
    await conversation.made("One two three.")
    assert conversation.voice.said == ["One two three."] * 2


async def test_history_holds_all_of_a_reply_that_was_not_cut(conversation: Conversation) -> None:
    speech = conversation.session.say("One two three.")
    await conversation.made("One two three.")
    conversation.output.end()
    await speech
    assert conversation.history == [("One two three. ", False)]


async def test_history_holds_the_words_that_were_heard_of_a_generated_reply(
    conversation: Conversation,
) -> None:
    conversation.agent.answers = [["One two ", "three four."]]
    speech = conversation.session.generate_reply()
    await conversation.stop("One two three four.", 0.25)
    await speech
    assert conversation.history == [("One two", True)]


async def test_history_holds_the_first_piece_of_a_reply_and_what_was_heard_of_the_second(
    conversation: Conversation,
) -> None:
    conversation.agent.answers = [["One two. ", FlushSentinel(), "Three four five."]]
    speech = conversation.session.generate_reply()
    await conversation.made("One two.")
    conversation.output.end()
    await conversation.stop("Three four five.", 0.25)
    await speech
    assert conversation.history == [("One two. Three four", True)]
    conversation.speech.resume()
    await conversation.made("five.")
    assert conversation.voice.said[-1] == "five."


async def test_history_holds_what_came_before_a_tool_and_what_was_heard_after_it(
    conversation: Conversation,
) -> None:
    call = FunctionToolCall(name="look", arguments="{}", call_id="call")
    conversation.agent.answers = [["One two. ", call], ["Three four five."]]
    speech = conversation.session.generate_reply()
    await conversation.made("One two.")
    conversation.output.end()
    await conversation.stop("Three four five.", 0.25)
    await speech
    assert conversation.history == [("One two. ", False), ("Three four", True)]


async def test_history_holds_what_was_heard_before_and_after_a_pause(
    conversation: Conversation,
) -> None:
    speech = conversation.session.say("One two three four.")
    await conversation.made("One two three four.")
    output = conversation.session.output.audio
    assert output
    output.pause()
    output.resume()
    await conversation.stop("One two three four.", 0.35)
    await speech
    assert conversation.history == [("One two three", True)]


@pytest.mark.parametrize("conversation", ["no captions"], indirect=True)
async def test_history_holds_what_livekit_takes_for_heard_where_words_have_no_times(
    conversation: Conversation,
) -> None:
    conversation.voice.timed = False
    await conversation.cut("One two three.", 0.25)
    assert conversation.history == [(CAPTIONS, True)]


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
