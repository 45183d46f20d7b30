"""A call to be placed: who is called, and what they are told. It travels as a job's metadata."""

from __future__ import annotations

import uuid
from typing import Annotated

from livekit import api
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..settings import Language

CALLEE = "callee"
"""Identity in the room of whoever is called."""


class OutboundCall(BaseModel):
    """A call for the agent to place."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    number: str
    message: Annotated[str, Field(min_length=1, max_length=500)]
    """The first words to a person, and what is left on an answering machine."""
    language: Language = "en"

    @classmethod
    def from_metadata(cls, metadata: str) -> OutboundCall | None:
        """The call that a job's metadata asks for; None if it asks for none."""
        try:
            return cls.model_validate_json(metadata)
        except ValidationError:
            return None


async def dispatch_outbound_call(server: api.LiveKitAPI, outbound_call: OutboundCall) -> str:
    """Have an agent place a call in a room of its own.

    Returns:
        The room's name.

    Raises:
        livekit.api.TwirpError: LiveKit refuses the request.
        aiohttp.ClientError: LiveKit cannot be reached.
    """
    room = f"call-out-{uuid.uuid4().hex[:12]}"
    dispatch = api.RoomAgentDispatch(metadata=outbound_call.model_dump_json())
    await server.room.create_room(api.CreateRoomRequest(name=room, agents=[dispatch]))
    return room
