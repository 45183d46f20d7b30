"""An agent of Parley's: it takes turns, keeps to the conduct, and tells nothing it must not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from functools import partial

from livekit import rtc
from livekit.agents import FlushSentinel, ModelSettings, llm
from livekit.plugins.turn_taking import TurnTakingAgent
from livekit.plugins.turn_taking.agent import text_of

from .conduct import Answer, Conduct
from .languages import words
from .recital import guards, unrecited
from .tools import model_name


class VoiceAgent(TurnTakingAgent):
    """What every agent of a conversation is, whoever speaks first and whoever takes over.

    Args:
        floor: The turn-taking of its session; found as it speaks if None.
        **options: As for LiveKit's agent.
    """

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Answer whoever asked, a long answer in parts."""
        conduct: Conduct = self.session.userdata
        node = super().llm_node
        language = conduct.question_language(chat_ctx)

        def asked(shown: llm.ChatContext) -> Answer:
            return node(shown, tools, model_settings)

        def ask() -> Answer:
            shown = conduct.attributed(chat_ctx)
            if conduct.known is None:
                return asked(shown)
            return conduct.known.answered(
                asked,
                shown,
                language,
                model_name(self.session.llm),
                # Of a user whose language is not known, too, they stay as they are.
                notes_in=conduct.language or "en",
            )

        answer = conduct.watchdog.answered(ask) if conduct.watchdog else ask()
        if conduct.agent and (against := guards(conduct.agent, str(self.instructions))):
            refusal = words(language).assistant.refusal
            answer = unrecited(answer, against, text_of, refusal)
        async with aclosing(conduct.in_parts(chat_ctx, answer)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame, None]:
        """Speak; what cannot be spoken is shown."""
        conduct: Conduct = self.session.userdata
        speak = partial(super().tts_node, model_settings=model_settings)
        spoken = conduct.watchdog.spoken(text, speak) if conduct.watchdog else speak(text)
        async with aclosing(spoken) as frames:
            async for frame in frames:
                yield frame
