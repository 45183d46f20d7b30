"""How a conversation comes about: the user enters the room, calls in, or is called."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from livekit.agents import JobContext

from ..alone import ALONE
from ..language import language_of
from ..settings import Language, Settings
from .caller_id import is_spoofed
from .dial import Dialler
from .numbers import NotAllowed
from .outbound import CALLEE, OutboundCall, WrongOrder
from .sip_call import HungUp, SipCall, wait_until_answered


@dataclass(frozen=True)
class User:
    """Whom the agent speaks with, and how they came."""

    identity: str
    """Identity of their participant in the room."""
    language: Language | None
    """Their language, if it is known."""
    sip_call: SipCall | None
    """Their call; None if they are not on the phone."""
    outbound_call: OutboundCall | None = None
    """The call that the agent placed; None if they called or joined."""
    longest: float | None = None
    """How long a call that the agent placed may last, in seconds, if that is known."""


async def connect_user(ctx: JobContext, settings: Settings, dialler: Dialler) -> User:
    """Enter the room and wait until somebody is there to speak with.

    Args:
        ctx: The job.
        settings: The profile.
        dialler: Calls whoever is to be called.

    Raises:
        HungUp: The user left before anything was said, or nobody came.
        NoAnswer: Whoever was to be called did not pick up.
        NotAllowed: They may not be called, or the caller's origin is spoofed.
    """
    await ctx.connect()
    try:
        outbound_call = OutboundCall.from_metadata(ctx.job.metadata)
    except WrongOrder as e:  # not a room in which somebody is waited for
        await dialler.refuse("program", e.number, e)
        raise
    longest: float | None = None
    # An agent that goes on for one that has died finds them there already.
    if outbound_call and CALLEE in ctx.room.remote_participants:
        longest = await dialler.find(ctx.room.name, CALLEE)
    elif outbound_call:
        longest = await dialler.dial(
            outbound_call.number,
            order="program",
            room=ctx.room.name,
            identity=CALLEE,
            attempt=outbound_call.attempt,
        )
    try:
        async with asyncio.timeout(ALONE):
            user = await ctx.wait_for_participant(identity=CALLEE if outbound_call else None)
    except TimeoutError as e:
        raise HungUp("nobody came") from e
    sip_call = SipCall.from_participant(user, settings.phone.country)
    if sip_call and not outbound_call:
        dialler.details.came(ctx.room, user, sip_call, ctx.api)
    if is_spoofed(user):
        raise NotAllowed("the caller's From header names one of the allowed addresses")
    language = language_of(user) or (outbound_call.language if outbound_call else None)
    if sip_call:
        language = language or settings.phone.language
    if outbound_call:
        await wait_until_answered(ctx.room, user)
    language = language or settings.default_language
    return User(user.identity, language, sip_call, outbound_call, longest)
