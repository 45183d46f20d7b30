"""Documents and memory in a conversation of the assistant's, with and without tools."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import AgentSession, FlushSentinel, ModelSettings, ToolError, llm
from livekit.agents.llm import FunctionToolCall
from livekit.plugins.turn_taking import Floor
from livekit.plugins.turn_taking.agent import TurnTakingAgent

from agent import settings
from agent.assistant import Assistant
from agent.conduct import Conduct
from agent.knowledge import Folder, informed_answer, lookup_tool
from agent.memory import Caller, CallerMemory, Entry, open_store
from agent.memory_settings import MemorySettings
from agent.telemetry import Record, Turn, TurnRecorder
from harness.agents import silent
from harness.scripted import Llm
from harness.stage import stage
from harness.virtual_time import in_virtual_time

DOCUMENTS = Path(__file__).resolve().parents[2] / "bench" / "documents" / "en"
Answer = AsyncGenerator[llm.ChatChunk | str | FlushSentinel, None]


class Clerk(Assistant):
    """An assistant that knows documents and callers."""

    def __init__(
        self, profile: settings.Settings, folder: Folder, memory: CallerMemory | None = None
    ) -> None:
        super().__init__(silent("parley"), profile, "en", Floor(None, profile.turns.options))
        self.folder, self.memory = folder, memory
        self.sources: list[str] = []

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> Answer:
        """Answer with what the documents and the notes say."""
        ask, memory = super().llm_node, self.memory
        informed = informed_answer(
            # The notes come last: they are not to be looked up.
            lambda shown: ask(
                memory.shown(shown, "en") if memory else shown, tools, model_settings
            ),
            chat_ctx,
            self.folder,
            found=lambda found: self.sources.extend(passage.source for passage in found),
        )
        async with aclosing(informed) as chunks:
            async for chunk in chunks:
                yield chunk


@pytest.fixture
def profile() -> settings.Settings:
    return settings.load("cpu")


async def test_a_model_without_tools_answers_from_documents_and_knows_the_caller(
    profile: settings.Settings, tmp_path: Path
) -> None:
    given = MemorySettings.model_validate({"key": "k" * 32})
    store = open_store(f"sqlite:///{tmp_path}/memory.sqlite3")
    caller = Caller("signed_in", "ada")
    await store.write(caller.key(given), Entry("She has asthma.", last_call=4e9))

    async def no(*_: object) -> None:
        raise ToolError("No.")

    memory = CallerMemory(given, store, caller, no)
    await memory.recall()
    folder = Folder(DOCUMENTS, tmp_path / "index.sqlite3")
    model = Llm("It is free for you.", "On Wednesdays.")
    clerk = Clerk(profile, folder, memory)
    async with AgentSession[Any](llm=model, vad=None) as session:
        Conduct(profile.conduct, session, language="en")
        await session.start(clerk)
        await session.run(user_input="What does the flu jab cost me?")
        await session.run(user_input="And which day?")
        history = session.history
    await folder.aclose()
    await store.aclose()
    first, second = (
        [m.text_content or "" for m in context.messages() if m.role == "user"]
        for context in model.asked
    )
    assert "She has asthma." in first[0]
    assert "people with asthma" in first[0]
    assert first[0].endswith("\n\nWhat does the flu jab cost me?")
    assert "She has asthma." in second[0]  # in the same place, for the server's prefix cache
    assert "on Wednesdays from 13:00" in second[1]
    assert clerk.sources[0].endswith("› Flu vaccination")
    said = [m.text_content for m in history.messages() if m.role == "user"]
    assert said == ["What does the flu jab cost me?", "And which day?"]


@in_virtual_time
async def test_the_sources_of_a_spoken_answer_are_in_the_record_of_its_turn(
    tmp_path: Path,
) -> None:
    records: list[Record] = []
    recorders: list[TurnRecorder] = []
    folder = Folder(DOCUMENTS, tmp_path / "index.sqlite3")
    floor = Floor(None, settings.load("cpu").turns.options)
    tool = lookup_tool(
        folder, found=lambda found: recorders[0].found(passage.source for passage in found)
    )

    def follow(session: Any) -> None:
        recorders.append(
            TurnRecorder(
                session,
                floor,
                stt=session.stt,
                llm=session.llm,
                tts=session.tts,
                take=[records.append],
                language=lambda: "en",
                since=0.0,
            )
        )

    arguments = json.dumps({"query": "opening hours Saturday"})
    call = FunctionToolCall(name="look_up", arguments=arguments, call_id="1")
    agent = TurnTakingAgent(floor, instructions="", tools=[tool])
    async with stage(call, "From nine.", agent=agent, before=follow) as talk:
        talk.session.generate_reply(user_input="When are you open on Saturdays?")
        await talk.at(20.0)
    recorders[0].close()
    await folder.aclose()
    (turn,) = [record for record in records if isinstance(record, Turn)]
    assert turn.tools == ["look_up"]
    assert turn.sources[0].endswith("› Opening hours")
