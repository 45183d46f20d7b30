"""Records in a database, each as it was written last."""

from __future__ import annotations

import json
import sqlite3
import stat
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import ValidationError

from agent.memory_settings import MemorySettings
from agent.post_call import Deliverer, Outbox, Place, RecordStoreError, iso, places
from agent.post_call.databases import open_database
from agent.post_call_settings import PostCallSettings

Rows = Callable[[], Awaitable[list[tuple[str, str, Any]]]]


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/kept/records.sqlite3"
    address: str = request.getfixturevalue("postgres")
    return address


async def rows(url: str) -> list[tuple[str, str, Any]]:
    """What is kept: id, type and record."""
    sql = "SELECT id, type, record FROM parley_records ORDER BY id"
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as database:
            found = database.execute(sql).fetchall()
    else:
        connection = await asyncpg.connect(url)
        found = [tuple(row) for row in await connection.fetch(sql)]
        await connection.execute("DELETE FROM parley_records")
        await connection.close()
    return [(row[0], row[1], json.loads(row[2])) for row in found]


def at(record: dict[str, Any], days_ago: float, **changes: Any) -> dict[str, Any]:
    moment = iso(time.time() - days_ago * 86_400)
    return record | {"started_at": moment, "ended_at": moment} | changes


async def test_a_record_is_kept_as_it_was_written_last(
    url: str, record: dict[str, Any], tmp_path: Path
) -> None:
    store = open_database(url, days=30)
    sound = tmp_path / "none.ogg"
    detail = at(record, 0, id="detail_1", type="call.detail", outcome="busy")
    await store.write(at(record, 0), sound)
    await store.write(detail, sound)
    await store.write(at(record, 29, summary="一间房。"), sound)
    (call, kept) = await rows(url)
    assert call[:2] == ("call_AJ_1", "call")
    assert call[2]["summary"] == "一间房。"
    assert kept == ("detail_1", "call.detail", detail)


async def test_what_no_database_takes_is_left_out_of_a_record(
    url: str, record: dict[str, Any], tmp_path: Path
) -> None:
    strange = {
        "summary": "A \0room.",
        "outcome": {"na\0me": ["\0", "Ann\ud800"], "price": float("nan"), "left": float("inf")},
    }
    await open_database(url, 30).write(at(record, 0, **strange), tmp_path)
    ((_, _, kept),) = await rows(url)
    assert kept["summary"] == "A room."
    assert kept["outcome"] == {"name": ["", "Ann\ufffd"], "price": None, "left": None}


async def test_what_has_been_there_for_long_enough_is_deleted(
    url: str, record: dict[str, Any], tmp_path: Path
) -> None:
    store = open_database(url, days=30)
    await store.write(at(record, 40, id="old"), tmp_path)
    await store.write(at(record, 1, id="new"), tmp_path)
    assert [row[0] for row in await rows(url)] == ["new"]


async def test_only_this_user_can_read_the_file(record: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "kept" / "records.sqlite3"
    await open_database(f"sqlite:///{path}", 30).write(at(record, 0), tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "wrong",
    ["sqlite:////proc/none/records.sqlite3", "postgresql://parley:secret@127.0.0.1:1/calls"],
)
async def test_a_database_that_cannot_be_used_is_one_sentence(
    wrong: str, record: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(RecordStoreError) as refused:
        await open_database(wrong, 30).write(record, tmp_path)
    assert "cannot be used" in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_it_is_a_place_of_a_profile_and_gets_what_belongs_there(
    url: str, record: dict[str, Any], outbox: Outbox, clock: Any
) -> None:
    settings = PostCallSettings.model_validate({"database": url})
    await outbox.put(at(record, 0), places(settings))
    deliverer = Deliverer(settings, outbox, clock=clock)
    deliverer.finish()
    await deliverer.run()
    assert [row[0] for row in await rows(url)] == ["call_AJ_1"]
    assert await outbox.waiting() == []


def test_the_password_of_a_database_is_not_told() -> None:
    written = "postgresql://parley:secret@db.example.com:5433/calls?password=secret"
    settings = PostCallSettings.model_validate({"database": written})
    (place,) = places(settings)
    assert place.kind == "database"
    assert place.where.startswith("postgresql://db.example.com:5433/calls?")
    assert "secret" not in place.where + repr(settings)
    assert places(PostCallSettings.model_validate({"database": "sqlite:///a.sqlite3"})) == [
        Place("database", "sqlite:///a.sqlite3")
    ]


@pytest.mark.parametrize("wrong", ["mysql://host/calls", "sqlite://", "calls.db", ""])
def test_another_database_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="must be sqlite:///PATH or postgresql://"):
        PostCallSettings.model_validate({"database": wrong})


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "postgresql://user:1234#s3cr3t@host/db",
            "write /, \\?, # and @ in a name or",
        ),
        ("postgresql://user:12/s3cr3t@host/db", "write /, "),
        ("postgresql://user:12?s3cr3t@host/db", "write /, "),
        ("postgresql://user:12@34?s3cr3t@host/db", "write /, "),
        ("postgresql://host/db#s3cr3t", "write /, "),
        ("postgresql://s3cr3t@[x", "its host cannot be one"),
        ("postgresql://s3cr3t@h1,,h2", "its host cannot be one"),
        ("postgresql://user:s3cr3t@host:port/db", "its port must be a number"),
        ("postgresql://user:s3cr3t@h1:5432,h2:99999/db", "its port must be a number"),
        ("sqlite:///#s3cr3t", "write # and \\? in a path as"),
        ("sqlite:///calls.db?mode=s3cr3t", "write # and "),
        ("sqlite:///%20", "it needs a path: sqlite:///PATH"),
    ],
)
def test_an_address_that_can_be_none_is_refused_without_its_secret(wrong: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said) as refused:
        PostCallSettings.model_validate({"database": wrong})
    assert "s3cr3t" not in str(refused.value.errors()[0]["ctx"])
    with pytest.raises(ValidationError, match=said):
        MemorySettings.model_validate({"key": "k" * 32, "store": wrong})


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("postgresql://u:p%23%2F%40@H1:5432,h2:5433/db", "postgresql://h1:5432,h2:5433/db"),
        ("postgresql://u:p@[::1]:5432/db", "postgresql://[::1]:5432/db"),
        ("postgresql:///db?host=/run/postgresql", "postgresql:///db?…"),
        ("sqlite:////srv/a%23b.db", "sqlite:////srv/a%23b.db"),
    ],
)
def test_where_a_database_is_can_be_told(written: str, shown: str) -> None:
    (place,) = places(PostCallSettings.model_validate({"database": written}))
    assert place.where.startswith(shown)
