"""What asks for a call: a room's dispatch, by its metadata."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent.settings import load
from agent.telephony.arrival import connect_user
from agent.telephony.ledger import Ledger
from agent.telephony.ledger.sqlite_store import SqliteStore
from agent.telephony.outbound import OutboundCall, WrongOrder

from .fakes import SETTINGS, Server, dialler

NUMBER = "+12025550143"


@pytest.mark.parametrize(
    "metadata", ["", "{}", "plain words", "[]", "1", '{"agent": "clinic"}', '{"message": "Hi."}']
)
def test_other_metadata_is_no_order(metadata: str) -> None:
    assert OutboundCall.from_metadata(metadata) is None


def test_an_order() -> None:
    order = OutboundCall(number=NUMBER, message="Dinner is ready.", language="de", attempt="a1")
    assert OutboundCall.from_metadata(order.model_dump_json()) == order


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"number": NUMBER}, "message"),
    ({"number": NUMBER, "message": ""}, "message"),
    ({"number": NUMBER, "message": "Hi.", "language": "xx"}, "language"),
    ({"number": NUMBER, "message": "Hi.", "extra": 1}, "extra"),
    ({"number": 12025550143, "message": "Hi."}, "number"),
]


@pytest.mark.parametrize(("said", "where"), WRONG)
async def test_a_wrong_order_is_an_error_and_an_attempt_and_no_room_that_waits(
    said: dict[str, Any], where: str, tmp_path: Path
) -> None:
    async def connect() -> None:
        pass

    server = Server()
    room = SimpleNamespace(name="r", remote_participants={})
    job = SimpleNamespace(metadata=json.dumps(said))
    context = cast(Any, SimpleNamespace(job=job, room=room, api=server.api, connect=connect))
    dials = dialler(tmp_path, server.api)
    with pytest.raises(WrongOrder, match=f"is wrong: {where}: ") as wrong:
        await connect_user(context, load("gpu").model_copy(update={"phone": SETTINGS}), dials)
    assert "2025550143" not in str(wrong.value)
    await dials.aclose()
    ledger = Ledger(SqliteStore(tmp_path / "attempts.sqlite3"), SETTINGS)
    (attempt,) = await ledger.since(60.0)
    await ledger.aclose()
    assert (attempt.order, attempt.state) == ("program", "refused")
    assert attempt.number == ("+1…43" if isinstance(said["number"], str) else "no number")
    assert server.sip.asked == []
