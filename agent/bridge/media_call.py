"""A call over a media stream: the conversation of any other call, over the provider's sound."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from livekit.agents import AgentSession, StopResponse, function_tool
from livekit.agents.llm import Tool, ToolContext
from livekit.agents.utils.aio import cancel_and_wait
from livekit.plugins.turn_taking import Endpointer
from livekit.plugins.turn_taking.conduct.waiting import Pending

from agent.assistant import Assistant, SensingAssistant
from agent.conduct import Conduct
from agent.languages import Language, language_named, words
from agent.session import make, turns_of
from agent.settings import Settings
from agent.telephony.clock import CallClock

from .engines import OpenCall
from .media_audio import MediaStreamInput, MediaStreamOutput, Send
from .media_messages import Dtmf, Mark, Media, Message, Start, Stop

logger = logging.getLogger("parley")

T = TypeVar("T")

_KEYS_SECONDS = 3.0
"""Pause after which the keys that were pressed are taken as they are; the hash key ends them at
once. Phone menus wait as long."""
_INBOUND = "inbound"
"""The track of what the caller says; some providers send what they hear, too."""


class Keys:
    """Keys of the phone, each pause or hash key making an answer of those before it.

    Args:
        session: The conversation.
    """

    def __init__(self, session: AgentSession[Conduct]) -> None:
        self._session = session
        self._keys = ""
        self._pause = Pending()

    async def aclose(self) -> None:
        """Wait for no more keys; may be called twice."""
        await self._pause.aclose()

    def press(self, key: str) -> None:
        """Take a key; who presses one needs no more of what is being said."""
        with contextlib.suppress(RuntimeError):  # it may not be interrupted
            self._session.interrupt()
        if key != "#":
            self._keys += key
            self._pause.start(self._after_pause())
        else:
            self._pause.cancel()
            self._answer()

    async def _after_pause(self) -> None:
        await asyncio.sleep(_KEYS_SECONDS)
        self._answer()

    def _answer(self) -> None:
        keys, self._keys = self._keys, ""
        if keys:
            keyed = f"(I keyed in {' '.join(keys)} on my phone.)"
            self._session.generate_reply(user_input=keyed)


def hang_up_tool(session: AgentSession[Conduct]) -> Tool:
    """The tool by which the model ends a call, as :class:`agent.telephony.tools.PhoneTools` has it.

    Args:
        session: The conversation; the stream is closed with it.
    """

    @function_tool
    async def hang_up(goodbye: str) -> None:
        """End the call, when the user is done or says goodbye.

        Args:
            goodbye: The last words to the user, one short sentence.
        """
        await session.say(goodbye)
        session.shutdown(drain=False)
        raise StopResponse

    return hang_up


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
    settings: Settings,
    open_call: OpenCall,
    start: Start,
    send: Send,
    messages: AsyncIterator[Message],
) -> None:
    """Hold the conversation until the caller hangs up, or the agent does.

    Args:
        settings: The profile.
        open_call: Connects the call to its engines.
        start: The stream's second message.
        send: Sends a message; does nothing once the stream is closed.
        messages: What comes after the start.

    Raises:
        MessageError: A message is malformed.
        TimeoutError: The provider has gone silent.
    """
    language = language_of(settings, start)
    caller, line = MediaStreamInput(), MediaStreamOutput(start.stream_sid, send)
    async with contextlib.AsyncExitStack() as stack:
        endpointer = Endpointer.load(turns_of(settings, phone=True).options)
        engines = await stack.enter_async_context(open_call(language, endpointer))
        # What is said from here on is in the language of the voice; what is heard in the caller's.
        language = settings.tts.spoken(language) if language else None
        conversation = make(
            settings,
            room=None,
            stt=engines.stt,
            llm=engines.llm,
            tts=engines.tts,
            sink=line,
            language=language,
            phone=True,
            endpointer=endpointer,
        )
        stack.push_async_callback(conversation.aclose)
        session = conversation.session
        hears = settings.llm.audio != "off"
        assistant = (SensingAssistant if hears else Assistant)(
            settings, language, conversation.floor
        )
        if "hang_up" in settings.phone.tools:
            await assistant.update_tools([*assistant.tools, hang_up_tool(session)])
        over = asyncio.Event()
        session.on("close", lambda _: over.set())
        keys = Keys(session)
        stack.push_async_callback(keys.aclose)
        await conversation.start(assistant, caller)

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
            session.shutdown(drain=False)

        following = await stack.enter_async_context(_running(follow()))
        closing = await stack.enter_async_context(_running(over.wait()))
        clock = CallClock(settings.phone.max_minutes * 60, settings.phone.warning)
        await stack.enter_async_context(_running(clock.run(warn, end)))
        # While the greeting plays, the server reads the prompt and the tools.
        prompt = engines.llm.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())
        await stack.enter_async_context(_running(prompt))
        await asyncio.wait((following, closing), return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
