from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents.testing import fake_job_context

from agent import ending
from agent.ending import end_with, on_session_end, when_over


async def test_what_fails_after_a_call_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    async def fail() -> None:
        done.append("first")
        raise OSError("No.")

    async def work() -> None:
        await asyncio.sleep(0)
        done.append("second")

    with fake_job_context(job_id="1") as ctx, fake_job_context(job_id="2") as other:
        when_over(ctx, "the first", fail)
        when_over(ctx, "the second", work)
        await on_session_end(other)
        assert done == []
        await on_session_end(ctx)
        await on_session_end(ctx)
    assert done == ["first", "second"]
    assert [record.what for record in caplog.records if hasattr(record, "what")] == ["the first"]


class Job:
    """A job as far as the end of a conversation needs it."""

    api = None
    room = SimpleNamespace(name="room")
    local_participant_identity = "agent"

    def __init__(self) -> None:
        self.done: list[str] = []
        self.callbacks: list[Callable[[], Awaitable[None]]] = []

    def is_fake_job(self) -> bool:
        return False

    def add_shutdown_callback(self, callback: Callable[[], Awaitable[None]]) -> None:
        self.callbacks.append(callback)

    def shutdown(self) -> None:
        self.done.append("shutdown")

    async def delete_room(self) -> None:
        self.done.append("room closed")


@pytest.mark.parametrize(
    ("ours", "there", "closed"),
    [
        (None, True, True),
        (True, True, True),
        (False, True, False),
        # Taken out of its room, which LiveKit told the job before the agent's connection.
        (None, False, False),
        (True, False, False),
    ],
)
async def test_a_room_is_closed_only_behind_an_agent_that_is_in_it(
    monkeypatch: pytest.MonkeyPatch, ours: bool | None, there: bool, closed: bool
) -> None:
    async def is_there(_: object, room: str, identity: str) -> bool:
        assert (room, identity) == ("room", "agent")
        return there

    async def is_ours() -> bool:
        return bool(ours)

    monkeypatch.setattr(ending, "is_there", is_there)
    session, job = rtc.EventEmitter[Any](), Job()
    end_with(cast(Any, session), cast(Any, job), None if ours is None else is_ours)
    session.emit("close", None)
    for callback in job.callbacks:
        await callback()
    assert "shutdown" in job.done
    assert ("room closed" in job.done) is closed
