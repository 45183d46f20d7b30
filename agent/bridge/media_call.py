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
from agent.goodbye import stop_after_a_word
from agent.known import Known
from agent.languages import Language, language_named, words
from agent.post_call import About
from agent.session import make, turns_of
from agent.settings import Settings
from agent.telephony.clock import CallClock
from agent.telephony.night import NightMessage, night_of
from agent.telephony.numbers import told
from agent.telephony.saying import say

from .engines import OpenCall
from .media_audio import MediaStreamInput, MediaStreamOutput, Send
from .media_choice import Choose
from .media_control import StreamCall, StreamKeys
from .media_messages import Dialect, Dtmf, Mark, Media, Message, Start, Stop, Trouble
from .media_record import StreamRecord

logger = logging.getLogger("parley")

T = TypeVar("T")


def language_of(settings: Settings, start: Start) -> Language | None:
    """The caller's language: as the stream names it, else as that of any caller by phone."""
    named = language_named(start.parameters.get("language"))
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
    dialect: Dialect,
    start: Start,
    send: Send,
    messages: AsyncIterator[Message],
    stopping: asyncio.Event,
) -> None:
    """Hold the conversation until the caller hangs up, the agent does, or the bridge stops.

    Args:
        choose: Says who speaks.
        open_call: Connects the call to its engines.
        dialect: How the provider writes the stream's messages.
        start: What the stream said as it began.
        send: Sends a message; does nothing once the stream is closed.
        messages: What comes after the start.
        stopping: Set once the bridge is to stop: the call ends after a word then.

    Raises:
        MessageError: A message is malformed.
        TimeoutError: The provider has gone silent.
    """
    agent, settings = await asyncio.to_thread(choose, start)
    night = night_of(settings.phone, start.parameters.get("to"))
    if night:  # there is no record of a message
        settings = settings.model_copy(update={"post_call": None})
    language = agent.spoken(language_of(settings, start))
    caller, line = MediaStreamInput(dialect.rate), MediaStreamOutput(dialect, send)
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
            record = StreamRecord(session, start.stream, settings.post_call, str(agent.source))
            said, numbers = start.parameters, settings.post_call.numbers

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
        keys = StreamKeys(session)
        stack.push_async_callback(keys.aclose)
        conversation.conduct.keys = keys
        call = StreamCall(settings.phone, session, keys, language, conversation.floor)
        stack.callback(call.hang_up)  # a tool that runs is not waited for
        over = asyncio.Event()
        session.on("close", lambda _: over.set())
        if night:
            await conversation.start(NightMessage(night, call), source)
        else:
            assistant = agent_of(agent, settings, language, conversation.floor, known=known)
            await assistant.update_tools([*assistant.tools, *call.tools])
            await conversation.start(assistant, source)
            # While the greeting plays, the server reads the prompt and the tools.
            prompt = engines.llm.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())
            await stack.enter_async_context(_running(prompt))

        async def follow() -> None:
            async for message in messages:
                match message:
                    case Media():
                        caller.push(message.samples)
                    case Mark():
                        line.marked(message.name)
                    case Dtmf():
                        keys.press(message.digit)
                    case Trouble():
                        logger.warning("the provider of a media stream: %s", message.reason)
                    case Stop():
                        return

        async def warn() -> None:
            await say(session, words(language or "en").phone.ending_soon)

        async def end() -> None:
            logger.info("the call has reached its limit")
            call.hang_up()

        async def stop() -> None:
            await stopping.wait()
            logger.info("the call ends, for the bridge stops")
            spoken = conversation.conduct.spoken_language
            await stop_after_a_word(session, lambda: words(spoken()).assistant.closing)

        following = await stack.enter_async_context(_running(follow()))
        closing = await stack.enter_async_context(_running(over.wait()))
        await stack.enter_async_context(_running(stop()))
        clock = CallClock(settings.phone.max_minutes * 60, settings.phone.warning)
        await stack.enter_async_context(_running(clock.run(warn, end)))
        await asyncio.wait((following, closing), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            left.set()
            following.result()
