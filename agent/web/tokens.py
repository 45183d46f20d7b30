"""Tickets: a signed token that lets one browser into one fresh room, where the agent is called."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import timedelta

from livekit import api
from pydantic import BaseModel, ConfigDict, Field

from agent.once import new_name
from agent.settings import LANGUAGE_ATTRIBUTE, Language
from agent.visitor import LONGEST_NAME, Visitor

TIME_TO_JOIN = timedelta(seconds=30)
"""How long a ticket opens the door: a browser takes one or two seconds, and tries again for some.
livekit-server renews the token of whoever is inside, so a conversation and its reconnections may
last longer."""

LAST_USE = TIME_TO_JOIN.total_seconds() + 60.0
"""Seconds after which livekit-server surely refuses a ticket: it forgives clocks a minute."""


class Request(BaseModel):
    """What the page asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    language: Language
    agent: str | None = Field(default=None, max_length=40)
    """Name of the agent, of those that ``GET /api/agents`` lists; the first if not given."""
    voice: str | None = Field(default=None, max_length=100)
    """Its voice, of those that are listed there; its usual one if not given."""
    name: str = Field(default="", max_length=LONGEST_NAME)
    """Display name; may stay empty. Who has signed in has the one that they signed in with."""


@dataclass(frozen=True)
class Ticket:
    """A way into one room."""

    room: str
    identity: str
    token: str


def issue(
    request: Request, api_key: str, api_secret: str, visitor: Visitor | None = None
) -> Ticket:
    """Sign a ticket for a room and an identity that nobody else can guess or has used.

    The holder may enter that room, listen, publish a microphone and data, and set attributes of
    their own (the language): no camera, no screen, no other room, no server API. One person
    fits in; agents do not count. Who signed in is in the room's metadata, which nobody in it can
    change.
    """
    room = new_name()
    asked = {"agent": request.agent, "voice": request.voice}
    given = {name: value for name, value in asked.items() if value}
    metadata = json.dumps(given) if given else ""
    dispatch = api.RoomAgentDispatch(
        # An agent server without a name takes every room; one with a name is called by it.
        agent_name=os.environ.get("LIVEKIT_AGENT_NAME", ""),
        metadata=metadata,
    )
    identity = f"{'user' if visitor else 'guest'}-{secrets.token_hex(6)}"
    token = (
        api.AccessToken(api_key, api_secret)
        .with_identity(identity)
        .with_name(visitor.name if visitor else request.name)
        .with_ttl(TIME_TO_JOIN)
        .with_attributes({LANGUAGE_ATTRIBUTE: request.language})
        .with_grants(
            api.VideoGrants(
                room_join=True,
                room=room,
                can_subscribe=True,
                can_publish=True,
                can_publish_sources=["microphone"],
                can_publish_data=True,
                can_update_own_metadata=True,
            )
        )
        .with_room_config(
            api.RoomConfiguration(
                agents=[dispatch],
                max_participants=1,
                metadata=visitor.metadata() if visitor else "",
            )
        )
        .to_jwt()
    )
    return Ticket(room=room, identity=identity, token=token)
