"""What is answered over HTTP: a turn of a conversation, a text to be spoken, and their figures."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncGenerator

from livekit.agents import APIError
from livekit.plugins import qwen3_tts
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from agent.assistant import instructions
from agent.definition.definition import AgentDefinition
from agent.knowledge import Knowledge
from agent.knowledge_settings import KnowledgeSettings
from agent.languages import words
from agent.recital import guards
from agent.settings import Language, Settings

from .conversations import Conversations, write_reply
from .engines import Engines, sentence
from .exchange import Event, Exchange, Said
from .record import Kind, Record
from .requests import ChatRequest, Refused, SpeechRequest, StopRequest, read_json, recording
from .response import SpokenResponse

_RECORDS = 1000
"""Requests whose figures are kept for GET /bridge/requests/{id}."""


class Bridge:
    """Answers requests.

    Args:
        settings: The profile, with what the agent has of it for itself.
        agent: Who answers.
        engines: What makes the replies.
        documents: Where questions are looked up.
    """

    def __init__(
        self,
        settings: Settings,
        agent: AgentDefinition,
        engines: Engines,
        documents: Knowledge | None = None,
    ) -> None:
        self._settings, self._agent = settings, agent
        self._engines, self._documents = engines, documents
        self._conversations = Conversations()
        self._records: OrderedDict[str, Record] = OrderedDict()

    async def chat(self, chat: ChatRequest, record: Record) -> SpokenResponse:
        """Answer a turn of a conversation."""
        language = chat.language or self._settings.default_language
        question, language = await self._question(chat, record, language)
        language = self._settings.tts.spoken(language) if language else None
        name = chat.conversation or record.id
        record.conversation = name
        prompt = instructions(self._agent, self._settings, language)
        conversation = self._conversations.enter(name, prompt)
        # Whoever speaks again has heard enough.
        await conversation.stop()
        conversation.exchange = exchange = Exchange(
            self._engines.tts,
            write_reply(
                self._engines,
                conversation,
                question,
                recorded=chat.audio is not None,
                against=guards(self._agent.settings, prompt),
                refusal=words(language or "en").assistant.refusal,
                documents=self._documents,
                budget=(self._agent.settings.knowledge or KnowledgeSettings()).budget_beside,
            ),
            record,
            voice=chat.voice or self._settings.tts.voice_of(language),
            language=language,
            on_done=conversation.finished,
        )
        return SpokenResponse(
            exchange,
            conversation.stop,
            events=chat.stream_format == "events",
            wav=chat.response_format == "wav",
        )

    async def speech(self, wanted: SpeechRequest, record: Record) -> SpokenResponse:
        """Speak a text."""
        segments = list(qwen3_tts.segment(wanted.input))
        language = wanted.language or self._settings.default_language
        language = self._settings.tts.spoken(language) if language else None

        async def written() -> AsyncGenerator[Event, None]:
            yield Said(wanted.input)

        exchange = Exchange(
            self._engines.tts,
            written(),
            record,
            voice=wanted.voice or self._settings.tts.voice_of(language),
            language=language,
            instructions=wanted.instructions,
        )
        wav = wanted.response_format == "wav"
        return SpokenResponse(exchange, exchange.stop, wav=wav, segments=len(segments))

    async def stop(self, request: Request) -> Response:
        """End a conversation's reply."""
        wanted = await read_json(StopRequest, request, self._settings.bridge)
        conversation = self._conversations.find(wanted.conversation)
        played = None if wanted.played_ms is None else wanted.played_ms / 1000
        heard = await conversation.stop(played) if conversation else None
        return JSONResponse(
            {
                "conversation": wanted.conversation,
                "stopped": heard is not None,
                "heard": heard,
            }
        )

    async def figures(self, request: Request) -> Response:
        """Tell what a request took."""
        record = self._records.get(request.path_params["id"])
        if record is None:
            raise Refused(404, "unknown", "There is no such request among the last 1,000.")
        return JSONResponse(record.as_dict(ended=record.outcome != "running"))

    def record(self, kind: Kind, *, warm: bool) -> Record:
        """Begin the figures of a request that comes in now.

        Args:
            kind: What it wants.
            warm: Whether one was answered before it.
        """
        record = Record(kind, warm=warm)
        self._records[record.id] = record
        if len(self._records) > _RECORDS:
            self._records.popitem(last=False)
        return record

    async def _question(
        self, chat: ChatRequest, record: Record, language: Language | None
    ) -> tuple[str, Language | None]:
        if chat.text is not None:
            return chat.text, language
        frame = recording(chat, self._settings.bridge)
        try:
            text, spoken = await self._engines.hear([frame], language)
        except APIError as e:
            raise Refused(502, "not_heard", sentence(e)) from e
        record.mark("t_heard")
        record.heard = text
        if not text:
            raise Refused(422, "no_words", "No words were heard in the recording.")
        return text, spoken
