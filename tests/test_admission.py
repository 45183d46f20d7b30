"""Who is let into a room of the agent server's: as many as there is room for, also all at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit.agents import AgentServer, JobRequest
from livekit.protocol import agent, models

from agent import app
from agent.once import new_name


class Requests:
    """Jobs that LiveKit offers, and what became of them."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.rejected: dict[str, bool] = {}
        self.assigned = asyncio.Event()
        """Set when LiveKit has assigned those that were accepted."""
        self.running: list[Any] = []

    def offer(self, name: str, room: models.Room | None = None) -> asyncio.Task[None]:
        job = agent.Job(id=name, room=room)

        async def accept(_: object) -> None:
            self.accepted.append(name)
            await self.assigned.wait()
            self.running.append(SimpleNamespace(job=job))

        async def reject(terminate: bool) -> None:
            self.rejected[name] = terminate

        return asyncio.create_task(
            app._admit(JobRequest(job=job, on_reject=reject, on_accept=accept))
        )


@pytest.fixture
async def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    made = Requests()
    monkeypatch.setattr(AgentServer, "active_jobs", property(lambda _: made.running))
    monkeypatch.setenv("PARLEY_MAX_ROOMS", "10")
    return made


async def test_ten_at_once_are_taken_and_the_eleventh_is_another_servers(
    requests: Requests,
) -> None:
    offered = [requests.offer(str(i)) for i in range(11)]
    await offered[10]
    assert requests.accepted == [str(i) for i in range(10)]
    assert requests.rejected == {"10": False}
    requests.assigned.set()
    await asyncio.gather(*offered)
    await requests.offer("11")
    assert set(requests.rejected) == {"10", "11"}


async def test_a_room_is_free_when_its_job_has_ended(requests: Requests) -> None:
    requests.assigned.set()
    for i in range(10):
        await requests.offer(str(i))
    requests.running.pop()
    await requests.offer("10")
    await requests.offer("11")
    assert requests.accepted == [str(i) for i in range(11)]
    assert set(requests.rejected) == {"11"}


async def test_a_job_that_was_never_assigned_takes_no_room(requests: Requests) -> None:
    offered = [requests.offer(str(i)) for i in range(10)]
    await asyncio.sleep(0)
    for task in offered:
        task.cancel()
    await asyncio.gather(*offered, return_exceptions=True)
    requests.assigned.set()
    await requests.offer("10")
    assert requests.accepted[-1] == "10"


async def test_a_ticket_that_was_used_brings_no_second_agent(requests: Requests) -> None:
    requests.assigned.set()
    name = new_name()
    await requests.offer("1", models.Room(name=name, sid="RM_1"))
    await requests.offer("2", models.Room(name=name, sid="RM_1"))  # its agent died
    await requests.offer("3", models.Room(name=name, sid="RM_2"))  # another room by that ticket
    await requests.offer("4", models.Room(name=new_name(), sid="RM_3"))
    await requests.offer("5", models.Room(name="call-_+441632960961", sid="RM_4"))
    await requests.offer("6", models.Room(name="call-_+441632960961", sid="RM_5"))
    assert requests.accepted == ["1", "2", "4", "5", "6"]
    assert requests.rejected == {"3": True}  # nor one of another server
