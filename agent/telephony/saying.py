"""Speaking to somebody who may have hung up by now."""

from __future__ import annotations

import logging
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.voice import SpeechHandle

logger = logging.getLogger("parley")


def begin(
    session: AgentSession[Any],
    text: str,
    *,
    allow_interruptions: NotGivenOr[bool] = NOT_GIVEN,
    add_to_chat_ctx: bool = True,
) -> SpeechHandle | None:
    """Begin to say something, unless the conversation ends.

    A session that ends refuses to speak, which is no fault: whoever was to hear it has gone.

    Args:
        session: The session of the conversation.
        text: What is said.
        allow_interruptions: Whether it can be interrupted.
        add_to_chat_ctx: Whether the model is to know of it.

    Returns:
        What is being said; None if nothing is.
    """
    try:
        return session.say(
            text, allow_interruptions=allow_interruptions, add_to_chat_ctx=add_to_chat_ctx
        )
    except RuntimeError as e:
        logger.info("nobody is there to be told something", extra={"reason": str(e)})
        return None


async def say(
    session: AgentSession[Any], text: str, *, allow_interruptions: NotGivenOr[bool] = NOT_GIVEN
) -> bool:
    """Say something, unless the conversation ends.

    Args:
        session: The session of the conversation.
        text: What is said.
        allow_interruptions: Whether it can be interrupted.

    Returns:
        Whether the conversation goes on.
    """
    speech = begin(session, text, allow_interruptions=allow_interruptions)
    if speech is None:
        return False
    await speech
    return True
