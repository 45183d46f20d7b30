"""The queue of work and what becomes of a request whose client goes away."""

from __future__ import annotations

import asyncio
import threading
import uuid
from functools import partial

import pytest
from prometheus_client import REGISTRY
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from agent.disconnect import until_disconnect
from agent.local.errors import APIError
from agent.local.service import Workers


class Bench:
    """Workers with a gauge of their own."""

    def __init__(self, threads: int, limit: int) -> None:
        self._prefix = f"test_{uuid.uuid4().hex}"
        self.workers = Workers(threads, limit, self._prefix)

    @property
    def running(self) -> float | None:
        return REGISTRY.get_sample_value(f"{self._prefix}:num_requests_running")


async def test_pieces_of_requests_take_turns() -> None:
    bench = Bench(threads=1, limit=9)
    order: list[str] = []
    hold = threading.Event()

    def piece(name: str) -> None:
        hold.wait()
        order.append(name)

    async def request(name: str) -> None:
        with bench.workers.admit() as seat:
            for i in range(3):
                await seat.run(partial(piece, f"{name}{i}"))

    tasks = [asyncio.create_task(request(name)) for name in "ab"]
    await asyncio.sleep(0)
    hold.set()
    await asyncio.gather(*tasks)
    assert order == ["a0", "b0", "a1", "b1", "a2", "b2"]


async def test_too_many_are_refused_and_a_free_seat_is_given_again() -> None:
    bench = Bench(threads=1, limit=1)
    with bench.workers.admit() as seat:
        await seat.run(lambda: None)
        with pytest.raises(APIError) as refused, bench.workers.admit():
            pass
        assert refused.value.status == 503
    for _ in range(100):  # the seat is freed by the event loop's next turns
        if not bench.running:
            break
        await asyncio.sleep(0)
    with bench.workers.admit() as seat:
        assert await seat.run(lambda: 7) == 7


async def test_a_cancelled_request_counts_as_running_until_its_piece_ends() -> None:
    bench = Bench(threads=1, limit=9)
    started, hold = threading.Event(), threading.Event()
    dropped: list[int] = []

    def held() -> None:
        started.set()
        hold.wait()

    async def request() -> None:
        with bench.workers.admit() as seat:
            await seat.run(held)
            await seat.run(lambda: dropped.append(1))

    async def waiting() -> None:
        with bench.workers.admit() as seat:
            await seat.run(lambda: dropped.append(2))

    first = asyncio.create_task(request())
    await asyncio.to_thread(started.wait)
    second = asyncio.create_task(waiting())
    await asyncio.sleep(0)
    second.cancel()
    first.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert bench.running == 1
    hold.set()
    with bench.workers.admit() as seat:
        await seat.run(lambda: None)
    for _ in range(100):
        if not bench.running:
            break
        await asyncio.sleep(0.01)
    assert bench.running == 0
    assert dropped == []


async def test_work_is_cancelled_when_the_client_goes() -> None:
    gone = asyncio.Event()
    cancelled = asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def work() -> None:
        try:
            gone.set()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    request = Request({"type": "http", "headers": []}, receive)
    with pytest.raises(ClientDisconnect):
        await until_disconnect(request, work())
    assert cancelled.is_set()


async def test_work_that_ends_first_gives_its_result() -> None:
    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def work() -> int:
        return 3

    assert await until_disconnect(Request({"type": "http", "headers": []}, receive), work()) == 3
