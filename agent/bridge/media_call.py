"""A call over a media stream: the conversation of any other call, over the provider's sound."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from livekit.agents.llm import ToolContext
from livekit.agents.utils.aio import cancel_and_wait
from livekit.agents.voice.io import AudioInput
from livekit.plugins.turn_taking import Endpointer

from agent.assistant import agent_of
from agent.known import Known
from agent.languages import Language, language_named, words
from agent.post_call import About
from agent.session import make, turns_of
from agent.settings import Settings
from agent.telephony.clock import CallClock
from agent.telephony.numbers import told

from .engines import OpenCall
from .media_audio import MediaStreamInput, MediaStreamOutput, Send
from .media_choice import Choose
from .media_control import StreamCall, StreamKeys
from .media_messages import Dtmf, Mark, Media, Message, Start, Stop
from .media_record import StreamRecord

logger = logging.getLogger("parley")

T = TypeVar("T")

_INBOUND = "inbound"
"""The track of what the caller says; some providers send what they hear, too."""


def language_of(settings: Settings, start: Start) -> Language | None:
    """The caller's language: as the stream names it, else as that of any caller by phone."""
    named = language_named(start.start.custom_parameters.get("language"))
    return named or settings.phone.language or settings.default_language


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Do something for as long as the context lasts, at most."""
    task = asyncio.create_task(work, name="media stream")
    try:
        yield task
    finally:
        await cancel_and_wait(task)


async def hold_call(
    choose: Choose,
    open_call: OpenCall,
    start: Start,
    send: Send,
    messages: AsyncIterator[Message],
) -> None:
    """Hold the conversation until the caller hangs up, or the agent does.

    Args:
        choose: Says who speaks.
        open_call: Connects the call to its engines.
        start: The stream's second message.
        send: Sends a message; does nothing once the stream is closed.
        messages: What comes after the start.

    Raises:
        MessageError: A message is malformed.
        TimeoutError: The provider has gone silent.
    """
    agent, settings = await asyncio.to_thread(choose, start)
    language = agent.spoken(language_of(settings, start))
    caller, line = MediaStreamInput(), MediaStreamOutput(start.stream_sid, send)
    async with contextlib.AsyncExitStack() as stack:
        endpointer = Endpointer.load(turns_of(settings, phone=True).options)
        engines = await stack.enter_async_context(open_call(settings, language, endpointer))
        # What is said from here on is in the language of the voice; what is heard in the caller's.
        language = settings.tts.spoken(language) if language else None
        known = Known(agent, settings)
        stack.push_async_callback(known.aclose)
        await known.open()
        conversation = make(
            settings,
            agent,
            room=None,
            stt=engines.stt,
            llm=engines.llm,
            tts=engines.tts,
            sink=line,
            language=language,
            phone=True,
            endpointer=endpointer,
            known=known,
        )
        session = conversation.session
        source: AudioInput = caller
        left = asyncio.Event()
        record: StreamRecord | None = None
        if settings.post_call:
            record = StreamRecord(session, start.stream_sid, settings.post_call, str(agent.source))
            said, numbers = start.start.custom_parameters, settings.post_call.numbers

            async def keep(record: StreamRecord = record) -> None:
                await record.hand_over(
                    About(
                        agent=agent.key,
                        channel="media_stream",
                        language=conversation.conduct.language,
                        number=told(said.get("from")) if numbers else None,
                        # Of a caller who has gone the session only learns that it is closed.
                        end="CR_PARTICIPANT_DISCONNECTED" if left.is_set() else None,
                    )
                )

            stack.push_async_callback(keep)
        stack.push_async_callback(conversation.aclose)
        if record:
            try:
                source = await record.hear(caller)
            except OSError as e:  # a full disk: the call goes on
                logger.error("a call is not recorded", extra={"reason": str(e)})
        assistant = agent_of(agent, settings, language, conversation.floor, known=known)
        keys = StreamKeys(session)
        stack.push_async_callback(keys.aclose)
        conversation.conduct.keys = keys
        call = StreamCall(settings.phone, session, keys, language, conversation.floor)
        stack.callback(call.hang_up)  # a tool that runs is not waited for
        await assistant.update_tools([*assistant.tools, *call.tools])
        over = asyncio.Event()
        session.on("close", lambda _: over.set())
        await conversation.start(assistant, source)

        async def follow() -> None:
            async for message in messages:
                match message:
                    case Media() if message.media.track == _INBOUND:
                        caller.push(message.frame())
                    case Mark():
                        line.marked(message.mark.name)
                    case Dtmf():
                        keys.press(message.dtmf.digit)
                    case Stop():
                        return

        async def warn() -> None:
            await session.say(words(language or "en").phone.ending_soon)

        async def end() -> None:
            logger.info("the call has reached its limit")
            call.hang_up()

        following = await stack.enter_async_context(_running(follow()))
        closing = await stack.enter_async_context(_running(over.wait()))
        clock = CallClock(settings.phone.max_minutes * 60, settings.phone.warning)
        await stack.enter_async_context(_running(clock.run(warn, end)))
        # While the greeting plays, the server reads the prompt and the tools.
        prompt = engines.llm.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())
        await stack.enter_async_context(_running(prompt))
        await asyncio.wait((following, closing), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            left.set()
            following.result()
