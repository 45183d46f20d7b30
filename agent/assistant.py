"""The assistant: what it is told, what it says first, what it can do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from functools import partial

from livekit import rtc
from livekit.agents import FlushSentinel, ModelSettings, llm, stt
from livekit.plugins.turn_taking import Floor, Judged, TurnTakingAgent
from livekit.plugins.turn_taking.agent import text_of
from livekit.plugins.vllm import TurnAudio, TurnImage

from .conduct import Conduct
from .languages import words
from .prerecorded import Prerecorded
from .recital import guards, unrecited
from .recovery import Continuation
from .settings import Language, Settings
from .telephony.call_control import CallControl
from .tools import TOOLS

# Byte-stable on purpose: the server's prefix cache holds it between turns.
_ANY_LANGUAGE = (
    "You are Parley, a friendly voice assistant on a phone call. "
    "Answer in the language of the user, 用户说中文就用中文回答, in one or two short sentences. "
    "Say the answer first. Plain words only: no lists, no markdown, no code, no emoji."
)


class Assistant(TurnTakingAgent):
    """A general assistant that speaks the user's language.

    Args:
        settings: The profile.
        language: The user's language, or None while it is not known.
        floor: The turn-taking of its session.
        phone: What it can do on the phone; None on the console.
        before: What was said before, if it goes on for an agent that has died.
    """

    def __init__(
        self,
        settings: Settings,
        language: Language | None,
        floor: Floor,
        phone: CallControl | None = None,
        before: Continuation | None = None,
    ) -> None:
        super().__init__(
            floor,
            chat_ctx=before.said if before else None,
            instructions=instructions(settings, language, phone),
            tools=[*(TOOLS if settings.llm.tools else []), *(phone.tools if phone else [])],
        )
        self._settings = settings
        self._language = language
        self._phone = phone
        self._before = before

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
        text = (self._phone and self._phone.greeting) or greeting(self._settings, self._language)
        if text:
            self.session.say(text)

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]:
        """Answer whoever asked, a long answer in parts."""
        conduct: Conduct = self.session.userdata
        shown = conduct.attributed(chat_ctx)
        ask = partial(super().llm_node, shown, tools, model_settings)
        answer = conduct.watchdog.answered(ask) if conduct.watchdog else ask()
        if against := guards(self._settings, str(self.instructions)):
            refusal = words(self._language or "en").assistant.refusal
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

    async def follow(self, language: Language) -> None:
        """Go on in another language."""
        self._language = language
        if self._phone:
            self._phone.set_language(language)
        await self.update_instructions(instructions(self._settings, language, self._phone))


class SensingAssistant(Assistant):
    """An assistant whose model gets more than text.

    The sound of the user's turn (``llm.audio``), and what the user shows (``llm.images``).
    """

    def __init__(
        self,
        settings: Settings,
        language: Language | None,
        floor: Floor,
        shown: TurnImage | None = None,
        phone: CallControl | None = None,
        before: Continuation | None = None,
    ) -> None:
        super().__init__(settings, language, floor, phone, before)
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


def instructions(
    settings: Settings, language: Language | None, phone: CallControl | None = None
) -> str:
    """The system prompt for a language, and on the phone what there is to know of the call."""
    prompt = settings.instructions
    if prompt is None:
        own = words(language or "en").assistant
        prompt = own.instructions if language else _ANY_LANGUAGE
        plan = settings.conduct.plan
        prompt += own.in_parts if plan.enabled and plan.outline else ""
    told = phone.describe() if phone else ""
    return f"{prompt}\n{told}" if told else prompt


def greeting(settings: Settings, language: Language | None) -> str:
    """The first words in a language; English where it is not known."""
    known = language or "en"
    return settings.greeting.get(known, words(known).assistant.greeting)
