from __future__ import annotations

import asyncio

import pytest
from livekit.agents.testing import fake_job_context

from agent.ending import on_session_end, when_over


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
