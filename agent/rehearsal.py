"""A conversation in text with an agent whose model says what a script says: for its tests.

No engine and no room is needed, and a second is enough for many. The tools, their questions and
limits are the real ones.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from livekit.agents import AgentSession, llm
from livekit.agents.llm import ChatContext, ChoiceDelta, FunctionToolCall
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS
from livekit.plugins.turn_taking import Floor

from .assistant import agent_of
from .conduct import Conduct
from .definition.definition import AgentDefinition
from .definition.loading import load_agent
from .known import Known
from .languages import words
from .limits import Limits
from .memory import Caller
from .memory_settings import MemorySettings
from .post_call_settings import PostCallSettings
from .settings import Language, Settings, load
from .store_address import file_address


class Call:
    """A tool that the model calls.

    Args:
        name: Name of the tool.
        **arguments: What it is called with.
    """

    def __init__(self, name: str, /, **arguments: Any) -> None:
        self.name, self.arguments = name, arguments


class Script(llm.LLM[Any]):
    """A language model that answers each request with the next line.

    Args:
        lines: What it says, or the tool that it calls.
    """

    def __init__(self, *lines: str | Call) -> None:
        super().__init__()
        self._lines = list(lines)
        self.asked: list[ChatContext] = []
        """What it was asked."""

    def chat(self, *, chat_ctx: ChatContext, tools: Any = None, **_: Any) -> llm.LLMStream:
        """Answer."""
        self.asked.append(chat_ctx.copy())
        return _Line(
            self, chat_ctx=chat_ctx, tools=tools or [], conn_options=DEFAULT_API_CONNECT_OPTIONS
        )

    @property
    def left(self) -> list[str | Call]:
        """What it has not said yet."""
        return list(self._lines)

    def next(self) -> ChoiceDelta:
        """The next line.

        Raises:
            AssertionError: The model is asked more often than the script has lines.
        """
        assert self._lines, "the model was asked more often than it has lines"
        line = self._lines.pop(0)
        if isinstance(line, str):
            return ChoiceDelta(role="assistant", content=line)
        call = FunctionToolCall(
            name=line.name, arguments=json.dumps(line.arguments), call_id=f"call-{len(self.asked)}"
        )
        return ChoiceDelta(role="assistant", tool_calls=[call])


class _Line(llm.LLMStream):
    async def _run(self) -> None:
        assert isinstance(self._llm, Script)
        self._event_ch.send_nowait(llm.ChatChunk(id="line", delta=self._llm.next()))


@dataclass
class Held:
    """A conversation in text, whatever its model is."""

    session: AgentSession[Any]
    limits: Limits
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once the conversation is over."""

    async def say(self, text: str) -> None:
        """Say something, and wait for what comes of it.

        Raises:
            livekit.agents.APIError: The model failed.
        """
        await self.session.run(user_input=text)
        if self.limits.reached:
            await self.closed.wait()  # after a goodbye


class Talk:
    """The conversation.

    Args:
        held: What it is held in.
        model: The script.
    """

    def __init__(self, held: Held, model: Script) -> None:
        self.session, self.model = held.session, model
        self.say = held.say

    @property
    def said(self) -> list[str]:
        """What the agent has said."""
        messages = self.session.history.messages()
        return [m.text_content or "" for m in messages if m.role == "assistant"]

    @property
    def results(self) -> list[str]:
        """What the model was told by its tools."""
        return [i.output for i in self.session.history.items if i.type == "function_call_output"]


@asynccontextmanager
async def rehearse(
    agent: str | Path,
    *lines: str | Call,
    language: Language = "en",
    variables: dict[str, str] | None = None,
) -> AsyncIterator[Talk]:
    """Hold a conversation with an agent.

    Args:
        agent: Its folder or file, or its name.
        lines: What its model says, one after the other, or the tools that it calls.
        language: The language that is spoken.
        variables: What the call says of itself.

    Raises:
        SettingsError: The agent is wrong.
    """
    definition = replace(load_agent(str(agent)), variables=variables or {})
    settings = settings_of(definition, load())
    settings = settings.model_copy(update={"llm": settings.llm.model_copy(update={"tools": True})})
    model = Script(*lines)
    async with held(definition, settings, language, model) as conversation:
        yield Talk(conversation, model)


def settings_of(agent: AgentDefinition, profile: Settings) -> Settings:
    """The profile with what the agent has of it for itself, wherever it is tried.

    Nothing of a rehearsal is kept, so that no place for it need be known.

    Args:
        agent: Who speaks.
        profile: The machine that it runs on.

    Raises:
        SettingsError: The agent asks for what there is not.
    """
    places: dict[str, Any] = {}
    if agent.settings.post_call and profile.post_call is None:
        places["post_call"] = PostCallSettings(folder=Path("calls"))
    if agent.settings.memory and profile.memory is None:
        places["memory"] = MemorySettings.model_validate({"key": secrets.token_hex()})
    return agent.over(profile.model_copy(update=places))


@asynccontextmanager
async def held(
    agent: AgentDefinition, settings: Settings, language: Language, model: llm.LLM[Any]
) -> AsyncIterator[Held]:
    """A conversation in text, from the agent's greeting on.

    Args:
        agent: Who speaks.
        settings: The profile, with what the agent has of it for itself.
        language: The language that is spoken.
        model: What answers.
    """
    floor = Floor(None, settings.turns.options, llm=model)
    session = floor.session
    with tempfile.TemporaryDirectory(prefix="parley-rehearsal-") as folder:
        known = _known(agent, settings, Path(folder))
        await known.open()
        conduct = Conduct(
            settings.conduct, session, language=language, agent=agent.settings, known=known
        )
        limits = Limits(
            agent.settings.limits, session, lambda: words(conduct.spoken_language()).assistant.limit
        )
        conversation = Held(session, limits)
        session.on("close", lambda _: conversation.closed.set())
        try:
            async with session:
                first = agent_of(agent, settings, language, floor, known=known)
                await session.start(first, record=False, capture_run=True)  # until it has greeted
                limits.start()
                yield conversation
        finally:
            await limits.aclose()
            await known.aclose()


def _known(agent: AgentDefinition, settings: Settings, folder: Path) -> Known:
    """What the agent knows of a caller who calls for the first time, and can ask to be known."""
    memory = settings.memory
    if memory is None or not memory.callers:
        return Known(agent, settings)
    own = memory.model_copy(update={"store": file_address(folder / "memory.sqlite3")})
    settings = settings.model_copy(update={"memory": own})
    return Known(agent, settings, Caller(memory.callers[0], "rehearsal"))
