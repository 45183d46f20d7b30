"""A call outside business hours: a message, perhaps a callback, and its end, without a model.

No language model is asked, nor one that hears and speaks by itself; the recogniser and the voice
are. So a language model may be off for the night, but not a Qwen3-Omni whose server is the voice as
well, as in the profile experimental-omni.
Nothing of it is kept but that it was: there is no conversation to go on with, or to sum up.
"""

from __future__ import annotations

import os
from dataclasses import replace

from livekit.agents import JobContext
from livekit.plugins.turn_taking import Endpointer

from . import engines
from .alone import Alone
from .definition.definition import AgentDefinition
from .ending import end_with
from .goodbye import Closing
from .languages import Language, words
from .post_call import recording_options
from .recovery import CallRecord
from .routing_settings import Night
from .session import make, turns_of
from .settings import Settings
from .telephony import CallControl, Dialler, User
from .telephony.night import message_in_room


async def converse(
    ctx: JobContext,
    night: Night,
    settings: Settings,
    agent: AgentDefinition,
    user: User,
    language: Language | None,
    dialler: Dialler,
    record: CallRecord,
    since: float,
) -> None:
    """Say the message to a caller in a room.

    Args:
        ctx: The job.
        night: The message.
        settings: The profile, with what the agent has of it for itself.
        agent: Whose call it would have been by day.
        user: The caller.
        language: What they speak, if that is known.
        dialler: Keeps what became of the call, and sends a wish for a callback on.
        record: Whose call it is.
        since: When they came, on the monotonic clock.
    """
    dialler.details.job = None  # there is no record of what was said, which a model sums up
    endpointer = Endpointer.load(turns_of(settings, phone=True).options)
    recogniser = engines.stt(settings.stt, language, detector=endpointer)
    voice = engines.tts(settings.tts, language)
    language = settings.tts.spoken(language) if language else None
    conversation = make(
        settings,
        agent,
        room=ctx.room,
        stt=recogniser,
        tts=voice,
        language=language,
        phone=True,
        endpointer=endpointer,
        since=since,
    )
    session, conduct = conversation.session, conversation.conduct
    caller = replace(user, language=language)
    phone = CallControl(
        settings.phone, ctx.room, ctx.api, session, caller, dialler, agent=agent.key
    )
    closing = Closing(ctx.room, session, lambda: words(conduct.spoken_language()).assistant.closing)
    alone = Alone(ctx.room, lambda: session.shutdown(drain=False))
    for part in (closing, conversation, alone, phone):
        ctx.add_shutdown_callback(part.aclose)
    end_with(session, ctx, record.is_ours)
    phone.start()
    options = recording_options(None, os.environ.get("LIVEKIT_URL", ""))
    await conversation.start(message_in_room(night, phone), ctx.room, record=options)
