from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.post_call import Outbox, OutboxError, Place
from agent.post_call.__main__ import main

from .conftest import Clock

FOLDER, WEBHOOK = Place("folder", "/srv/calls"), Place("webhook", "https://x/")


async def test_a_record_is_taken_by_one_and_due_again_when_they_die(
    outbox: Outbox, clock: Clock, record: dict[str, Any], tmp_path: Path
) -> None:
    await outbox.put(record, [FOLDER], {"type": "object"})
    other = Outbox(tmp_path / "outbox.sqlite3", clock)
    taken = await asyncio.gather(*(box.take(5, 10.0, [FOLDER]) for box in (outbox, other) * 4))
    (parcel,) = [parcel for parcels in taken for parcel in parcels]
    assert (parcel.record, parcel.to, parcel.form) == (record, Place("model"), {"type": "object"})
    clock.now += 9.9
    assert await other.take(5, 10.0, [FOLDER]) == []
    clock.now += 0.2
    assert [p.record for p in await other.take(5, 10.0, [FOLDER])] == [record]
    await other.aclose()


async def test_what_is_held_is_not_due(
    outbox: Outbox, clock: Clock, record: dict[str, Any]
) -> None:
    await outbox.put(record, [FOLDER])
    (parcel,) = await outbox.take(1, 10.0, [FOLDER])
    clock.now += 9.0
    await outbox.hold(parcel, 10.0)
    clock.now += 9.0
    assert await outbox.take(1, 10.0, [FOLDER]) == []


async def test_a_record_goes_on_to_each_place_by_itself(
    outbox: Outbox, clock: Clock, record: dict[str, Any]
) -> None:
    both = [FOLDER, WEBHOOK]
    await outbox.put(record, both, {"type": "object"})
    (parcel,) = await outbox.take(1, 10.0, both)
    await outbox.forward(parcel, {**record, "summary": "Short."})
    folder, webhook = await outbox.take(5, 10.0, both)
    assert [folder.to, webhook.to] == both
    assert folder.record["summary"] == webhook.record["summary"] == "Short."
    await outbox.drop(folder)
    await outbox.postpone(webhook, "It is away.", clock.now + 60.0)
    (left,) = await outbox.waiting()
    assert (left.to, left.tries, left.problem) == (WEBHOOK, 1, "It is away.")
    clock.now += 60.0
    (again,) = await outbox.take(5, 10.0, both)
    await outbox.postpone(again, "It is away.", None)
    clock.now += 1e6
    assert await outbox.take(5, 10.0, both) == []


async def test_whoever_delivers_elsewhere_takes_nothing(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    await outbox.put(record, [FOLDER], {"type": "object"})
    for others in ([], [WEBHOOK], [Place("folder", "/srv/others")]):
        assert await outbox.take(5, 10.0, others) == []
    (model,) = await outbox.take(5, 10.0, [WEBHOOK, FOLDER])
    await outbox.forward(model, record)
    assert await outbox.take(5, 10.0, [WEBHOOK]) == []
    assert len(await outbox.take(5, 10.0, [FOLDER])) == 1


async def test_who_puts_a_record_twice_has_it_sent_once(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    await outbox.put(record, [FOLDER])
    await outbox.put(record, [FOLDER])
    assert len(await outbox.waiting()) == 1


async def test_what_was_sent_is_not_in_the_file_any_more(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    def kept() -> bytes:
        return b"".join(file.read_bytes() for file in tmp_path.iterdir())

    await outbox.put(record, [FOLDER])
    assert b"A room, please" in kept()
    (parcel,) = await outbox.take(1, 10.0, [FOLDER])
    await outbox.drop(parcel)
    assert b"A room, please" not in kept()


async def test_an_outbox_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    outbox = Outbox(tmp_path / "file" / "outbox.sqlite3")
    with pytest.raises(OutboxError, match="cannot be used"):
        await outbox.put({"id": "1"}, [FOLDER])
    await outbox.aclose()
    with pytest.raises(OutboxError, match="closed"):
        await outbox.put({"id": "1"}, [FOLDER])


def test_the_command_lists_what_waits_and_has_it_sent_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record: dict[str, Any],
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "Nothing waits.\n"

    async def fail() -> None:
        outbox = Outbox()
        await outbox.put(record, [FOLDER])
        (parcel,) = await outbox.take(1, 10.0, [FOLDER])
        await outbox.postpone(parcel, "The webhook answered 500.", None)
        await outbox.aclose()

    async def due() -> int:
        outbox = Outbox()
        parcels = await outbox.take(5, 10.0, [FOLDER])
        await outbox.aclose()
        return len(parcels)

    asyncio.run(fail())
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    assert told == "call_AJ_1\tfolder /srv/calls\t1 failed\tby hand\tThe webhook answered 500.\n"
    assert asyncio.run(due()) == 0
    assert main(["retry"]) == 0
    assert capsys.readouterr().out == "1 to be sent again.\n"
    assert asyncio.run(due()) == 1


def test_the_command_tells_why_a_record_waits_that_nobody_has_tried(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    record: dict[str, Any],
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path))

    async def put() -> None:
        outbox = Outbox(clock=Clock(1_000_000_000.0))  # long ago
        await outbox.put(record, [FOLDER], {"type": "object"})
        (parcel,) = await outbox.take(1, 10.0, [FOLDER])
        await outbox.postpone(parcel, "The model failed.", 1_000_000_000.0)
        await outbox.put({**record, "id": "call_2"}, [WEBHOOK])
        await outbox.aclose()

    asyncio.run(put())
    assert main(["list"]) == 0
    why = [line.split("\t")[-1] for line in capsys.readouterr().out.splitlines()]
    nobody = "No agent server that delivers there has come for it since."
    assert why == [
        f"The model failed. {nobody}",
        "It goes there once the model has seen it.",
        nobody,
    ]
