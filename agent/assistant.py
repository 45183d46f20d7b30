"""The assistant: what it is told, what it says first, what it can do."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from typing import cast

from livekit import rtc
from livekit.agents import FlushSentinel, ModelSettings, llm, stt
from livekit.plugins.turn_taking import Floor, Judged
from livekit.plugins.vllm import TurnAudio, TurnImage

from .definition.definition import AgentDefinition
from .known import Known
from .languages import words
from .post_call import announced
from .prerecorded import Prerecorded
from .recovery import Continuation
from .settings import Language, Settings
from .telephony.call_control import CallControl
from .tools import BUILTIN
from .visitor import Visitor
from .voice_agent import VoiceAgent

logger = logging.getLogger("parley")


class Assistant(VoiceAgent):
    """The agent of a folder, which speaks the user's language.

    Args:
        agent: Who it is, as the folder says it.
        settings: The profile, with what the agent has of it for itself.
        language: The user's language, or None while it is not known.
        floor: The turn-taking of its session.
        phone: What it can do on the phone; None on the console.
        before: What was said before, if it goes on for an agent that has died.
        visitor: Who signed in at the page, if the model is to know their name.
        known: What the agent knows beside its prompt.
    """

    def __init__(
        self,
        agent: AgentDefinition,
        settings: Settings,
        language: Language | None,
        floor: Floor,
        phone: CallControl | None = None,
        before: Continuation | None = None,
        visitor: Visitor | None = None,
        known: Known | None = None,
    ) -> None:
        own = [
            *(BUILTIN[name] for name in agent.settings.builtin_tools),
            *agent.tools(),
            *(known.tools if known else []),
        ]
        if own and not settings.llm.tools:
            names = [tool.id for tool in own]
            logger.info("tools are not offered: llm.tools is false", extra={"tools": names})
            own = []
        super().__init__(
            floor,
            chat_ctx=before.said if before else None,
            instructions=instructions(agent, settings, language, phone, visitor),
            tools=[*own, *(phone.tools if phone else [])],
        )
        self._agent = agent
        self._settings = settings
        self._language = language
        self._phone = phone
        self._before = before
        self._visitor = visitor

    async def on_enter(self) -> None:
        """Greet, in words that are ready: no model stands between the user and a hello.

        After another agent has died, apologise instead, and answer what it left unanswered.
        """
        if self._phone and not await self._phone.wait_until_answered():
            return
        if before := self._before:
            self._before = None
            language = self._language or before.language(self._settings.tts.languages)
            # Made beforehand: on a machine that is busy with a new process the voice would need
            # seconds for it. Not a turn of the conversation: the model is to answer what was asked.
            self.session.say(
                words(language).prompts[before.apology],
                audio=Prerecorded(self._settings.tts).frames(before.apology, language),
                add_to_chat_ctx=False,
            )
            if before.unanswered:
                self.session.generate_reply()
            return
        greeting = (self._phone and self._phone.greeting) or self._agent.greeting(self._language)
        if text := announced(greeting, self._settings.post_call, self._language):
            self.session.say(text)

    async def follow(self, language: Language) -> None:
        """Go on in another language."""
        self._language = language
        if self._phone:
            self._phone.set_language(language)
        await self.update_instructions(
            instructions(self._agent, self._settings, language, self._phone, self._visitor)
        )


class SensingAssistant(Assistant):
    """An assistant whose model gets more than text.

    The sound of the user's turn (``llm.audio``), and what the user shows (``llm.images``).
    """

    def __init__(
        self,
        agent: AgentDefinition,
        settings: Settings,
        language: Language | None,
        floor: Floor,
        phone: CallControl | None = None,
        before: Continuation | None = None,
        visitor: Visitor | None = None,
        known: Known | None = None,
        shown: TurnImage | None = None,
    ) -> None:
        super().__init__(agent, settings, language, floor, phone, before, visitor, known)
        self._heard = TurnAudio()
        self._shown = shown
        floor.on("judged", self._on_judged)

    def _on_judged(self, judged: Judged) -> None:
        """Forget the sound of what turned out not to be a turn."""
        if not judged.turn:
            self._heard.end()

    async def on_exit(self) -> None:
        """Stop watching what the user shows."""
        if self._shown:
            await self._shown.aclose()

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent, None]:
        """Keep the sound of the turn while it is recognised."""
        tapped = self._heard.tap(audio)
        async with aclosing(super().stt_node(tapped, model_settings)) as events:
            async for event in events:
                if event.type is stt.SpeechEventType.START_OF_SPEECH:
                    self._heard.begin()
                yield event

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Ask with the sound and the picture."""
        sensed = self._heard.attach(chat_ctx)
        if self._shown:
            sensed = self._shown.attach(sensed)
        async with aclosing(super().llm_node(sensed, tools, model_settings)) as chunks:
            async for chunk in chunks:
                yield chunk

    async def on_user_turn_completed(
        self, turn_ctx: llm.ChatContext, new_message: llm.ChatMessage
    ) -> None:
        """Begin a new turn with the user's next words."""
        self._heard.end()


def agent_of(
    agent: AgentDefinition,
    settings: Settings,
    language: Language | None,
    floor: Floor,
    phone: CallControl | None = None,
    before: Continuation | None = None,
    visitor: Visitor | None = None,
    known: Known | None = None,
    shown: TurnImage | None = None,
) -> Assistant:
    """The agent that begins a conversation: of the class that its folder brings, if it brings one.

    Args:
        agent: Who it is.
        settings: The profile, with what the agent has of it for itself.
        language: The user's language, or None while it is not known.
        floor: The turn-taking of its session.
        phone: What it can do on the phone; None on the console.
        before: What was said before, if it goes on for an agent that has died.
        visitor: Who signed in at the page, if the model is to know their name.
        known: What the agent knows beside its prompt.
        shown: What the user shows, for a model that sees.
    """
    if settings.llm.audio == "off" and not settings.llm.images:
        return (agent.kind or Assistant)(
            agent, settings, language, floor, phone, before, visitor, known
        )
    sensing = SensingAssistant
    if agent.kind:
        bases = (agent.kind, SensingAssistant)
        sensing = cast(type[SensingAssistant], type(agent.kind.__name__, bases, {}))
    return sensing(agent, settings, language, floor, phone, before, visitor, known, shown)


def instructions(
    agent: AgentDefinition,
    settings: Settings,
    language: Language | None,
    phone: CallControl | None = None,
    visitor: Visitor | None = None,
) -> str:
    """The system prompt for a language, with what there is to know of the call or the visitor."""
    plan = settings.conduct.plan
    prompt = agent.instructions(language, in_parts=plan.enabled and plan.outline)
    known = [phone.describe()] if phone else []
    if visitor and visitor.spoken:
        known.append(words(language or "en").assistant.visitor.format(name=visitor.spoken))
    return "\n".join([prompt, *(told for told in known if told)])
