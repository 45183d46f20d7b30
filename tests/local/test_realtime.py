"""The events of `/v1/realtime`, over a model that hears a word in each half second."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient, WebSocketTestSession
from starlette.websockets import WebSocket

from agent.local.realtime import LONGEST, Session
from agent.local.service import Workers
from agent.local.whisper import LanguageError

RATE = 16000
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


class HalfSeconds:
    """What a session asks of Whisper."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.broken = False
        self.doubts = False
        self.disbelieves = False
        self.mute = False  # hears no words before the sound is over
        self.fan = False  # hears none at all

    def language(self, tag: str | None) -> str | None:
        if tag == "tlh":
            raise LanguageError("The language 'tlh' is unknown: send a tag such as zh or en.")
        return tag

    def transcribe(self, audio: Any, **options: Any) -> Iterator[Any]:
        self.asked.append(options | {"seconds": len(audio) / RATE})
        if self.broken:
            raise RuntimeError("out of order")
        yield None
        text = " ".join(WORDS[: round(len(audio) / RATE / 0.5)])
        segments = [SimpleNamespace(tokens=text.split())]
        doubtful = self.doubts and not options["thorough"]
        if self.fan or (self.mute and not options["thorough"]):
            text = ""
        yield SimpleNamespace(
            text=text,
            segments=segments,
            language="en",
            doubtful=doubtful,
            confidence=0.1 if self.disbelieves else 0.45,
            opening=text,
            spoken=False,
            searched=self.fan and options["thorough"] and options["search"],
        )


class Bench:
    def __init__(self, limit: int) -> None:
        self.whisper = HalfSeconds()
        self._prefix = f"test_{uuid.uuid4().hex}"
        workers = Workers(1, limit, self._prefix)

        async def serve(websocket: WebSocket) -> None:
            whisper: Any = self.whisper
            await Session(websocket, whisper=whisper, workers=workers, model="half-seconds").run()

        self.app = Starlette(routes=[WebSocketRoute("/v1/realtime", serve)])

    @property
    def running(self) -> float | None:
        return REGISTRY.get_sample_value(f"{self._prefix}:num_requests_running")


@pytest.fixture
def bench() -> Bench:
    return Bench(limit=1)


@pytest.fixture
def client(bench: Bench) -> Iterator[TestClient]:
    with TestClient(bench.app) as client:
        yield client


@pytest.fixture
def link(client: TestClient) -> Iterator[WebSocketTestSession]:
    with client.websocket_connect("/v1/realtime") as link:
        assert link.receive_json()["type"] == "session.created"
        yield link


def begin(link: WebSocketTestSession, **fields: Any) -> None:
    link.send_json({"type": "session.update", "model": "half-seconds", **fields})
    link.send_json({"type": "input_audio_buffer.commit", "final": False})


def speak(link: WebSocketTestSession, seconds: float, level: float = 0.3) -> None:
    t = np.arange(round(seconds * RATE)) / RATE
    pcm = (np.sin(2 * np.pi * 200 * t) * level * 32767).astype("<i2").tobytes()
    link.send_json({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})


def end(link: WebSocketTestSession) -> dict[str, Any]:
    """End the utterance; what was answered last."""
    link.send_json({"type": "input_audio_buffer.commit", "final": True})
    while (event := link.receive_json())["type"] == "transcription.delta":
        pass
    return dict(event)


def until_asked(bench: Bench, times: int) -> None:
    deadline = time.monotonic() + 10
    while len(bench.whisper.asked) < times:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_words_come_while_they_are_spoken(bench: Bench, link: WebSocketTestSession) -> None:
    begin(link, language="en", prompt="numbers")
    speak(link, 1.5)
    until_asked(bench, 1)
    speak(link, 1.5)
    assert link.receive_json() == {"type": "transcription.delta", "delta": "one two three"}
    speak(link, 1.0)
    done = end(link)
    assert done["type"] == "transcription.done"
    assert done["text"] == "one two three four five six seven eight"
    assert done["language"] == "en"
    assert done["usage"]["completion_tokens"] >= 8
    first, *_, last = bench.whisper.asked
    assert (first["language"], first["prompt"], first["begun"]) == ("en", "numbers", "")
    assert last["begun"].startswith("one two three")  # not all of it is decoded anew


def test_what_the_model_does_not_believe_is_told_at_the_end_alone(
    bench: Bench, link: WebSocketTestSession
) -> None:
    bench.whisper.disbelieves = True
    begin(link)
    speak(link, 1.5)
    until_asked(bench, 1)
    speak(link, 1.5)
    until_asked(bench, 2)
    link.send_json({"type": "input_audio_buffer.commit", "final": True})
    event = link.receive_json()  # no words before it
    assert event["type"] == "transcription.done"
    assert event["text"] == "one two three four five six"
    assert event["confidence"] == 0.1


def test_the_text_of_a_pause_is_ready_when_it_is_asked_for(
    bench: Bench, link: WebSocketTestSession
) -> None:
    begin(link)
    speak(link, 1.5)
    until_asked(bench, 1)
    speak(link, 0.5, level=0.0)
    assert end(link)["text"] == "one two three"
    assert len(bench.whisper.asked) == 1


