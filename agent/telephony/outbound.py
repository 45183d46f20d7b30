"""A call to be placed: who is called, and what they are told. It travels as a job's metadata."""

from __future__ import annotations

import json
import uuid
from typing import Annotated

from livekit import api
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.foreign_json import read_json

from ..settings import Language
from .numbers import NotAllowed

CALLEE = "callee"
"""Identity in the room of whoever is called."""


class WrongOrder(NotAllowed):
    """What asks for a call does not say whom to call, or what to say.

    Args:
        text: What is wrong.
        number: Who is to be called, if that is known.
    """

    def __init__(self, text: str, number: str) -> None:
        super().__init__(text)
        self.number = number


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
        """The call that a job's metadata asks for; None if it asks for none.

        Raises:
            WrongOrder: It asks for one, and is wrong.
        """
        try:
            said = read_json(metadata)
        except ValueError:
            return None
        if not isinstance(said, dict) or "number" not in said:
            return None
        # Who speaks in it is for agent/definition/choice.py.
        call = {key: said[key] for key in said if key not in ("agent", "variables", "voice")}
        try:
            return cls.model_validate(call)
        except ValidationError as e:
            number = said["number"] if isinstance(said["number"], str) else ""
            first = e.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            text = f"The order of a call is wrong: {where}: {first['msg']}."
            raise WrongOrder(text, number) from e


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
