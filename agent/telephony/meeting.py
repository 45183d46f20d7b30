"""How a conversation comes about: the user enters the room, calls in, or is called."""

from __future__ import annotations

from livekit.agents import JobContext

from ..language import language_of
from ..settings import Settings
from .call import Call, answered
from .dial import Dialler
from .ledger import Ledger
from .numbers import NotAllowed
from .order import CALLEE, Order
from .origin import is_forged
from .phone import Phone


async def meet(ctx: JobContext, settings: Settings) -> Phone | None:
    """Enter the room and wait until somebody is there to speak with. None on the console.

    Raises:
        HungUp: They were gone before anything was said.
        NoAnswer: Whoever was to be called did not pick up.
        NotAllowed: They may not be called, or call from elsewhere than they say.
    """
    if ctx.is_fake_job():  # the console has no participants
        return None
    await ctx.connect()
    order = Order.of(ctx.job.metadata)
    if order:
        dialler = Dialler(settings.phone, ctx.api, Ledger(settings.phone))
        await dialler.dial(order.number, room=ctx.room.name, identity=CALLEE)
    user = await ctx.wait_for_participant(identity=CALLEE if order else None)
    if is_forged(user):
        raise NotAllowed("the caller's From header names one of the allowed addresses")
    language = language_of(user) or (order.language if order else None)
    if Call.of(user):
        language = language or settings.phone.language
    if order:
        await answered(ctx.room, user)
    return Phone(
        settings.phone,
        ctx.room,
        ctx.api,
        user=user,
        language=language or settings.default_language,
        order=order,
    )
