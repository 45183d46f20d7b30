from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from contextvars import ContextVar
from pathlib import Path

import pytest

from agent.definition.thread import in_thread


async def test_what_hangs_holds_up_nobody_else() -> None:
    free = threading.Event()
    try:
        hanging = [asyncio.create_task(in_thread(free.wait)) for _ in range(40)]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            assert await in_thread(lambda: 7) == 7
        for task in hanging:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError)
            for each in await asyncio.gather(*hanging, return_exceptions=True)
        )
    finally:
        free.set()


@pytest.mark.parametrize("error", [ValueError("no"), KeyError("x"), SystemExit(3)])
async def test_an_error_comes_back_as_it_is(error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await in_thread(fail)
    assert raised.value is error


async def test_what_a_future_does_not_take_comes_back_all_the_same() -> None:
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(lambda: next(iter(())))


async def test_it_runs_in_the_context_of_its_caller() -> None:
    who: ContextVar[str] = ContextVar("who")
    who.set("Ben")
    assert await in_thread(who.get) == "Ben"


@pytest.mark.slow
def test_a_process_ends_though_a_tool_hangs() -> None:
    program = """
import asyncio, threading
from agent.definition.thread import in_thread

async def main():
    try:
        async with asyncio.timeout(0.1):
            await in_thread(threading.Event().wait)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ended.stdout == "given up\n"
