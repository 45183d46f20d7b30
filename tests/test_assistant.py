from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from livekit import rtc
from livekit.agents import Agent, AgentSession, ModelSettings, RunResult, llm, stt
from livekit.agents.llm import ChatContext, FunctionToolCall
from livekit.plugins import vllm
from livekit.plugins.turn_taking import Floor
from livekit.plugins.turn_taking.handling import turn_handling

from agent import settings
from agent.app import refusal_of
from agent.assistant import Assistant, SensingAssistant, instructions
from agent.conduct import Conduct
from agent.definition.loading import load_agent
from agent.settings import Settings, TurnSettings
from harness.agents import silent
from harness.scripted import Llm


class Relay(Llm):
    """Calls one tool, then says what the tool answered."""

    model = "maker/small-1B"

    def __init__(self, name: str, arguments: str) -> None:
        super().__init__()
        self.call = FunctionToolCall(name=name, arguments=arguments, call_id="call-1")

    def answer(self, chat_ctx: ChatContext) -> str | FunctionToolCall:
        outputs = [i for i in chat_ctx.items if i.type == "function_call_output"]
        return f"It is {outputs[-1].output}." if outputs else self.call


def assistant(profile: Settings, kind: type[Assistant] = Assistant) -> Assistant:
    return kind(silent("parley"), profile, "en", Floor(None, profile.turns.options))


@pytest.fixture
def profile() -> Settings:
    return settings.load("gpu")


@pytest.fixture
async def session(
    request: pytest.FixtureRequest, profile: Settings
) -> AsyncIterator[AgentSession[None]]:
    name, arguments = request.param
    async with AgentSession[None](llm=Relay(name, arguments), vad=None) as session:
        Conduct(profile.conduct, session, language="en")
        await session.start(assistant(profile))
        yield session


@pytest.mark.parametrize(
    ("session", "name", "answer"),
    [
        (("calculate", '{"expression": "12 * 8"}'), "calculate", "It is 96."),
        (
            ("convert_unit", '{"value": 10, "from_unit": "mile", "to_unit": "kilometer"}'),
            "convert_unit",
            "It is 16.0934 kilometer.",
        ),
        (("calculate", '{"expression": "1 / 0"}'), "calculate", "Cannot work out '1 / 0'"),
        (("get_model", "{}"), "get_model", "It is small-1B."),
    ],
    indirect=["session"],
)
async def test_a_tool_is_called_and_its_answer_said(
    session: AgentSession[None], name: str, answer: str
) -> None:
    result: RunResult[None] = await session.run(user_input="Please work it out.")
    result.expect.next_event().is_function_call(name=name)
    result.expect.next_event().is_function_call_output()
    message = result.expect.next_event().is_message(role="assistant").event().item
    assert isinstance(message, llm.ChatMessage)
    assert answer in (message.text_content or "")
    result.expect.no_more_events()


async def test_a_profile_may_do_without_tools(profile: Settings) -> None:
    without = profile.model_copy(update={"llm": profile.llm.model_copy(update={"tools": False})})
    assert len(assistant(profile).tools) == 4
    assert assistant(without).tools == []


def test_it_is_told_to_answer_in_the_users_language(profile: Settings) -> None:
    parley = load_agent("parley")
    assert "Answer in English" in instructions(parley, profile, "en")
    assert "用中文" in instructions(parley, profile, "zh")
    assert "language of the user" in instructions(parley, profile, None)
    assert parley.greeting("zh").startswith("你好")
    assert parley.greeting(None).startswith("Hello")


def test_it_is_told_to_speak_in_parts_where_the_profile_says_so(profile: Settings) -> None:
    parley = load_agent("parley")
    assert "empty line" in instructions(parley, profile, "en")
    assert "空一行" in instructions(parley, profile, "zh")
    assert "empty line" not in instructions(parley, settings.load("cpu"), "en")


def test_every_part_of_turn_handling_runs_on_this_machine() -> None:
    handling = turn_handling(TurnSettings().options)
    assert handling["interruption"]["mode"] == "vad"
    assert handling["turn_detection"] == "vad"


async def test_the_model_hears_the_turn_and_the_history_stays_text(
    profile: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def frames() -> AsyncIterator[rtc.AudioFrame]:
        for _ in range(5):
            yield rtc.AudioFrame(bytes(16_000), 16_000, 1, 8_000)

    async def recognise(agent: Agent, audio: Any, _: ModelSettings) -> AsyncIterator[Any]:
        # Speech begins with the fourth frame.
        for kind in (None, None, None, stt.SpeechEventType.START_OF_SPEECH, None):
            await anext(audio)
            if kind:
                yield stt.SpeechEvent(type=kind)

    monkeypatch.setattr(Agent.default, "stt_node", recognise)
    model = Relay("calculate", '{"expression": "12 * 8"}')
    hearing = assistant(profile, SensingAssistant)
    async with AgentSession[None](llm=model, vad=None) as session:
        Conduct(profile.conduct, session, language="en")
        await session.start(hearing)
        async for _ in hearing.stt_node(frames(), ModelSettings()):
            pass
        await session.run(user_input="Please work it out.")
        history = session.history
    # Both the question and the result of the tool are asked about with the sound: half a second
    # from before the speech, and all of it.
    for context in model.asked:
        (message,) = [i for i in context.items if i.type == "message" and i.role == "user"]
        text, sound = message.content
        assert text == "Please work it out."
        assert isinstance(sound, llm.AudioContent)
        assert sum(frame.duration for frame in sound.frame) == 1.0
    assert len(model.asked) == 2
    assert all(isinstance(p, str) for m in history.messages() for p in m.content)


async def test_the_model_sees_what_is_shown_and_the_history_stays_text(profile: Settings) -> None:
    class Shown:
        closed = False

        def attach(self, chat_ctx: ChatContext) -> ChatContext:
            seen = chat_ctx.copy()
            seen.add_message(role="user", content=[llm.ImageContent(image="data:picture")])
            return seen

        async def aclose(self) -> None:
            self.closed = True

    shown = Shown()
    model = Relay("calculate", '{"expression": "12 * 8"}')
    floor = Floor(None, profile.turns.options)
    parley = silent("parley")
    seeing = SensingAssistant(parley, profile, "en", floor, shown=shown)  # type: ignore[arg-type]
    async with AgentSession[None](llm=model, vad=None) as session:
        Conduct(profile.conduct, session, language="en")
        await session.start(seeing)
        await session.run(user_input="What is this?")
        history = session.history
    for context in model.asked:
        last = context.items[-1]
        assert last.type == "message"
        assert isinstance(last.content[0], llm.ImageContent)
    assert all(isinstance(p, str) for m in history.messages() for p in m.content)
    assert shown.closed


async def test_a_model_that_cannot_hear_is_refused_in_a_sentence() -> None:
    async def models(_: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": "deaf", "max_model_len": 2048}]})

    async def chat(_: web.Request) -> web.Response:
        said = "At most 0 audio(s) may be provided in one prompt."
        return web.json_response({"error": {"message": said}}, status=400)

    app = web.Application()
    app.add_routes([web.get("/v1/models", models), web.post("/v1/chat/completions", chat)])
    async with TestServer(app) as server:
        model = vllm.LLM(base_url=str(server.make_url("/v1")), audio_input="beside")
        refusal = await refusal_of(model)
    assert refusal is not None
    assert "audio" in refusal
    assert "--limit-mm-per-prompt" in refusal
    assert "\n" not in refusal
