"""What end_of_turn/ and barge_in/ rely on in LiveKit's turn handling."""

from __future__ import annotations

import asyncio
import inspect
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, inference, vad

from harness.scripted import Vad
from harness.virtual_time import in_virtual_time, now

from .conftest import Conversation, Start

BEGINS, ENDS = vad.VADEventType.START_OF_SPEECH, vad.VADEventType.END_OF_SPEECH
WINDOW = vad.VADEventType.INFERENCE_DONE


@in_virtual_time
async def test_detector_ends_a_turn_at_once_by_its_end_of_speech(start: Start) -> None:
    added: list[float] = []

    def before(talk: Conversation) -> None:
        @talk.session.on("conversation_item_added")
        def note(event: Any) -> None:
            if event.item.type == "message":
                added.append(now())

    async with start("Yes.", before=before) as talk:
        talk.detector.tell(BEGINS)
        await asyncio.sleep(1)
        talk.stt.hears("Hello")
        await asyncio.sleep(2)
        assert not added, (
            "a final transcript ends the turn while the user speaks: end_of_turn/detector.py"
            " counts on LiveKit to wait for END_OF_SPEECH"
        )
        talk.detector.tell(ENDS)
        await asyncio.sleep(1)
    why = (
        f"committed at {added}, the speech ended at 3.0: with fixed endpointing of 0 s"
        " (handling.py) LiveKit waits nevertheless, beside the wait of end_of_turn/detector.py"
    )
    assert added, why
    assert added[0] == pytest.approx(3.0, abs=0.05), why


@in_virtual_time
async def test_detector_may_end_speech_before_the_final_transcript(start: Start) -> None:
    async with start("Yes.") as talk:
        talk.detector.tell(BEGINS)
        await asyncio.sleep(1)
        talk.detector.tell(ENDS)
        await asyncio.sleep(1)
        assert not talk.words
        talk.stt.hears("Hello")
        await asyncio.sleep(0.05)
        assert talk.words == ["> Hello"], (
            f"{talk.words}: a final transcript after END_OF_SPEECH no longer ends the turn;"
            " end_of_turn/detector.py would have to wait for the words before it ends speech"
        )


@in_virtual_time
async def test_floor_can_change_the_endpointing_of_a_running_session(start: Start) -> None:
    async with start("Yes.", "Yes.") as talk:
        talk.session.update_options(
            endpointing_opts={"mode": "fixed", "min_delay": 2.0, "max_delay": 2.0}
        )
        for wait, expected in ((1.9, []), (0.2, ["> Hello"])):
            if not expected:
                talk.detector.tell(BEGINS)
                await asyncio.sleep(0.1)
                talk.stt.hears("Hello")
                talk.detector.tell(ENDS)
            await asyncio.sleep(wait)
            assert talk.words[:1] == expected, (
                f"{talk.words}: update_options(endpointing_opts=...) does not hold for the next"
                " pause. floor.py (telling_pauses) makes LiveKit wait longer with it"
            )


@in_virtual_time
async def test_tracker_alone_stops_the_agent_since_no_voice_does(start: Start) -> None:
    async with start() as talk:
        speech = talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        talk.detector.tell(BEGINS, speaking=True)
        talk.detector.tell(WINDOW, speaking=True, speech_duration=60.0, probability=1.0)
        await asyncio.sleep(0.5)
        why = (
            f"a voice over the agent stopped it ({talk.log}) although min_duration is a day"
            " (handling.py): barge_in/tracker.py must be alone to do so"
        )
        assert not speech.interrupted, why
        assert "pause" not in talk.log, why


@in_virtual_time
async def test_transcript_gate_holds_words_back_since_livekit_stops_at_them(start: Start) -> None:
    async with start("Yes.") as talk:
        speech = talk.session.say("One two three four five six seven eight nine ten.")
        await asyncio.sleep(1)
        talk.detector.tell(BEGINS)
        talk.stt.hears("Stop")
        talk.detector.tell(ENDS)
        await asyncio.sleep(1)
        assert speech.interrupted, (
            "words no longer stop the agent by themselves: barge_in/transcript_gate.py need not"
            " hold them back, and agent.py (stt_node) can pass them on"
        )


@in_virtual_time
async def test_handling_begins_a_reply_and_its_sound_at_a_preflight_transcript(
    start: Start,
) -> None:
    async with start("Certainly.") as talk:
        talk.detector.tell(BEGINS)
        await asyncio.sleep(0.5)
        talk.stt.hears("Hello", "preflight_transcript")
        await asyncio.sleep(1)
        why = (
            f"{len(talk.llm.asked)} requests, {talk.log}: preemptive_generation with"
            " preemptive_tts (handling.py) begins nothing at a pause; see its options"
        )
        assert len(talk.llm.asked) == 1, why
        assert talk.log == ["speak Certainly."], why
        assert not talk.words
        talk.stt.hears("Hello")
        talk.detector.tell(ENDS)
        await asyncio.sleep(1)
    why = (
        f"{len(talk.llm.asked)} requests, {talk.log}: a reply that was begun at a pause is not"
        " the one that is said. end_of_turn/state.py tells pauses for the sake of it"
    )
    assert len(talk.llm.asked) == 1, why
    assert "sound" in talk.log, why


