from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent.post_call import Outbox
from tests.memory.conftest import postgres as postgres


class Clock:
    """Seconds since 1970, as the test says."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def record() -> dict[str, Any]:
    return {
        "id": "call_AJ_1",
        "started_at": "2026-11-29T10:00:00.000Z",
        "ended_at": "2026-11-29T10:01:00.000Z",
        "transcript": [
            {"at": 0.5, "who": "agent", "text": "Hello!", "interrupted": False},
            {"at": 2.0, "who": "caller", "text": "A room, please. 一间房。", "interrupted": False},
        ],
        "tools": [
            {"at": 3.0, "name": "book", "arguments": {}, "output": "Room 7", "failed": False}
        ],
        "summary": None,
        "outcome": None,
        "unfilled": None,
        "recording": None,
    }


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def outbox(tmp_path: Path, clock: Clock) -> AsyncIterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.sqlite3", clock)
    yield opened
    await opened.aclose()
