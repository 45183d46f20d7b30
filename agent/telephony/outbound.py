"""A call to be placed: who is called, and what they are told. It travels as a job's metadata."""

from __future__ import annotations

import json
import uuid
from typing import Annotated

from livekit import api
from pydantic import BaseModel, ConfigDict, Field

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
    attempt: str | None = None
    """What the ledger knows the order by, if it has been granted already."""

    @classmethod
    def from_metadata(cls, metadata: str) -> OutboundCall | None:
        """The call that a job's metadata asks for; None if it asks for none."""
        try:
            said = json.loads(metadata)
            # Who speaks in it is for agent/definition/choice.py.
            call = {key: said[key] for key in said if key not in ("agent", "variables", "voice")}
            return cls.model_validate(call)
        except (ValueError, TypeError):
            return None


async def dispatch_outbound_call(
    server: api.LiveKitAPI, outbound_call: OutboundCall, *, agent: str | None = None
) -> str:
    """Have an agent place a call in a room of its own.

    Args:
        server: LiveKit's API.
        outbound_call: The call.
        agent: Name of the agent that speaks in it; the usual one if None.

    Returns:
        The room's name.

    Raises:
        livekit.api.TwirpError: LiveKit refuses the request.
        aiohttp.ClientError: LiveKit cannot be reached.
    """
    room = f"call-out-{uuid.uuid4().hex[:12]}"
    metadata = outbound_call.model_dump() | ({"agent": agent} if agent else {})
    dispatch = api.RoomAgentDispatch(metadata=json.dumps(metadata))
    await server.room.create_room(api.CreateRoomRequest(name=room, agents=[dispatch]))
    return room
