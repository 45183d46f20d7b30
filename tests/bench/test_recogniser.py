"""The recogniser of random weights, without its model."""

import asyncio
import threading
from collections.abc import Sequence

import aiohttp
import pytest

from bench.load.random_weights import Behind, serve
from bench.load.recogniser import Batches, app, tokens
from harness.serving import serving


class Model:
    """Works until it is let go."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.fails = False

    def work(self, counts: Sequence[int]) -> None:
        self.batches.append(list(counts))
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.fails:
            raise RuntimeError("out of memory")


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


@pytest.mark.parametrize("fails", [False, True])
async def test_the_agent_gets_the_words_when_they_have_been_worked_on(fails: bool) -> None:
    model = Model()
    model.fails = fails
    model.go.release()
    async with (
        serving(app(Batches(model.work))) as root,
        serve(behind := Behind("", "", root)) as url,
        aiohttp.ClientSession() as http,
    ):
        answer = await http.post(f"{url}/audio/transcriptions", data={"language": "zh"})
        said = await answer.json()
    assert model.batches == [[tokens("下一班去海边的火车几点开？")]]
    assert (answer.status, bool(behind.failed)) == ((502, True) if fails else (200, False))
    assert fails or said["text"].startswith("下一班")
