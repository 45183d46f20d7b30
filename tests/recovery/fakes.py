"""LiveKit's rooms as the dispatcher sees them, without LiveKit."""

from __future__ import annotations

import time
from typing import Any, cast

from livekit import api

STANDARD, SIP, AGENT = (
    api.ParticipantInfo.STANDARD,
    api.ParticipantInfo.SIP,
    api.ParticipantInfo.AGENT,
)


class LiveKit:
    """Rooms, who is in them, and which agents were asked for. A test fills and reads it."""

    def __init__(self) -> None:
        self.people: dict[str, dict[str, Any]] = {}
        self.dispatches: dict[str, list[api.AgentDispatch]] = {}
        self.asked: list[tuple[str, str, str]] = []
        """Room, agent name and metadata of each agent that was called."""
        self.removed: list[tuple[str, str]] = []
        self.sent: list[api.SendDataRequest] = []
        self.deleted: list[str] = []
        self.last_words: dict[str, int] = {}
        """Of a room: how often its agent is told to end the call before it has."""
        self.attributes: dict[tuple[str, str], dict[str, str]] = {}
        """Those of somebody in a room."""
        self.counts_late = False
        """Whether rooms are listed with nobody in them, who has just come."""
        self.failure: Exception | None = None
        """What is raised in place of every answer."""
        self.listed = 0
        self.room = self.agent_dispatch = self

    @property
    def client(self) -> api.LiveKitAPI:
        return cast(api.LiveKitAPI, self)

    def open(
        self, room: str, *agent_names: str, metadata: str = "", age: float = 60.0, **people: Any
    ) -> None:
        """Open a room with people of these kinds, to which agents of these names were called."""
        self.people[room] = people
        self.dispatches[room] = [self._dispatch(name, metadata, age) for name in agent_names]

    def _dispatch(self, name: str, metadata: str, age: float) -> api.AgentDispatch:
        state = api.AgentDispatchState(created_at=int((time.time() - age) * 1e9))
        return api.AgentDispatch(agent_name=name, metadata=metadata, state=state)

    async def list_rooms(self, asked: api.ListRoomsRequest) -> api.ListRoomsResponse:
        self.listed += 1
        if self.failure:
            raise self.failure
        rooms = [
            api.Room(
                name=name,
                sid=f"RM_{name}",
                num_participants=0 if self.counts_late else len(people),
                creation_time_ms=nth,
            )
            for nth, (name, people) in enumerate(self.people.items())
            if not asked.names or name in asked.names
        ]
        return api.ListRoomsResponse(rooms=rooms)

    async def list_participants(
        self, asked: api.ListParticipantsRequest
    ) -> api.ListParticipantsResponse:
        here = [
            api.ParticipantInfo(
                identity=identity,
                kind=kind,
                attributes=self.attributes.get((asked.room, identity), {}),
            )
            for identity, kind in self._in(asked.room).items()
        ]
        return api.ListParticipantsResponse(participants=here)

    async def remove_participant(self, asked: api.RoomParticipantIdentity) -> None:
        self.removed.append((asked.room, asked.identity))
        if self._in(asked.room).pop(asked.identity, None) is None:
            raise api.TwirpError("not_found", "participant does not exist", status=404)

    async def send_data(self, asked: api.SendDataRequest) -> None:
        if self.failure:
            raise self.failure
        self._in(asked.room)
        self.sent.append(asked)
        if asked.room in self.last_words:
            self.last_words[asked.room] -= 1
            if not self.last_words[asked.room]:
                del self.people[asked.room]

    async def delete_room(self, asked: api.DeleteRoomRequest) -> None:
        self._in(asked.room)
        self.deleted.append(asked.room)
        del self.people[asked.room]

    async def list_dispatch(self, room: str) -> list[api.AgentDispatch]:
        return self.dispatches[room]

    async def create_dispatch(self, asked: api.CreateAgentDispatchRequest) -> None:
        self.asked.append((asked.room, asked.agent_name, asked.metadata))

    def _in(self, room: str) -> dict[str, Any]:
        if room not in self.people:
            raise api.TwirpError("not_found", "room does not exist", status=404)
        return self.people[room]