@in_virtual_time
async def test_handling_lets_livekit_hold_a_reply_that_has_not_begun(start: Start) -> None:
    async with start() as talk:
        talk.tts.delay = 1.0
        talk.session.say("Late.")
        await asyncio.sleep(0.5)
        del talk.log[:]
        talk.detector.tell(BEGINS)
        await asyncio.sleep(0.1)
        assert talk.log == ["pause"], (
            f"{talk.log}: speech before a reply's first sound no longer pauses the output."
            " handling.py leaves that to LiveKit (false_interruption_timeout); hold it in floor.py"
        )
        talk.detector.tell(ENDS)
        await asyncio.sleep(0.2)
        why = (
            f"{talk.log}: a held reply does not begin once the user is silent; see"
            " false_interruption_timeout in handling.py"
        )
        assert "resume" in talk.log, why
        assert "clear" not in talk.log, why


@in_virtual_time
async def test_detector_hears_the_first_stream_which_is_the_sessions(
    start: Start,
) -> None:
    async with start(streaming=False) as talk:
        await asyncio.sleep(0.1)
        assert len(talk.detector.streams) == 2, (
            f"{len(talk.detector.streams)} streams of the detector for a recogniser that does not"
            " stream: end_of_turn/detector.py (stream) has the first one of two detected"
        )
        talk.detector.tell(BEGINS, stream=1)
        await asyncio.sleep(0.1)
        other = talk.session.user_state
        talk.detector.tell(BEGINS, stream=0)
        await asyncio.sleep(0.1)
        assert (other, talk.session.user_state) == ("listening", "speaking"), (
            "the first stream that LiveKit opens is not the one that it takes turns by:"
            " end_of_turn/detector.py (stream) has that one detected, as a recogniser's is given"
            " silence while the agent must not be interrupted"
        )


async def test_detector_finds_its_channels_in_a_stream_of_its_own() -> None:
    stream = Vad().stream()
    try:
        stream._input_ch.close()
        event = vad.VADEvent(BEGINS, 0, 0.0, 0.0, 0.0)
        stream._event_ch.send_nowait(event)
        got = await anext(stream)
    except AttributeError as e:
        pytest.fail(
            f"{e}: end_of_turn/detector.py makes streams of its own, with _main_task, _event_ch and"
            " _input_ch of vad.VADStream as LiveKit's do; use what took their place"
        )
    await stream.aclose()
    assert got is event, "a stream's event comes out changed: end_of_turn/detector.py fills it"


async def test_a_stream_can_hand_its_events_to_its_one_reader() -> None:
    stream = Vad().stream()
    for name in ("_metrics_task", "_event_aiter", "_tee_aiter", "_task"):
        assert hasattr(stream, name), (
            f"vad.VADStream has no {name}: end_of_turn/stream.py ends the task that counts for"
            " LiveKit's metric, and reads the events past the tee that shares them with it"
        )
    await stream.aclose()


async def test_tracker_gets_silero_windows_of_32_ms_with_a_probability() -> None:
    stream = inference.VAD(model="silero").stream()
    noise = np.random.default_rng(1).integers(-3000, 3000, 24_000).astype(np.int16)
    for start in range(0, noise.size, 480):
        piece = noise[start : start + 480]
        stream.push_frame(rtc.AudioFrame(piece.tobytes(), 24_000, 1, piece.size))
    windows = []
    async with asyncio.timeout(10):
        async for event in stream:
            if event.type is WINDOW:
                windows.append(event)
            if len(windows) == 20:
                break
    await stream.aclose()
    lengths = {sum(frame.duration for frame in event.frames) for event in windows}
    rates = {frame.sample_rate for event in windows for frame in event.frames}
    why = (
        f"windows of {lengths} s at {rates} Hz: barge_in/sound.py (WINDOW) and end_of_turn/"
        "voice.py count on 32 ms in the microphone's rate"
    )
    assert lengths == {0.032}, why
    assert rates == {24000}, why
    assert any(event.probability > 0 for event in windows), (
        "INFERENCE_DONE no longer carries a probability, which end_of_turn/detector.py,"
        " barge_in/tracker.py and vllm stt.py decide by"
    )


@pytest.mark.parametrize("node", ["stt_node", "llm_node", "tts_node"])
def test_agent_can_close_each_of_livekits_default_nodes(node: str) -> None:
    default: Any = getattr(Agent.default, node)
    assert inspect.isasyncgenfunction(default), (
        f"Agent.default.{node} is not an async generator: agent.py and assistant.py close it with"
        " contextlib.aclosing, as a stream must not outlive its reader"
    )
