"""What the room is told of the engines."""

from __future__ import annotations

import asyncio

from agent.watchdog import ATTRIBUTE_TROUBLE
from agent.watchdog.trouble import Trouble


class Participant:
    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        await asyncio.sleep(0.01)
        self.told.append(attributes)


class Room:
    def __init__(self) -> None:
        self.local_participant = Participant()

    def isconnected(self) -> bool:
        return True


async def test_the_last_that_is_told_is_how_it_is() -> None:
    room = Room()
    trouble = Trouble(room)  # type: ignore[arg-type]
    trouble.begins("tts")
    trouble.begins("stt")
    await asyncio.sleep(0.005)  # on its way
    trouble.ends("tts")
    trouble.begins("llm")
    trouble.ends("stt")
    await asyncio.sleep(0.05)
    assert room.local_participant.told == [
        {ATTRIBUTE_TROUBLE: "stt,tts"},
        {ATTRIBUTE_TROUBLE: "llm"},
    ]
    trouble.ends("llm")
    await asyncio.sleep(0.05)
    assert room.local_participant.told[-1] == {ATTRIBUTE_TROUBLE: ""}
    trouble.ends("llm")
    await asyncio.sleep(0.05)
    assert len(room.local_participant.told) == 3
    await trouble.aclose()
