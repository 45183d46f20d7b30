"""Single requests: recognize(), the form that is sent, and what is read from the answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import APIConnectOptions, APIError, APIStatusError
from livekit.plugins.vllm import STT


def tone(seconds: float, rate: int = 16000, channels: int = 1) -> rtc.AudioFrame:
    wave = (np.sin(np.arange(int(seconds * rate)) * 0.1) * 8000).astype(np.int16)
    data = np.repeat(wave, channels)
    return rtc.AudioFrame(data.tobytes(), rate, channels, len(wave))


async def test_recognize_sends_16_khz_mono_whatever_it_is_given(bench: Any) -> None:
    made = bench.stt(language="en")
    event = await made.recognize([tone(0.5, 48000, 2), tone(0.5, 48000, 2)])
    (request,) = bench.server.requests
    assert len(request.pcm) / 2 == pytest.approx(16000, abs=200)
    assert request.fields["model"] == "whisper"
    assert request.fields["language"] == "en"
    assert "prompt" not in request.fields
    assert event.alternatives[0].text.endswith("windows")
    assert event.request_id == "r1"
    assert made.model == "whisper"


async def test_silence_is_not_sent(bench: Any) -> None:
    event = await bench.stt().recognize(rtc.AudioFrame(bytes(32000), 16000, 1, 16000))
    assert event.alternatives[0].text == ""
    assert bench.server.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "Thank you. Thank you. Thank you.",
        "ご視聴ありがとうございました",
        "Продолжение следует...",
        "Thanks for watching!",
        "the " * 60,
    ],
)
@pytest.mark.parametrize("language", [None, "en"])
async def test_inventions_on_noise_are_dropped_after_the_voice_in_it_is_measured(
    bench: Any, text: str, language: str | None
) -> None:
    noise = np.random.default_rng(3).normal(0, 900, 48000).astype(np.int16)
    bench.server.answers = [{"text": text}]
    made = bench.stt(language=language)
    event = await made.recognize(rtc.AudioFrame(noise.tobytes(), 16000, 1, 48000))
    assert event.alternatives[0].text == ""
    assert len(bench.server.requests) == 1


async def test_the_detected_language_and_confidence_are_passed_on(bench: Any) -> None:
    bench.server.answers = [
        {
            "text": " 你好 ",
            "language": "chinese",
            "segments": [{"text": "你好", "avg_logprob": -0.1, "no_speech_prob": None}],
        }
    ]
    (said,) = (await bench.stt().recognize(tone(1))).alternatives
    assert (said.text, said.language) == ("你好", "zh")
    assert said.confidence == pytest.approx(np.exp(-0.1))


@pytest.mark.parametrize(
    ("answer", "text", "language"),
    [
        ({"text": None}, "", ""),
        ({"text": ""}, "", ""),
        ({"text": "Hi", "language": None, "segments": None}, "Hi", ""),
        ({"text": "Hi", "language": 7, "segments": "none"}, "Hi", ""),
        ({"text": "Hi", "segments": [None, {"text": None, "avg_logprob": "low"}]}, "Hi", ""),
        ({"text": "language English<asr_text>Hello there."}, "Hello there.", "en"),
        ({"text": "language Chinese<asr_text>你好。", "language": "en"}, "你好。", "zh"),
        ({"text": "language None<asr_text>"}, "", ""),
        (
            {"text": "language English<asr_text>One. language English<asr_text>Two."},
            "One. Two.",
            "en",
        ),
        ({"text": "My language is English."}, "My language is English.", ""),
        ({"text": "Hi \ud83d there"}, "Hi \ufffd there", ""),
        ({"text": "Hi \ud83d\ude00"}, "Hi 😀", ""),
    ],
)
async def test_answers_of_any_shape(
    bench: Any, answer: dict[str, Any], text: str, language: str
) -> None:
    bench.server.answers = [answer]
    (said,) = (await bench.stt().recognize(tone(1))).alternatives
    assert (said.text, said.language) == (text, language)


@pytest.mark.parametrize("answer", [{}, {"text": 5}, {"text": ["Hi"]}, [], "Hi"])
async def test_what_is_no_transcription_is_said_so(bench: Any, answer: Any) -> None:
    bench.server.answers = [answer]
    with pytest.raises(APIError, match="not a transcription"):
        await bench.stt().recognize(tone(1), conn_options=APIConnectOptions(max_retry=0))


async def test_a_model_without_verbose_json_is_asked_for_json_and_remembered(bench: Any) -> None:
    bench.server.verbose = False
    made = bench.stt(language="zh")
    await made.recognize(tone(1))
    await made.recognize(tone(1))
    formats = [r.fields["response_format"] for r in bench.server.requests]
    assert formats == ["json", "json"]
    # The line of simplified Chinese is Whisper's; to other models a prompt is context.
    assert all("prompt" not in r.fields for r in bench.server.requests)


async def test_the_length_of_the_answer_is_bounded_by_that_of_the_audio(bench: Any) -> None:
    made = bench.stt()
    await made.recognize(tone(2))
    assert int(bench.server.requests[0].fields["max_completion_tokens"]) == 32 + 2 * 25


async def test_a_model_that_is_not_served_is_one_plain_sentence(bench: Any) -> None:
    with pytest.raises(APIStatusError, match="serves 'whisper', not 'other'"):
        await bench.stt(model="other").recognize(tone(1))


async def test_ready_names_the_model_and_sends_no_audio(bench: Any) -> None:
    made = bench.stt()
    assert made.model == "unknown"
    assert (await made.ready()).id == made.model == "whisper"
    assert bench.server.requests == []


async def test_prewarming_is_one_tiny_request(bench: Any) -> None:
    made = bench.stt()
    made.prewarm()
    made.prewarm()
    await bench.server.until(lambda: len(bench.server.requests) == 1)
    assert bench.server.requests[0].windows <= 16


def test_settings_that_cannot_work_are_refused() -> None:
    with pytest.raises(ValueError, match="speculate_after"):
        STT(base_url="http://127.0.0.1:1/v1", speculate_after=0.5)
    with pytest.raises(ValueError, match="base_url"):
        STT(base_url="127.0.0.1")
