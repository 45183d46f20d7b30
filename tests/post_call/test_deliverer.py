from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import llm
from livekit.plugins import vllm

from agent.post_call import Deliverer, Outbox, form, places
from agent.post_call import stores as stores_module
from agent.post_call import webhook as webhook_module
from agent.post_call.deliverer import ANALYSES
from agent.post_call.recording import sound_of
from agent.post_call_settings import PostCallSettings

from ..form_server import FormServer, serving
from .receiver import SECRET, receiving

NO_SOUND = Path("none.ogg")
FILLED = '{"summary": "A room was booked.", "outcome": {"booked": true}}'
OUTCOME = {
    "type": "object",
    "properties": {"booked": {"type": "boolean"}},
    "required": ["booked"],
}


def settings(**given: Any) -> PostCallSettings:
    return PostCallSettings.model_validate(given)


def webhook(url: str) -> dict[str, str]:
    return {"url": url, "secret": SECRET}


@contextlib.asynccontextmanager
async def delivering(
    given: PostCallSettings, outbox: Outbox, server: FormServer | None = None, tries: int = 9
) -> AsyncIterator[None]:
    async def model_of(_: str) -> llm.LLM[Any]:
        assert server
        return vllm.LLM(base_url=server.url)

    deliverer = Deliverer(
        given, outbox, model_of if server else None, delays=[0.01] * tries, lease=0.5, poll=0.01
    )
    running = asyncio.create_task(deliverer.run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def until_empty(outbox: Outbox) -> None:
    async with asyncio.timeout(20):
        while await outbox.waiting():
            await asyncio.sleep(0.02)


async def until_stuck(outbox: Outbox) -> str:
    async with asyncio.timeout(20):
        while (parcel := (await outbox.waiting())[0]).due is not None:
            await asyncio.sleep(0.02)
    return parcel.problem


@pytest.fixture
async def outbox(tmp_path: Path) -> AsyncIterator[Outbox]:
    opened = Outbox(tmp_path / "outbox.sqlite3")
    yield opened
    await opened.aclose()


async def test_a_record_is_filled_in_written_and_posted(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    async with receiving(200) as receiver, serving(FILLED) as server:
        given = settings(folder=tmp_path / "calls", webhook=webhook(receiver.url), outcome=OUTCOME)
        await outbox.put(record, places(given), form(given))
        async with delivering(given, outbox, server):
            await until_empty(outbox)
    whole = {**record, "summary": "A room was booked.", "outcome": {"booked": True}}
    assert receiver.posts == [
        {"type": "call.ended", "timestamp": record["ended_at"], "data": whole}
    ]
    path = tmp_path / "calls" / "2026-11-29" / "call_AJ_1.json"
    assert json.loads(path.read_text("utf-8")) == whole
    assert path.stat().st_mode & 0o777 == 0o600
    assert server.shown() == [
        "agent: Hello!",
        "caller: A room, please. 一间房。",
        "tool book: Room 7",
    ]


async def test_a_model_reads_a_long_call_in_order_and_to_its_last_word(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    looked_up = [{**record["tools"][0], "at": 3.0 + i, "output": "word " * 320} for i in range(4)]
    last = {**record["transcript"][1], "at": 9.0, "text": "Yes, book Friday."}
    long = {**record, "transcript": [*record["transcript"], last], "tools": looked_up}
    async with serving(FILLED) as server:
        given = settings(folder=tmp_path / "calls", outcome=OUTCOME)
        await outbox.put(long, places(given), form(given))
        async with delivering(given, outbox, server):
            await until_empty(outbox)
    shown = [line.split(" word")[0] for line in server.shown()]
    assert shown[:2] == ["agent: Hello!", "caller: A room, please. 一间房。"]
    assert shown[2:] == [*["tool book:"] * 4, "caller: Yes, book Friday."]


async def test_a_webhook_that_fails_gets_the_same_record_until_it_takes_it(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    async with receiving(500, 302, 404, 204) as receiver:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox):
            await until_empty(outbox)
    assert receiver.ids == ["call_AJ_1"] * 4


async def test_a_webhook_that_hangs_or_is_away_is_tried_again(
    outbox: Outbox, record: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_module, "TIMEOUT", 0.1)
    async with receiving(0, 200) as receiver:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox):
            await until_empty(outbox)
    assert len(receiver.ids) == 2
    await outbox.put({**record, "id": "call_2"}, places(given))
    async with delivering(given, outbox, tries=1):
        assert "cannot be reached" in await until_stuck(outbox)


async def test_after_the_last_try_a_record_waits_to_be_sent_by_hand(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    async with receiving(503) as receiver:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox, tries=2):
            assert await until_stuck(outbox) == "The webhook answered 503."
    assert len(receiver.ids) == 3


async def test_a_receiver_that_wants_no_more_is_left_alone(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    async with receiving(410) as receiver:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox):
            await until_stuck(outbox)
    assert len(receiver.ids) == 1


async def test_a_receiver_says_how_long_to_wait(outbox: Outbox, record: dict[str, Any]) -> None:
    async with receiving(429, Retry_After="3600") as receiver:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox):
            await receiver.arrived.wait()
            async with asyncio.timeout(20):
                while not (parcel := (await outbox.waiting())[0]).problem:
                    await asyncio.sleep(0.02)
    assert parcel.due is not None
    assert parcel.due - outbox._clock() > 3500
    assert len(receiver.ids) == 1


async def test_a_slow_webhook_does_not_hold_up_the_folder(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    async with receiving(0) as receiver:
        given = settings(folder=tmp_path / "calls", webhook=webhook(receiver.url))
        await outbox.put(record, places(given))
        async with delivering(given, outbox):
            await receiver.arrived.wait()
            async with asyncio.timeout(20):
                while [parcel.to.kind for parcel in await outbox.waiting()] != ["webhook"]:
                    await asyncio.sleep(0.02)
            # Held for longer than the lease: nobody else sends it meanwhile.
            await asyncio.sleep(0.8)
        assert len(receiver.ids) == 1
    assert (tmp_path / "calls" / "2026-11-29" / "call_AJ_1.json").is_file()


async def test_a_model_that_fails_keeps_no_record_back(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    async with receiving(200) as receiver, serving("no JSON") as server:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(record, places(given), form(given))
        async with delivering(given, outbox, server):
            await until_empty(outbox)
    assert len(server.asked) == ANALYSES
    (post,) = receiver.posts
    assert post["data"]["summary"] is None
    assert "does not fit the schema" in post["data"]["unfilled"]


async def test_a_call_in_which_nobody_spoke_is_not_summed_up(
    outbox: Outbox, record: dict[str, Any]
) -> None:
    silent = {**record, "transcript": record["transcript"][:1]}
    async with receiving(200) as receiver, serving(FILLED) as server:
        given = settings(webhook=webhook(receiver.url))
        await outbox.put(silent, places(given), form(given))
        async with delivering(given, outbox, server):
            await until_empty(outbox)
    assert server.asked == []
    assert receiver.posts[0]["data"] == silent


async def test_one_record_that_nobody_foresaw_does_not_hold_up_the_others(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    given = settings(folder=tmp_path / "calls")
    await outbox.put({"id": "odd"}, places(given))
    await outbox.put(record, places(given))
    async with delivering(given, outbox, tries=1):
        await until_stuck(outbox)
    assert [parcel.id for parcel in await outbox.waiting()] == ["odd"]


async def test_a_folder_that_cannot_be_written_is_tried_again(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "calls").touch()
    given = settings(folder=tmp_path / "calls")
    await outbox.put(record, places(given))
    async with delivering(given, outbox):
        async with asyncio.timeout(20):
            while (await outbox.waiting())[0].tries < 2:
                await asyncio.sleep(0.02)
        (tmp_path / "calls").unlink()
        await until_empty(outbox)
    assert (tmp_path / "calls" / "2026-11-29" / "call_AJ_1.json").is_file()


async def test_a_record_comes_to_its_own_profiles_places_and_to_no_others(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    async with (
        receiving(200) as receiver,
        serving(FILLED) as server,
        serving(FILLED) as other_server,
    ):
        mine = settings(folder=tmp_path / "mine", webhook=webhook(receiver.url), outcome=OUTCOME)
        theirs = settings(folder=tmp_path / "theirs", webhook=webhook(receiver.url + "?a=b"))
        await outbox.put(record, places(mine), form(mine))
        async with delivering(theirs, outbox, other_server):
            await outbox.put({**record, "id": "call_2"}, places(theirs))
            async with asyncio.timeout(20):
                while any(parcel.id == "call_2" for parcel in await outbox.waiting()):
                    await asyncio.sleep(0.02)
        assert names(tmp_path / "theirs") == ["2026-11-29", "2026-11-29/call_2.json"]
        assert len(await outbox.waiting()) == 3
        assert (server.asked, other_server.asked) == ([], [])
        async with delivering(mine, outbox, server):
            await until_empty(outbox)
        assert receiver.ids == ["call_2", "call_AJ_1"]
        assert (len(server.asked), other_server.asked) == (1, [])
    assert names(tmp_path / "mine") == ["2026-11-29", "2026-11-29/call_AJ_1.json"]


async def test_a_record_waits_for_a_webhook_that_has_left_the_profile(
    outbox: Outbox, record: dict[str, Any], tmp_path: Path
) -> None:
    sound = sound_of(record, outbox.folder)
    sound.parent.mkdir()
    sound.write_bytes(b"OggS")
    async with receiving(200) as receiver, serving(FILLED) as server:
        before = settings(folder=tmp_path / "calls", webhook=webhook(receiver.url), outcome=OUTCOME)
        now = settings(folder=tmp_path / "calls")
        await outbox.put(record, places(before), form(before))
        async with delivering(now, outbox, server), asyncio.timeout(20):
            while len(await outbox.waiting()) > 1:
                await asyncio.sleep(0.02)
        (left,) = await outbox.waiting()
        assert str(left.to) == f"webhook {receiver.url}"
        assert left.record["summary"] == "A room was booked."
        assert sound.is_file()
        async with delivering(before, outbox):
            await until_empty(outbox)
    assert receiver.ids == ["call_AJ_1"]
    assert not sound.exists()


def test_a_place_is_told_without_what_opens_it() -> None:
    s3 = {"bucket": "calls", "prefix": "clerk", "endpoint": "https://me:pw@s3.example.com"}
    hook = webhook("https://me:pw@crm.example.com/calls?token=hush")
    told = [str(place) for place in places(settings(folder="/srv/x/../calls", s3=s3, webhook=hook))]
    assert told[:2] == ["folder /srv/calls", "bucket calls/clerk at https://s3.example.com:443/"]
    assert told[2].startswith("webhook https://crm.example.com:443/calls?…")
    assert not any(secret in " ".join(told) for secret in ("pw", "hush", SECRET))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


async def test_records_leave_the_folder_after_their_days(
    record: dict[str, Any], tmp_path: Path
) -> None:
    for day in ("2020-01-01", "2020-01-02", "notes"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "call_AJ_0.json").touch()
    (tmp_path / "2020-01-02" / "mine.txt").touch()
    store = stores_module.FolderStore(tmp_path, days=30)
    await store.write({**record, "started_at": "2999-01-01T00:00:00.000Z"}, NO_SOUND)
    assert names(tmp_path) == [
        "2020-01-02",
        "2020-01-02/mine.txt",
        "2999-01-01",
        "2999-01-01/call_AJ_1.json",
        "notes",
        "notes/call_AJ_0.json",
    ]


async def test_an_id_names_no_other_folder(record: dict[str, Any], tmp_path: Path) -> None:
    await stores_module.FolderStore(tmp_path, days=30).write(
        {**record, "id": "call_../../x"}, NO_SOUND
    )
    assert (tmp_path / "2026-11-29" / "call_______x.json").is_file()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"webhook": {"url": "ftp://x", "secret": SECRET}}, "URL scheme should be"),
        ({"webhook": {"url": "https://x", "secret": "hunter2"}}, "base64"),
        ({"webhook": {"url": "https://x", "secret": "whsec_c2hvcnQ="}}, "24 to 64 bytes"),
        ({"outcome": {"type": "array"}}, "type: object"),
        ({"outcome": {"type": "object", "properties": {"a": {"type": "x"}}}}, "not a JSON schema"),
        ({"recording": True, "webhook": {"url": "https://x", "secret": SECRET}}, "needs a folder"),
        ({"days": 0}, "greater than or equal to 1"),
    ],
)
def test_a_wrong_setting_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        settings(**given)


def test_a_form_asks_for_what_the_settings_say() -> None:
    assert form(settings(summary=False)) is None
    outcome = {**OUTCOME, "$defs": {"a": {"type": "string"}}}
    asked = form(settings(outcome=outcome))
    assert asked is not None
    assert list(asked["properties"]) == ["summary", "outcome"]
    assert asked["$defs"] == {"a": {"type": "string"}}
