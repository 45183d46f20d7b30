"""Callers by phone in a room without an agent: their line rings, or their agent has gone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from livekit import api

from .book import Call, Moment


@dataclass(frozen=True)
class WaitingRoom:
    """A room with callers by phone, and nobody who answers them."""

    room: api.Room
    callers: list[api.ParticipantInfo]


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
            callers = await _callers(livekit, room.name, gone)
            ours = callers and await _is_ours(livekit, room.name, agent_name)
        except api.TwirpError as e:
            if e.code != api.TwirpErrorCode.NOT_FOUND:
                raise
            continue  # it has just closed
        if ours:
            found.append(WaitingRoom(room, callers))
    return sorted(found, key=lambda each: each.room.creation_time_ms)


async def _callers(
    livekit: api.LiveKitAPI, room: str, gone: Collection[str]
) -> list[api.ParticipantInfo]:
    here = await livekit.room.list_participants(api.ListParticipantsRequest(room=room))
    kinds = api.ParticipantInfo.Kind
    if any(p.kind == kinds.AGENT and p.identity not in gone for p in here.participants):
        return []
    return [p for p in here.participants if p.kind == kinds.SIP]


async def _is_ours(livekit: api.LiveKitAPI, room: str, agent_name: str) -> bool:
    """Whether an agent of ours was called to a room: another program may speak with callers."""
    dispatches = await livekit.agent_dispatch.list_dispatch(room)
    return any(dispatch.agent_name == agent_name for dispatch in dispatches)
