"""A worker that is killed loses no record: real processes, and a real SIGKILL."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.post_call import Outbox, places
from agent.post_call_settings import PostCallSettings

from .receiver import SECRET, Receiver, receiving

pytestmark = pytest.mark.slow


async def worker(command: str, path: Path, url: str = "http://127.0.0.1:9/") -> Any:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.post_call.worker", command, str(path), url, SECRET
    )


async def until(receiver: Receiver, posts: int) -> None:
    async with asyncio.timeout(60):
        while len(receiver.ids) < posts:
            receiver.arrived.clear()
            await receiver.arrived.wait()


async def test_a_webhook_that_fails_three_times_and_a_killed_worker_lose_no_record(
    tmp_path: Path, record: dict[str, Any]
) -> None:
    path = tmp_path / "outbox.sqlite3"
    outbox = Outbox(path)
    async with receiving(500, 0, 503, 500, 200) as receiver:
        hook = {"url": receiver.url, "secret": SECRET}
        await outbox.put(record, places(PostCallSettings.model_validate({"webhook": hook})))
        first = await worker("deliver", path, receiver.url)
        await until(receiver, 2)  # it has failed once, and waits for the second answer
        first.send_signal(signal.SIGKILL)
        assert await first.wait() == -signal.SIGKILL
        assert [parcel.id for parcel in await outbox.waiting()] == ["call_AJ_1"]
        second = await worker("deliver", path, receiver.url)
        try:
            async with asyncio.timeout(60):
                await receiver.taken.wait()
                while await outbox.waiting():
                    await asyncio.sleep(0.05)
        finally:
            second.terminate()
            await second.wait()
    await outbox.aclose()
    # 500, the one that was killed, 503, 500, and the one that was taken.
    assert receiver.ids == ["call_AJ_1"] * 5
    assert all(post["data"] == record for post in receiver.posts)


async def test_what_was_put_survives_whoever_put_it(tmp_path: Path) -> None:
    path = tmp_path / "outbox.sqlite3"
    assert await (await worker("put-and-die", path)).wait() == -signal.SIGKILL
    outbox = Outbox(path)
    assert [parcel.id for parcel in await outbox.waiting()] == ["call_1"]
    await outbox.aclose()
