"""Answers of recognisers that are not quite OpenAI's, and inventions of more languages."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIError
from livekit.plugins.vllm._server.server import Server
from livekit.plugins.vllm._stt.guards import suspicion
from livekit.plugins.vllm._stt.inventions import without_marks
from livekit.plugins.vllm._stt.qwen import plain_text
from livekit.plugins.vllm._stt.recognition import RecognitionOptions, Transcript
from livekit.plugins.vllm._stt.transcriptions import TranscriptionsTransport

SECOND = bytes(32_000)
PATH = "/v1/audio/transcriptions"


async def heard(*answers: httpx.Response) -> Transcript:
    """What is heard of a server that answers so."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        return left.pop(0)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        server = Server("http://one:8000/v1", http_client=client)
        transport = TranscriptionsTransport(server, http_client=client, model="m")
        return await transport.transcribe(SECOND, RecognitionOptions(None, None, 5.0))


def body(**fields: Any) -> httpx.Response:
    """An answer in JSON."""
    return httpx.Response(200, json={"text": "Hello there."} | fields)


@pytest.mark.parametrize(
    "answer",
    [
        body(),
        body(segments=[{"text": "Hello there.", "avg_logprob": 10**400}]),
        body(segments=[{"text": "Hello there.", "avg_logprob": 1000.0}]),
        body(segments=[{"text": "Hello there.", "avg_logprob": True}]),
        body(segments=[None, {"text": None}]),
        body(segments={"a": 1}),
        body(language=5),
        httpx.Response(200, content=b'\xef\xbb\xbf{"text": "Hello there."}'),
        httpx.Response(200, text="Hello there."),
        httpx.Response(201, json={"text": "Hello there."}),
        httpx.Response(200, json={"text": "<asr_text>Hello there."}),
    ],
    ids=range(11),
)
async def test_an_answer_of_another_shape_costs_no_word(answer: httpx.Response) -> None:
    transcript = await heard(answer)
    assert transcript.text == "Hello there."
    assert 0.0 <= transcript.confidence <= 1.0


async def test_a_byte_that_is_no_text_costs_its_character() -> None:
    transcript = await heard(httpx.Response(200, content=b'{"text": "Hello \xff there."}'))
    assert transcript.text == "Hello \ufffd there."


async def test_a_recogniser_that_has_moved_is_followed() -> None:
    moved = httpx.Response(307, headers={"location": f"http://two:8000{PATH}"})
    assert (await heard(moved, body())).text == "Hello there."


async def test_an_answer_too_deep_to_be_read_is_an_error_like_any_other() -> None:
    with pytest.raises(APIError, match="not a transcription"):
        await heard(httpx.Response(200, content=b"[" * 100_000))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("<asr_text>Hi", "Hi"),
        ("language Chinese<asr_text>你好。<asr_text>我好", "你好。我好"),
        ("language None<asr_text>", ""),
        ("Which language", "Which language"),
    ],
)
def test_marks_of_qwen_are_not_words(raw: str, text: str) -> None:
    assert plain_text(raw)[0] == text


@pytest.mark.parametrize(
    "text",
    [
        "Teksting av Nicolai Winther",
        "Tekstet av Amara.org",
        "Undertexter från Amara.org-gemenskapen",
        "Napisy stworzone przez społeczność Amara.org",
        "Ondertitels ingediend door de Amara.org gemeenschap",
        "Altyazı M.K.",
        "Субтитры подготовлены сообществом Amara.org",
        "MING PAO CANADA // MING PAO TORONTO",
        "Vielen Dank für die Aufmerksamkeit",
        "Vielen Dank für Ihre Aufmerksamkeit.",
    ],
)
def test_credits_of_more_languages_are_dropped_over_too_little_voice(text: str) -> None:
    assert suspicion(text, voiced=0.1) is not None


@pytest.mark.parametrize(
    ("text", "voiced"),
    [
        ("Vielen Dank für die Aufmerksamkeit", 1.8),
        ("Ondertitels door wie?", 1.2),
        ("Napisy przez kogo?", 1.2),
        ("Altyazı var mı?", 1.0),
        ("Субтитры подготовлены?", 1.6),
        ("0000 0000 0000 0000", 2.4),
        ("4111 1111 1111 1111", 2.6),
        ("blah blah blah blah blah blah", 1.0),
        ("I'm I'm I'm I'm I'm not sure", 1.1),
        ("Ja ja ja ja ja ja", 0.9),
        ("零零零零零零零零", 1.5),
        ("Bye bye bye", 0.6),
        ("Transcription by hand", 0.75),
        ("字幕由谁做", 0.7),
        ("*67*", 1.0),
        ("What is 3 * (4 + 5) * 6?", 2.2),
        ("مرحبا", 0.5),
        ("नमस्ते", 0.5),
        ("สวัสดี", 0.5),
        ("7", 0.2),
    ],
)
def test_what_the_voice_is_long_enough_for_is_kept(text: str, voiced: float) -> None:
    assert without_marks(text) == text
    assert suspicion(text, voiced=voiced) is None


@pytest.mark.parametrize(
    "text",
    [
        "[door closes]",
        "(wind blowing)",
        "(footsteps approaching)",
        "[water running]",
        "(keyboard clicking)",
        "[traffic noise]",
        "(baby crying)",
        "(speaks Spanish)",
        "[speaking Chinese]",
        "(klassische Musik)",
        "[Beifall]",
        "(Música de fondo)",
        "(バックグラウンドミュージック)",
        "[배경 음악]",
    ],
)
def test_more_marks_of_sounds_are_cut(text: str) -> None:
    assert without_marks(f"{text} Hello.") == "Hello."


def test_places_and_doors_are_words_all_the_same() -> None:
    for said in ("It is (the door)", "Call [the baby]", "(in Spanish)", "(door 5)"):
        assert without_marks(said) == said
