"""What playback/ of the turn-taking plugin relies on in LiveKit's outputs and nodes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, FlushSentinel, ModelSettings
from livekit.agents.types import TimedString
from livekit.agents.voice.io import PlaybackFinishedEvent, TextOutput
from livekit.agents.voice.recorder_io import RecorderIO
from livekit.agents.voice.transcription import TranscriptSynchronizer
from livekit.agents.voice.transcription._speaking_rate import SpeakingRateStream
from livekit.plugins.turn_taking.playback.captions import follow_times

from harness.virtual_time import in_virtual_time

from .conftest import Conversation, Start


class Captions(TextOutput):
    def __init__(self) -> None:
        super().__init__(label="Captions", next_in_chain=None)
        self.shown: list[str] = []
        self.grown = asyncio.Event()

    async def capture_text(self, text: str) -> None:
        self.shown.append(text)
        self.grown.set()

    def flush(self) -> None: ...


async def test_history_finds_the_synchroniser_in_front_of_the_output_at_a_state_change(
    start: Start,
) -> None:
    seen: list[Any] = []

    def before(talk: Conversation) -> None:
        note = lambda _: seen.append(talk.session.output.audio)  # noqa: E731
        talk.session.on("agent_state_changed", note)

    async with start(before=before, room=rtc.Room()) as talk:
        front = seen[-1]
        why = (
            f"the output is {front!r} when the agent first listens. floor.py (_on_agent) has"
            " playback/history.py watch session.output.audio: have it watch what takes its place"
        )
        assert front is not talk.output, why
        assert front.label == "TranscriptSynchronizer", why
        chain = [front]
        while chain[-1].next_in_chain:
            chain.append(chain[-1].next_in_chain)
        assert chain[-1] is talk.output, (
            f"LiveKit plays through {chain[-1]!r}, not through the output that was set before the"
            " start: set it in floor.py (session) as LiveKit now wants it"
        )


async def test_captions_without_a_room_tell_how_far_a_reply_came(start: Start) -> None:
    told: list[str | None] = []
    shown = Captions()

    def before(talk: Conversation) -> None:
        captions = TranscriptSynchronizer(next_in_chain_audio=talk.output, next_in_chain_text=shown)
        talk.session.output.audio = captions.audio_output
        talk.session.output.transcription = captions.text_output
        captions.audio_output.on(
            "playback_finished", lambda event: told.append(event.synchronized_transcript)
        )

    text = "one two three four five six seven eight nine ten"
    async with start(before=before) as talk:
        speech = talk.session.say(text)
        async with asyncio.timeout(30):
            while len(shown.shown) < 3:  # the last of them is not yet counted as shown
                shown.grown.clear()
                await shown.grown.wait()
        await talk.session.interrupt()
        await speech
    why = "floor.py puts LiveKit's captions before an output that is no room's, for history.py"
    assert len(told) == 1, f"{told}: {why}"
    assert told[0], f"{told}: {why}"
    assert text.startswith(told[0].strip()), f"{told}: {why}"
    assert len(told[0]) < len(text), f"{told}: {why}"
    assert talk.words == [told[0]], f"the history holds {talk.words}: {why}"


async def test_captions_estimate_no_rate_of_speech_once_they_follow_the_times(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    estimated: list[int] = []

    def estimate(_: SpeakingRateStream, sound: Any, rate: int) -> float:
        estimated.append(rate)
        return 1.0

    monkeypatch.setattr(SpeakingRateStream, "_spectral_flux", estimate)
    told: list[list[float]] = []
    for following in (False, True):
        async with start() as talk:
            captions = TranscriptSynchronizer(
                next_in_chain_audio=talk.output, next_in_chain_text=None
            )
            if following:
                # As a session has it that records: its recorder is in front of the captions.
                recorder = RecorderIO(agent_session=talk.session)
                follow_times(recorder.record_output(captions.audio_output))
            rates = captions._impl._audio_data.estimated_rate.speaking_rate
            noise = np.random.default_rng(1).integers(-9000, 9000, 2 * 24_000, np.int16)
            await captions.audio_output.capture_frame(
                rtc.AudioFrame(noise.tobytes(), 24_000, 1, noise.size)
            )
            await asyncio.sleep(0.1)
            told.append(list(rates))
            await captions.aclose()
    assert estimated, "captions no longer estimate a rate: playback/captions.py has nothing to do"
    assert any(told[0])
    why = "playback/captions.py no longer keeps LiveKit's captions from estimating the rate"
    assert not any(told[1]), why
    assert len(estimated) == len(told[0]), why


@in_virtual_time
@pytest.mark.parametrize("captions", [False, True])
@pytest.mark.parametrize("by", ["say", "generate_reply"])
async def test_history_puts_what_was_heard_into_the_event_that_livekit_makes_a_message_of(
    start: Start, by: str, captions: bool
) -> None:
    order: list[str] = []

    def before(talk: Conversation) -> None:
        if captions:  # as RoomIO sets them up
            synchroniser = TranscriptSynchronizer(
                next_in_chain_audio=talk.output, next_in_chain_text=Captions()
            )
            talk.session.output.audio = synchroniser.audio_output
            talk.session.output.transcription = synchroniser.text_output

        def finished(event: PlaybackFinishedEvent) -> None:
            order.append("finished")
            event.synchronized_transcript = "The words"

        talk.session.output.audio.on("playback_finished", finished)  # type: ignore[union-attr]
        talk.session.on("conversation_item_added", lambda event: order.append(event.item.type))

    words = "One two three four five six seven eight nine ten."
    async with start(words, "Yes", before=before) as talk:
        speech = talk.session.say(words) if by == "say" else talk.session.generate_reply()
        await asyncio.sleep(1)
        await talk.session.interrupt()
        assert speech.interrupted
        last = talk.session.history.messages()[-1]
        assert order == ["agent_handoff", "finished", "message"], (
            f"{order}: playback/history.py tells LiveKit in _on_finished what the message of a cut"
            " reply is; if the message comes first, correct it from there. Another item than these"
            " two: each handler of conversation_item_added looks at the item's type"
        )
        assert last.text_content == "The words", (
            f"the message is {last.text_content!r}: LiveKit no longer makes it of the event's"
            " synchronized_transcript as the listeners leave it. playback/history.py"
            " (_on_finished) has to correct the message, or an output in front to tell the event"
        )
        assert last.interrupted, (
            "a cut message is not marked: playback/speech.py (resume) and agent.py (show_cuts)"
            " tell it by `interrupted`"
        )
        last.interrupted = False
        assert not speech.chat_items[-1].interrupted, (  # type: ignore[union-attr]
            "a speech's chat_items are copies: playback/speech.py (resume) takes the mark of a cut"
            " from the message in them, which has to be the one in the history"
        )
        talk.llm.answers = ["Yes"]
        await talk.session.generate_reply()
        asked = [message.text_content for message in talk.llm.asked[-1].messages()]
    assert "The words" in asked, f"the model is asked with {asked}, not with the history"


@in_virtual_time
async def test_history_holds_nothing_of_a_cut_reply_of_which_nothing_was_heard(
    start: Start,
) -> None:
    def before(talk: Conversation) -> None:
        def finished(event: PlaybackFinishedEvent) -> None:
            event.synchronized_transcript = ""

        talk.output.on("playback_finished", finished)

    async with start(before=before) as talk:
        speech = talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        await talk.session.interrupt()
    assert not talk.session.history.messages(), (
        "LiveKit makes a message of a reply of which nothing was heard. conduct/interjection.py"
        " (say) takes a speech with no chat_items for unheard, and says it again"
    )
    assert not speech.chat_items


@in_virtual_time
@pytest.mark.parametrize("by", ["say", "generate_reply"])
async def test_speech_has_a_paused_reply_cleared_without_a_sound_before_its_voice_is_closed(
    start: Start, by: str
) -> None:
    async with start("One two three four five six seven eight nine ten.") as talk:
        talk.tts.stays_open, talk.tts.closing = True, 0.5
        if by == "say":
            talk.session.say("One two three four five six seven eight nine ten.")
        else:
            talk.session.generate_reply()
        await asyncio.sleep(1)
        del talk.log[:]
        talk.output.pause()
        await talk.session.interrupt()
    assert "resume" not in talk.log, (
        f"{talk.log}: LiveKit resumes a paused output while it cuts a reply. speech.py (stop)"
        " pauses before session.interrupt() so that nothing sounds after it: mute the output there"
    )
    why = (
        f"{talk.log}: a cut reply is not cleared before its voice is closed. speech.py (stop)"
        " pauses first, so nobody hears it, but playback/history.py learns late where it was cut"
    )
    assert talk.log[:2] == ["pause", "clear"], why
    assert "speech closed" in talk.log, why


@in_virtual_time
async def test_output_keeps_the_sound_of_a_pause_and_gets_no_clear_from_it(start: Start) -> None:
    async with start() as talk:
        talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        del talk.log[:]
        talk.session.output.audio.pause()  # type: ignore[union-attr]
        await asyncio.sleep(1)
        told = list(talk.log)
    assert told == ["pause"], (
        f"a pause told the output {told}: playback/output.py keeps the sound of a pause and only"
        " ends a reply at clear_buffer; see _pause and clear_buffer"
    )


@in_virtual_time
async def test_output_is_resumed_before_the_first_sound_of_the_next_reply(start: Start) -> None:
    async with start() as talk:
        talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        talk.output.pause()
        await talk.session.interrupt()
        del talk.log[:]
        await talk.session.say("Next.")
    why = (
        f"{talk.log}: LiveKit does not resume a paused output before a reply. speech.py (stop)"
        " leaves the output paused: let playback/output.py (clear_buffer) end the pause"
    )
    assert "resume" in talk.log, why
    assert talk.log.index("resume") < talk.log.index("sound"), why


@in_virtual_time
async def test_output_may_be_cleared_more_than_once_for_one_reply(start: Start) -> None:
    async with start() as talk:
        talk.tts.stays_open = True
        talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        del talk.log[:]
        await talk.session.interrupt()
    assert talk.log.count("clear") == 2, (
        f"{talk.log}: LiveKit cleared the output twice for one cut reply. playback/output.py"
        " (clear_buffer) and its test allow for that; simplify them if it is once"
    )


class Remembering(Agent):
    def __init__(self, *answers: str | FlushSentinel) -> None:
        super().__init__(instructions="")
        self.answers = answers
        self.shown: list[str] = []
        self.spoken: list[str] = []

    async def llm_node(self, *_: Any) -> AsyncIterator[str | FlushSentinel]:
        for answer in self.answers:
            yield answer

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncIterator[rtc.AudioFrame]:
        self.spoken.append("")

        async def kept() -> AsyncIterator[str]:
            async for piece in text:
                self.spoken[-1] += piece
                yield piece

        async for frame in Agent.default.tts_node(self, kept(), model_settings):
            yield frame

    async def _show(self, text: AsyncIterable[str]) -> AsyncIterator[str]:
        async for piece in text:
            self.shown.append(piece)
            yield piece

    def transcription_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncIterator[str]:
        return self._show(text)


@in_virtual_time
async def test_spoken_text_gets_the_very_words_with_times_that_the_voice_pushed(
    start: Start,
) -> None:
    agent = Remembering()
    async with start(agent=agent) as talk:
        await talk.session.say("Every word keeps its time.")
    words = [word for word in agent.shown if isinstance(word, TimedString)]
    why = (
        f"transcription_node got {agent.shown}, other objects than the voice pushed."
        " playback/spoken_text.py (play) reads the times and start_time_offset that qwen3_tts"
        " reply.py puts on them: carry both in another way"
    )
    assert talk.tts.words, why
    assert [id(word) for word in words] == [id(w) for w in talk.tts.words], why
    assert {word.start_time_offset for word in words} == {0.25}, (
        "LiveKit changed start_time_offset, in which qwen3_tts reply.py tells playback/"
        "spoken_text.py for how long the voice was dry"
    )


@in_virtual_time
async def test_long_answers_makes_each_piece_before_a_flush_a_speech_of_its_own(
    start: Start,
) -> None:
    agent = Remembering("First part.", FlushSentinel(), "Second part.")
    async with start(agent=agent) as talk:
        await talk.session.generate_reply()
    assert agent.spoken == ["First part.", "Second part."], (
        f"{agent.spoken}: a FlushSentinel from llm_node no longer ends a piece, which"
        " conduct/long_answers.py (_first_part) uses to have the first part spoken early"
    )
