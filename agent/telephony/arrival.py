"""How a conversation comes about: the user enters the room, calls in, or is called."""

from __future__ import annotations

from livekit.agents import JobContext

from ..language import language_of
from ..settings import Settings
from .budget import CallBudget
from .call_control import CallControl
from .caller_id import is_spoofed
from .dial import Dialler
from .numbers import NotAllowed
from .outbound import CALLEE, OutboundCall
from .sip_call import SipCall, wait_until_answered


async def connect_user(ctx: JobContext, settings: Settings) -> CallControl | None:
    """Enter the room and wait until somebody is there to speak with. None on the console.

    Raises:
        HungUp: The user left before anything was said.
        NoAnswer: Whoever was to be called did not pick up.
        NotAllowed: They may not be called, or the caller's origin is spoofed.
    """
    if ctx.is_fake_job():  # the console has no participants
        return None
    await ctx.connect()
    outbound_call = OutboundCall.from_metadata(ctx.job.metadata)
    if outbound_call:
        dialler = Dialler(settings.phone, ctx.api, CallBudget(settings.phone))
        await dialler.dial(outbound_call.number, room=ctx.room.name, identity=CALLEE)
    user = await ctx.wait_for_participant(identity=CALLEE if outbound_call else None)
    if is_spoofed(user):
        raise NotAllowed("the caller's From header names one of the allowed addresses")
    language = language_of(user) or (outbound_call.language if outbound_call else None)
    if SipCall.from_participant(user):
        language = language or settings.phone.language
    if outbound_call:
        await wait_until_answered(ctx.room, user)
    return CallControl(
        settings.phone,
        ctx.room,
        ctx.api,
        user=user,
        language=language or settings.default_language,
        outbound_call=outbound_call,
    )
