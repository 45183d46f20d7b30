"""What outlives a program is where the next one looks for it; a stack's calls are its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.memory import open_store
from agent.memory.store import Entry
from agent.post_call import Outbox, Place
from agent.recovery import open_book
from agent.stack import Stack


async def test_what_a_stack_keeps_of_callers_is_found_from_a_shell_and_by_the_next_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    monkeypatch.delenv("PARLEY_CALLS", raising=False)
    shell = dict(os.environ)
    stacks = [shell | Stack().variables, shell | Stack().variables]

    def enter(environment: dict[str, str]) -> None:
        for name in ("PARLEY_STATE", "PARLEY_CALLS"):
            if name in environment:
                monkeypatch.setenv(name, environment[name])
            else:
                monkeypatch.delenv(name, raising=False)

    enter(stacks[0])
    store, outbox = open_store(None), Outbox()
    await store.write("anna", Entry(summary="Tea."))
    await outbox.put({"id": "call_1"}, [Place("folder", "/srv/calls")])
    await store.aclose()
    await outbox.aclose()
    for environment in (stacks[1], shell):
        enter(environment)
        store, outbox = open_store(None), Outbox()
        found = await store.read("anna")
        assert found
        assert found.summary == "Tea."
        assert [parcel.id for parcel in await outbox.waiting()] == ["call_1"]
        await store.aclose()
        await outbox.aclose()


async def test_each_stack_has_a_book_of_calls_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    rooms = []
    for name in ("one", "two"):
        monkeypatch.setenv("PARLEY_CALLS", str(tmp_path / name))
        book = open_book(None, "ws://127.0.0.1:7880")
        await book.hold(name, "first", "server", "")
        rooms.append(list((await book.read())[1]))
        await book.aclose()
    assert rooms == [["one"], ["two"]]
    one, two = Stack(), Stack()
    assert one.variables["PARLEY_CALLS"] != two.variables["PARLEY_CALLS"]