def test_what_is_in_doubt_is_heard_again_at_the_end(
    bench: Bench, link: WebSocketTestSession
) -> None:
    bench.whisper.doubts = True
    begin(link)
    speak(link, 1.5)
    until_asked(bench, 1)
    assert end(link)["text"] == "one two three"
    assert [asked["thorough"] for asked in bench.whisper.asked] == [False, True]


def test_a_word_that_is_heard_only_once_it_is_over_is_not_lost(
    bench: Bench, link: WebSocketTestSession
) -> None:
    bench.whisper.mute = True
    begin(link)
    speak(link, 0.5)
    until_asked(bench, 1)
    speak(link, 0.2, level=0.0)
    until_asked(bench, 2)
    assert end(link)["text"] == "one"
    assert [asked["thorough"] for asked in bench.whisper.asked] == [False, True]


def test_words_of_nobody_are_looked_for_once_an_utterance(
    bench: Bench, link: WebSocketTestSession
) -> None:
    bench.whisper.fan = True
    for utterance in range(2):
        asked = len(bench.whisper.asked)
        begin(link)
        for pause in range(3):
            speak(link, 0.25)
            speak(link, 0.2, level=0.0)
            until_asked(bench, asked + pause + 1)
        assert end(link)["text"] == "", utterance
        pauses = [ask["search"] for ask in bench.whisper.asked[asked:] if ask["thorough"]]
        assert pauses == [True, False, False]


def test_a_sound_without_words_is_asked_for_them_once_more(
    bench: Bench, link: WebSocketTestSession
) -> None:
    begin(link)
    speak(link, 0.2)
    speak(link, 0.04, level=0.0)
    assert end(link)["text"] == ""
    assert len(bench.whisper.asked) == 1


def test_a_connection_takes_one_utterance_after_the_other(link: WebSocketTestSession) -> None:
    begin(link)
    speak(link, 1.0)
    assert end(link)["text"] == "one two"
    begin(link)
    speak(link, 0.5)
    assert end(link)["text"] == "one"


def test_nothing_said_is_an_empty_text(bench: Bench, link: WebSocketTestSession) -> None:
    begin(link)
    assert end(link)["text"] == ""
    assert bench.whisper.asked == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        ("no JSON", "invalid_json"),
        ('{"type": "nonsense"}', "unknown_event"),
        ("[]", "unknown_event"),
        ('{"type": "session.update"}', "invalid_event"),
        ('{"type": "session.update", "model": "other"}', "model_not_found"),
        ('{"type": "session.update", "model": "half-seconds", "language": "tlh"}', "invalid_event"),
        ('{"type": "input_audio_buffer.commit"}', "model_not_validated"),
        ('{"type": "input_audio_buffer.append"}', "invalid_audio"),
        ('{"type": "input_audio_buffer.append", "audio": "%%%"}', "invalid_audio"),
        ('{"type": "input_audio_buffer.append", "audio": "AAAA"}', "invalid_audio"),  # 3 bytes
    ],
)
def test_an_event_that_makes_no_sense_is_told_and_survived(
    link: WebSocketTestSession, event: str, code: str
) -> None:
    link.send_text(event)
    error = link.receive_json()
    assert (error["type"], error["code"]) == ("error", code)
    begin(link)
    speak(link, 0.5)
    assert end(link)["text"] == "one"


def test_an_utterance_without_end_is_bounded(link: WebSocketTestSession) -> None:
    begin(link)
    minute = base64.b64encode(bytes(60 * RATE * 2)).decode()
    for _ in range(LONGEST // (60 * RATE * 2)):
        link.send_json({"type": "input_audio_buffer.append", "audio": minute})
    link.send_json({"type": "input_audio_buffer.append", "audio": minute})
    assert link.receive_json()["code"] == "invalid_audio"


def test_a_failure_is_told_without_its_details(bench: Bench, link: WebSocketTestSession) -> None:
    bench.whisper.broken = True
    begin(link)
    speak(link, 1.0)
    error = end(link)
    assert (error["type"], error["code"]) == ("error", "processing_error")
    assert "out of order" not in error["error"]


def test_too_many_speakers_are_refused(
    bench: Bench, client: TestClient, link: WebSocketTestSession
) -> None:
    begin(link)
    speak(link, 1.0)
    until_asked(bench, 1)
    with client.websocket_connect("/v1/realtime") as another:
        another.receive_json()
        begin(another)
        error = another.receive_json()
        assert error["code"] == "processing_error"
        assert "try again" in error["error"]


def test_a_speaker_who_hangs_up_leaves_the_place(bench: Bench, client: TestClient) -> None:
    with client.websocket_connect("/v1/realtime") as link:
        link.receive_json()
        begin(link)
        speak(link, 1.0)
        until_asked(bench, 1)
        assert bench.running == 1
    deadline = time.monotonic() + 10
    while bench.running:
        assert time.monotonic() < deadline
        time.sleep(0.005)
