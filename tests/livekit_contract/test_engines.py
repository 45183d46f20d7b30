"""What the qwen3_tts and vllm plugins rely on in LiveKit's base classes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from livekit.agents import APIConnectOptions, APIError, LanguageCode, llm, stt, tts, utils
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.agents.utils import audio

from harness.scripted import RATE, Llm, Stt
from harness.virtual_time import in_virtual_time, now

from .conftest import Voice

TWICE = APIConnectOptions(max_retry=1, retry_interval=2.0)


class Pieces(tts.SynthesizeStream):
    """Notes what it is given, and makes no sound unless told."""

    got: list[str]
    word: TimedString | None = None

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id="1")
        self.got = []
        async for piece in self._input_ch:
            self.got.append("flush" if isinstance(piece, self._FlushSentinel) else piece)
        self._mark_started()
        if self.word is not None:
            output_emitter.push_timed_transcript([self.word])
            output_emitter.push(bytes(2 * RATE))
        output_emitter.end_segment()


@in_virtual_time
async def test_reply_keeps_timed_words_the_same_objects_through_the_emitter() -> None:
    word = TimedString("word ", start_time=0.0, end_time=1.0, start_time_offset=0.5)
    stream = Pieces(tts=Voice([]), conn_options=TWICE)
    stream.word = word
    stream.push_text("word")
    stream.flush()
    stream.end_input()
    words = [w async for a in stream for w in a.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, ())]
    await stream.aclose()
    why = (
        f"{words}: AudioEmitter copies a TimedString. qwen3_tts reply.py (_emit) puts how long the"
        " voice was dry on it, for playback/spoken_text.py, agent/bridge/exchange.py: pass it by"
        " another way"
    )
    assert len(words) == 1, why
    assert words[0] is word, why


@in_virtual_time
async def test_reply_gets_text_and_flushes_in_their_order() -> None:
    stream = Pieces(tts=Voice([]), conn_options=TWICE)
    stream.push_text("One. ")
    stream.flush()
    stream.push_text("Two.")
    stream.end_input()
    with pytest.raises(APIError, match="no audio frames were pushed"):
        async for _ in stream:
            pass
    assert stream.got[:2] == ["One. ", "flush"], (
        f"{stream.got}: qwen3_tts tts.py (_read) reads text and _FlushSentinel from _input_ch"
    )
    await stream.aclose()


class Failing(llm.LLMStream):
    retryable = True

    async def _run(self) -> None:
        assert isinstance(self._llm, Llm)
        assert self._chat_ctx is not None
        self._llm.asked.append(self._chat_ctx)
        raise APIError("refused", retryable=self.retryable)


class FailingForGood(Failing):
    retryable = False


@in_virtual_time
async def test_stream_is_run_again_for_as_long_as_its_error_is_retryable() -> None:
    runs = {}
    for kind in (Failing, FailingForGood):
        model = Llm()
        stream = kind(model, chat_ctx=llm.ChatContext.empty(), tools=[], conn_options=TWICE)
        with pytest.raises(APIError):
            async for _ in stream:
                pass
        await stream.aclose()
        runs[kind] = len(model.asked)
    assert runs == {Failing: 2, FailingForGood: 1}, (
        f"{runs}: vllm stream.py (_run) leaves retries to LLMStream, and ends them by"
        " retryable=False once something was said"
    )


def test_utterance_finds_the_wait_before_each_retry() -> None:
    waits = [TWICE._interval_for_retry(attempt) for attempt in range(3)]
    assert waits == [0.1, 2.0, 2.0], (
        f"{waits}: vllm stt_utterance.py waits by APIConnectOptions._interval_for_retry, as"
        " LiveKit's engines do; write these numbers out if it is gone"
    )


@in_virtual_time
async def test_prewarm_runs_in_the_background_and_drops_its_error() -> None:
    began: list[float] = []

    class Cold(Llm):
        async def _prewarm_impl(self) -> None:
            began.append(now())
            raise APIError("not there yet")

    model = Cold()
    model.prewarm()
    model.prewarm()
    assert not began, "prewarm() blocks: vllm llm.py (_prewarm_impl) waits for a server"
    await asyncio.sleep(0.1)
    await model.aclose()
    assert began == [0.0], (
        f"{began}: prewarm() calls _prewarm_impl once and drops what it raises; see vllm llm.py"
    )


class Deaf(stt.RecognizeStream):
    async def _run(self) -> None:
        assert isinstance(self._stt, Stt)
        again = APIError("again", retryable=True)
        error = stt.STTError(timestamp=0.0, label=self._stt.label, error=again, recoverable=True)
        self._stt.emit("error", error)
        self._stt.hears("run")
        raise APIError("refused", retryable=True)


@in_virtual_time
async def test_speech_stream_reports_errors_and_is_run_once_without_retries() -> None:
    recogniser = Stt()
    errors: list[stt.STTError] = []
    recogniser.on("error", errors.append)
    stream = Deaf(stt=recogniser, conn_options=APIConnectOptions(max_retry=0))
    with pytest.raises(APIError):
        async for _ in stream:
            pass
    offset = stream.start_time_offset
    await stream.aclose()
    assert recogniser.events.qsize() == 1, (
        "a RecognizeStream with max_retry=0 is run again: vllm _stt/stream.py retries by utterance,"
        " with its audio, and would lose what was said"
    )
    assert [error.recoverable for error in errors] == [True, False], (
        f"{errors}: vllm _stt/stream.py (_report) tells of a failed attempt by the event that"
        " LiveKit's own retries emit"
    )
    assert offset == pytest.approx(0.0, abs=0.1), (
        "vllm _stt/stream.py (_begin) adds start_time_offset to its word times"
    )


@in_virtual_time
async def test_recognize_hands_the_language_and_options_to_recognize_impl() -> None:
    asked: dict[str, Any] = {}

    class Whole(Stt):
        async def _recognize_impl(self, *_: Any, **options: Any) -> stt.SpeechEvent:
            asked.update(options)
            return stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT)

    silence = audio.silence_frame(0.1, RATE)
    await Whole().recognize(silence, language="en", conn_options=TWICE)
    assert asked == {"language": LanguageCode("en"), "conn_options": TWICE}, (
        f"{asked}: vllm stt.py (_recognize_impl) takes just these"
    )
