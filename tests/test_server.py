"""Who is let into a room of the agent server's: as many as there is room for, also all at once."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import AgentServer, JobRequest
from livekit.agents.job import JobAcceptArguments
from livekit.protocol import agent, models

from agent.once import new_name
from agent.server import Server, _load


class Book:
    """Stands where the server's dispatcher does: which rooms have an agent, who may take calls."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.open = True
        self.over: frozenset[str] = frozenset()

    async def admits(self) -> bool:
        return self.open

    async def hold(self, room: str, sid: str, agent: str, metadata: str) -> bool:
        return self.held.setdefault(room, agent) == agent


class Requests:
    """Jobs that LiveKit offers, and what became of them."""

    def __init__(self) -> None:
        self.server = Server()
        self.book = Book()
        self.server._dispatcher = cast(Any, self.book)
        self.accepted: list[str] = []
        self.rejected: dict[str, bool] = {}
        self.assigned = asyncio.Event()
        """Set when LiveKit has assigned those that were accepted."""
        self.running: list[Any] = []

    def offer(self, name: str, room: str | None = None, *, sid: str = "") -> asyncio.Task[None]:
        job = agent.Job(id=name, room=models.Room(name=room or f"room of {name}", sid=sid))

        async def accept(arguments: JobAcceptArguments) -> None:
            assert arguments.identity == f"agent-{name}"
            self.accepted.append(name)
            await self.assigned.wait()
            self.running.append(SimpleNamespace(job=job))

        async def reject(terminate: bool) -> None:
            self.rejected[name] = terminate

        return asyncio.create_task(
            self.server.admit(JobRequest(job=job, on_reject=reject, on_accept=accept))
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


async def test_a_call_that_has_ended_takes_no_place_from_the_next_while_its_job_goes_on(
    requests: Requests,
) -> None:
    requests.assigned.set()
    for i in range(10):
        await requests.offer(str(i))
    assert requests.server.free_places == 0
    requests.book.over = frozenset({"agent-3"})  # notes on its caller are written
    assert requests.server.free_places == 1
    assert _load(requests.server) == 0.9
    await requests.offer("10")
    await requests.offer("11")
    assert requests.accepted[-1] == "10"
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


async def test_a_room_that_has_an_agent_gets_no_second_one(requests: Requests) -> None:
    requests.assigned.set()
    await requests.offer("0", room="one")
    await requests.offer("1", room="one")
    await requests.offer("2", room="other")
    assert requests.accepted == ["0", "2"]
    assert requests.rejected == {"1": True}  # nor from another server
    assert requests.server.free_places == 8


async def test_a_server_that_stands_by_leaves_calls_to_the_other(requests: Requests) -> None:
    requests.assigned.set()
    requests.book.open = False
    await requests.offer("0")
    assert requests.rejected == {"0": False}
    requests.book.open = True
    await requests.offer("1")
    assert requests.accepted == ["1"]


async def test_a_draining_server_has_no_place(
    requests: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert requests.server.free_places == 10
    monkeypatch.setattr(AgentServer, "draining", property(lambda _: True))
    assert requests.server.free_places == 0


@pytest.mark.parametrize(("rooms", "load"), [(0, 0.0), (5, 0.5), (10, 0.98)])
async def test_a_full_server_is_asked_all_the_same_and_one_that_stands_by_last(
    requests: Requests, monkeypatch: pytest.MonkeyPatch, rooms: int, load: float
) -> None:
    # LiveKit asks no server whose load is 1, and would learn too late of a place that is free.
    requests.assigned.set()
    for i in range(rooms):
        await requests.offer(str(i))
    assert _load(requests.server) == load
    monkeypatch.setenv("PARLEY_STANDBY", "1")
    assert load < _load(requests.server) < 1


async def test_a_ticket_that_was_used_brings_no_second_agent(requests: Requests) -> None:
    requests.assigned.set()
    name = new_name()
    await requests.offer("1", name, sid="RM_1")
    requests.book.held.clear()  # its agent died
    await requests.offer("2", name, sid="RM_1")
    requests.book.held.clear()
    await requests.offer("3", name, sid="RM_2")  # another room by that ticket
    await requests.offer("4", new_name(), sid="RM_3")
    await requests.offer("5", "call-_+441632960961", sid="RM_4")
    requests.book.held.clear()
    await requests.offer("6", "call-_+441632960961", sid="RM_5")
    assert requests.accepted == ["1", "2", "4", "5", "6"]
    assert requests.rejected == {"3": True}  # nor one of another server
