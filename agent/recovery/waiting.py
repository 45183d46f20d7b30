"""Callers by phone in a room without an agent: their line rings, or their agent has gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from livekit import api

from .book import Call, Moment

ATTENDANT = "waiting-line"
"""Identity of whoever is with callers that hold (:mod:`agent.telephony.full_house`). It is of an
agent's kind, so that nobody takes it for a caller, and no agent."""


@dataclass(frozen=True)
class WaitingRoom:
    """A room with callers by phone, and no agent."""

    room: api.Room
    callers: list[api.ParticipantInfo]
    attended: bool = False
    """Whether they hold: there is music."""


async def waiting_rooms(
    livekit: api.LiveKitAPI,
    agent_name: str,
    at: Moment,
    calls: Mapping[str, Call],
    gone: Collection[str] = (),
) -> list[WaitingRoom]:
    """The rooms to which an agent of ours was wanted, who is not there, though callers are.

    Each room is asked who is in it: the number of them that LiveKit lists with the rooms is up to
    five seconds old.

    Args:
        livekit: LiveKit's API.
        agent_name: Name under which our agents are called; empty for any.
        at: What the book knows beside its calls.
        calls: The calls in the book, by room.
        gone: Agents that LiveKit may take for connected for some seconds yet, and are not.

    Returns:
        The oldest room first.
    """
    found: list[WaitingRoom] = []
    for room in (await livekit.room.list_rooms(api.ListRoomsRequest())).rooms:
        call = calls.get(room.name)
        if call and (call.state == "handed" or (at.holds(call) and call.agent not in gone)):
            continue
        try:
            here = await livekit.room.list_participants(api.ListParticipantsRequest(room=room.name))
            callers = _without_agent(here.participants, gone)
            ours = callers and await _is_ours(livekit, room.name, agent_name)
        except api.TwirpError as e:
            if e.code != api.TwirpErrorCode.NOT_FOUND:
                raise
            continue  # it has just closed
        if ours:
            attended = any(each.identity == ATTENDANT for each in here.participants)
            found.append(WaitingRoom(room, callers, attended))
    return sorted(found, key=lambda each: each.room.creation_time_ms)


def _without_agent(
    here: Sequence[api.ParticipantInfo], gone: Collection[str]
) -> list[api.ParticipantInfo]:
    """The callers of a room; none if an agent is with them."""
    if any(is_agent(each) and each.identity not in gone for each in here):
        return []
    return [each for each in here if each.kind == api.ParticipantInfo.SIP]


def is_agent(participant: api.ParticipantInfo) -> bool:
    """Whether somebody in a room is an agent that speaks with callers."""
    agent = participant.kind == api.ParticipantInfo.AGENT
    return agent and participant.identity != ATTENDANT


async def _is_ours(livekit: api.LiveKitAPI, room: str, agent_name: str) -> bool:
    """Whether an agent of ours was called to a room: another program may speak with callers."""
    dispatches = await livekit.agent_dispatch.list_dispatch(room)
    return any(dispatch.agent_name == agent_name for dispatch in dispatches)
