"""The recogniser of random weights, without its model."""

import asyncio
import io
import threading
import wave
from collections.abc import Sequence

import aiohttp
import numpy as np
import pytest

from bench.gpu_room import of_batches
from bench.load import engines
from bench.load.random_weights import Behind, serve
from bench.load.recogniser import Batches, app, filled, tokens
from bench.load.sentence import beginning, said
from harness.serving import serving


class Model:
    """Works until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.fails = False

    def work(self, counts: Sequence[int]) -> float:
        self.batches.append(list(counts))
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.fails:
            raise RuntimeError("out of memory")
        return 0.25


def recorded(*parts: tuple[float, float]) -> bytes:
    """A WAV file of tones, each of so many seconds, with a level from 0 to 1."""
    tones = [level * np.sin(np.arange(round(seconds * 16000)) * 0.3) for seconds, level in parts]
    file = io.BytesIO()
    with wave.open(file, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes((np.concatenate(tones) * 32767).astype(np.int16).tobytes())
    return file.getvalue()


def asked(language: str, recording: bytes) -> aiohttp.FormData:
    """A request of the plugin's."""
    form = aiohttp.FormData({"language": language})
    form.add_field("file", recording, filename="speech.wav")
    return form


async def test_what_comes_meanwhile_is_worked_on_together_without_who_has_hung_up() -> None:
    model = Model()
    batches = Batches(model.work)
    running = asyncio.ensure_future(batches.run())
    first = asyncio.ensure_future(batches.hear("one"))
    assert await asyncio.to_thread(model.begun.acquire, timeout=10)
    others = [asyncio.ensure_future(batches.hear(text)) for text in ("12345678", "gone", "四点")]
    await asyncio.sleep(0)
    others.pop(1).cancel()
    model.go.release(2)
    await asyncio.gather(first, *others)
    assert model.batches == [[4], [6, 6]]
    assert [(done.requests, done.tokens, done.heard) for done in batches.done] == [
        (1, 4, 0.25),
        (2, 6, 0.25),
    ]
    running.cancel()


async def test_more_than_sixteen_are_two_batches() -> None:
    model = Model()
    model.go.release(2)
    batches = Batches(model.work)
    waiting = [asyncio.ensure_future(batches.hear("one")) for _ in range(17)]
    await asyncio.sleep(0)
    running = asyncio.ensure_future(batches.run())
    await asyncio.gather(*waiting)
    assert [len(batch) for batch in model.batches] == [16, 1]
    running.cancel()


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (5, 8), (9, 16), (16, 16)])
def test_a_batch_is_filled_up_to_a_size_that_was_warmed(count: int, size: int) -> None:
    assert filled(count) == size


@pytest.mark.parametrize("fails", [False, True])
async def test_the_agent_gets_the_words_when_they_have_been_worked_on(fails: bool) -> None:
    model = Model()
    model.fails = fails
    model.go.release()
    async with (
        serving(app(Batches(model.work), "on a CPU")) as root,
        serve(behind := Behind("", "", root)) as url,
        aiohttp.ClientSession() as http,
    ):
        form = asked("zh", recorded((0.3, 0), (1.0, 0.3), (0.15, 0)))
        answer = await http.post(f"{url}/audio/transcriptions", data=form)
        heard = await answer.json()
        told = await (await http.get(f"{root}/batches")).json()
        again = await (await http.get(f"{root}/batches")).json()
    assert model.batches == [[tokens(engines.QUESTION["zh"])]]
    assert (answer.status, bool(behind.failed)) == ((502, True) if fails else (200, False))
    assert fails or heard["text"] == engines.QUESTION["zh"]
    assert told["eager"] == "on a CPU"
    assert len(told["batches"]) == (0 if fails else 1)
    assert again["batches"] == []


async def test_of_a_sentence_that_goes_on_the_agent_gets_what_was_said() -> None:
    model = Model()
    model.go.release()
    async with (
        serving(app(Batches(model.work))) as root,
        serve(Behind("", "", root)) as url,
        aiohttp.ClientSession() as http,
    ):
        form = asked("en", recorded((0.3, 0), (0.7, 0.3)))
        answer = await http.post(f"{url}/audio/transcriptions", data=form)
        heard = await answer.json()
    assert heard["text"] == "When does"
    assert model.batches == [[tokens("When does")]]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([(0.5, 0.0)], ""),
        ([(0.3, 0.0), (0.28, 0.3)], ""),
        ([(0.3, 0.0), (0.3, 0.3)], "When"),
        ([(0.3, 0.0), (0.7, 0.3), (0.08, 0.0)], "When does"),
        ([(0.3, 0.0), (0.7, 0.3), (0.12, 0.0)], engines.QUESTION["en"]),
        ([(0.3, 0.001), (0.7, 0.3), (0.12, 0.001)], engines.QUESTION["en"]),
        ([(9.0, 0.3)], engines.QUESTION["en"]),
    ],
)
def test_a_word_counts_once_its_end_was_sent(parts: list[tuple[float, float]], words: str) -> None:
    assert said(engines.QUESTION["en"], recorded(*parts)) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.29, ""), (0.3, "下一"), (0.7, "下一班去海")])
def test_in_chinese_a_character_counts(seconds: float, words: str) -> None:
    assert beginning(engines.QUESTION["zh"], seconds) == words


def test_what_batches_took_is_in_milliseconds() -> None:
    batch = {"at": 0, "requests": 3, "tokens": 9, "waited": 0.1, "heard": 0.05, "took": 0.08}
    figures = of_batches([batch, batch | {"took": 0.1}], 16)
    assert figures["stt_batch.took.rooms16"]["p50"] == pytest.approx(90)
    assert figures["stt_batch.requests.rooms16"]["p95"] == 3
    assert of_batches([], 16) == {}
