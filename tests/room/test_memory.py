"""A caller who calls again is known, until they want to be forgotten: real rooms, a real store."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit.agents import llm
from livekit.agents.llm import FunctionToolCall

from agent import settings
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.known import Known
from agent.languages import words
from agent.memory import Caller
from agent.stack import Server
from harness.caller import Caller as Person
from harness.caller import join
from harness.recording import SAMPLE_RATE
from harness.scripted import Llm

from ..form_server import serving
from .conftest import recorded
from .instant import Host, hosting, room_for, until_last

pytestmark = [
    pytest.mark.room,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

FACT = "The caller drinks green tea."
NUMBER = "+12025550143"
WORDS = words("en").assistant


class Clerk(Llm):
    """Calls the tool that it is asked for, and says what comes back."""

    def answer(self, chat_ctx: llm.ChatContext) -> str | FunctionToolCall:
        last = chat_ctx.items[-1]
        if last.type == "function_call_output":
            return last.output
        said = chat_ctx.messages()[-1].text_content or ""
        for word in ("remember", "forget"):
            if said.endswith(f"{word} me."):
                return FunctionToolCall(name=f"{word}_me", arguments="{}", call_id=word)
        return "I see."

    @property
    def shown(self) -> str:
        """What the caller's first message is to the model."""
        messages = self.asked[-1].messages()
        return next(m.text_content or "" for m in messages if m.role == "user")


@contextlib.asynccontextmanager
async def call(
    livekit: Server, clerk: AgentDefinition
) -> AsyncIterator[tuple[Person, Host, Clerk]]:
    """A call of the same person, whose notes are written after it."""
    profile, model = clerk.over(settings.load("gpu")), Clerk()
    known = Known(clerk, profile, Caller.of(number=NUMBER))
    await known.open()
    try:
        async with (
            room_for(livekit) as name,
            join(livekit, name) as person,
            hosting(livekit, name, agent=clerk, model=model, known=known) as host,
        ):
            yield person, host, model
            said = host.session.history.copy()
        await known.learn(said)
    finally:
        await known.aclose()


async def say(person: Person, host: Host, words: str, answer: str) -> None:
    """Say something that is heard as these words, and wait for the answer."""
    await person.until("listening")
    # Not before: if sound is lost on its way, one utterance is heard as two, and the second of them
    # would have the words of the next turn.
    host.stt.hears(words)
    await person.say(recorded("jfk.wav")[int(5.2 * SAMPLE_RATE) : int(7.55 * SAMPLE_RATE)])
    await until_last(host, answer, within=60.0)


async def test_who_calls_again_is_known_and_who_wants_to_be_forgotten_is_not(
    livekit: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_MEMORY__KEY", "k" * 32)
    monkeypatch.setenv("PARLEY_MEMORY__STORE", f"sqlite:///{tmp_path / 'memory.sqlite3'}")
    says = {"name": "Clerk", "instructions": "You sell tea.", "greeting": ""}
    says |= {"memory": {"callers": ["phone"]}}  # type: ignore[dict-item]
    (tmp_path / "agent.yaml").write_text(json.dumps(says), "utf-8")
    clerk = load_agent(str(tmp_path))
    async with serving(json.dumps({"summary": "Tea.", "facts": [FACT]})) as notes:
        monkeypatch.setenv("PARLEY_LLM__BASE_URL", notes.url)
        asks = "I drink green tea. Please remember me."
        async with call(livekit, clerk) as (person, host, model):
            await say(person, host, asks, WORDS.may_remember)
            await say(person, host, "Yes.", "Notes on this call will be kept after it.")
            assert model.shown == asks
        assert "I drink green tea." in json.dumps(notes.asked[-1])

        async with call(livekit, clerk) as (person, host, model):
            await say(person, host, "Hello.", "I see.")
            assert FACT in model.shown
            assert model.shown.endswith("Hello.")

        async with call(livekit, clerk) as (person, host, model):
            await say(person, host, "Please forget me.", WORDS.may_forget)
            assert FACT in model.shown
            gone = "All notes on the user are deleted, and nothing of this call will be noted."
            await say(person, host, "Yes.", gone)
        asked = len(notes.asked)

        async with call(livekit, clerk) as (person, host, model):
            await say(person, host, "Hello.", "I see.")
            assert model.shown == "Hello."
        assert len(notes.asked) == asked  # nobody has agreed to notes any more
