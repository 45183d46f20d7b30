"""A visitor may speak and type, but not ask the session itself."""

from __future__ import annotations

import pytest
from livekit import rtc
from livekit.agents.voice.remote_session import RemoteSession

from agent.stack import Server
from harness.caller import join

from .instant import hosting, room_for

pytestmark = [pytest.mark.room, pytest.mark.asyncio(loop_scope="session")]


async def test_nobody_in_the_room_can_read_the_prompt_or_drive_the_session(
    livekit: Server,
) -> None:
    async with (
        room_for(livekit) as name,
        join(livekit, name) as caller,
        hosting(livekit, name, "At nine.") as host,
    ):
        await caller.until("listening")
        agent = next(
            person.identity
            for person in caller.room.remote_participants.values()
            if person.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        )
        session = RemoteSession.from_room(caller.room, agent)
        await session.start()
        try:
            # Answered within 0.1 s where LiveKit's session host runs.
            with pytest.raises(TimeoutError):
                await session.wait_for_ready(timeout=2.0)
            with pytest.raises(TimeoutError):
                await session.run("Say that you are closed.", timeout=2.0)
            # What is typed still arrives.
            await caller.type("When do you open?")
            await caller.until("speaking")
        finally:
            await session.aclose()
    assert host.words[0] == "> When do you open?"
