"""The vLLM plugin's language model against an upstream vLLM on a CPU.

The weights are random: what the model says means nothing, and it hardly ever stops by itself.
Everything around them is vLLM's own.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pydantic
import pytest
import pytest_asyncio
from livekit.agents import APIConnectOptions, APIStatusError, APITimeoutError, llm
from livekit.plugins.vllm import LLM, RequestReport

from .servers import API_KEY, Server, until

ONCE = APIConnectOptions(max_retry=0, timeout=60.0)
# Longer than a block of the prefix cache, which on a CPU has 128 tokens.
SYSTEM = "You are the voice of a small hotel at the sea and answer in one or two sentences. " * 20


class Brain:
    """The server and one plugin that talks to it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.reports: list[RequestReport] = []
        self._made: list[LLM] = []

    def llm(self, **options: Any) -> LLM:
        options = {"base_url": self.server.base_url, "api_key": API_KEY, **options}
        made = LLM(**options)
        made.on("request_finished", self.reports.append)
        self._made.append(made)
        return made

    async def running(self) -> float:
        return await self.server.metric("vllm:num_requests_running")

    async def has_waiting(self, number: int) -> bool:
        return await self.server.metric("vllm:num_requests_waiting") == number

    async def is_idle(self) -> bool:
        return await self.running() == 0 and await self.has_waiting(0)

    async def aclose(self) -> None:
        await asyncio.gather(*(made.aclose() for made in self._made))


@pytest_asyncio.fixture
async def brain(llm_server: Server) -> AsyncIterator[Brain]:
    brain = Brain(llm_server)
    yield brain
    await brain.aclose()
    await until(brain.is_idle)


@dataclass
class Said:
    deltas: list[str] = field(default_factory=list)
    calls: list[llm.FunctionToolCall] = field(default_factory=list)
    usage: llm.CompletionUsage | None = None

    @property
    def text(self) -> str:
        return "".join(self.deltas)


async def read(stream: llm.LLMStream) -> Said:
    said = Said()
    async with stream:
        async for chunk in stream:
            if chunk.delta and chunk.delta.content:
                said.deltas.append(chunk.delta.content)
            if chunk.delta:
                said.calls += chunk.delta.tool_calls
            said.usage = chunk.usage or said.usage
    return said


def talk(*user_and_assistant: str, system: str = SYSTEM) -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content=system)
    for i, text in enumerate(user_and_assistant):
        context.add_message(role="assistant" if i % 2 else "user", content=text)
    return context


async def test_the_model_and_its_context_are_discovered(brain: Brain) -> None:
    model = brain.llm()
    served = await model.ready()
    assert (served.id, served.max_model_len) == ("llm", 2048)
    assert model.model == "llm"


async def test_a_reply_comes_in_pieces_and_is_counted(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=20, extra_body={"ignore_eos": True})
    said = await read(model.chat(chat_ctx=talk("Have you a room?"), conn_options=ONCE))
    assert len(said.deltas) > 3
    assert said.usage is not None
    assert 0 < said.usage.completion_tokens <= 20
    assert said.usage.prompt_tokens > 200
    (report,) = brain.reports
    assert report.completion_tokens == said.usage.completion_tokens
    assert report.ttft is not None
    assert report.queue_time is not None


async def test_the_second_turn_finds_the_first_in_the_cache(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=10, cache_salt="a conversation of its own")
    context = talk("Have you a room?")
    first = await read(model.chat(chat_ctx=context, conn_options=ONCE))
    context.add_message(role="assistant", content=first.text or "Yes.")
    context.add_message(role="user", content="With a view?")
    second = await read(model.chat(chat_ctx=context, conn_options=ONCE))
    assert first.usage is not None
    assert second.usage is not None
    assert first.usage.prompt_cached_tokens == 0
    assert second.usage.prompt_cached_tokens >= 128
    assert [report.cached_tokens for report in brain.reports] == [
        0,
        second.usage.prompt_cached_tokens,
    ]


async def test_a_prefix_sent_ahead_is_cached(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=5, cache_salt="warmed")
    warmed = await model.warm(talk())
    assert warmed is not None
    said = await read(model.chat(chat_ctx=talk("Have you a room?"), conn_options=ONCE))
    assert said.usage is not None
    assert said.usage.prompt_cached_tokens >= 128


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_an_interruption_ends_the_servers_work(brain: Brain, how: str) -> None:
    model = brain.llm(max_completion_tokens=1500, extra_body={"ignore_eos": True})
    stream = model.chat(chat_ctx=talk("Tell me all.", system="Be long."), conn_options=ONCE)
    begun = asyncio.Event()

    async def listen() -> None:
        async with stream:
            async for _ in stream:
                begun.set()

    listening = asyncio.create_task(listen())
    await begun.wait()
    assert await brain.running() == 1
    if how == "close":
        await stream.aclose()
    else:
        listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    await until(brain.is_idle)
    (report,) = brain.reports
    assert report.finish_reason == "aborted"
    assert report.completion_tokens < 1000


async def test_a_first_token_that_does_not_come_is_not_waited_for(brain: Brain) -> None:
    async with _crowd(brain):
        model = brain.llm(first_token_timeout=0.2)
        await model.ready()
        with pytest.raises(APITimeoutError, match="within the deadline"):
            await read(model.chat(chat_ctx=talk("Hello?"), conn_options=ONCE))

        await until(lambda: brain.has_waiting(0))
        assert await brain.running() == 8


async def test_a_waiting_person_goes_before_background_work(brain: Brain) -> None:
    model = brain.llm(first_token_timeout=120.0)
    order: list[str] = []

    async def ask(name: str, priority: int) -> None:
        chat = talk("Hello.", system="Be brief.")
        async with model.chat(chat_ctx=chat, conn_options=ONCE, priority=priority) as stream:
            async for _ in stream:
                order.append(name)

    async with _crowd(brain) as crowd:
        asking = [asyncio.create_task(ask("background", 5)) for _ in range(4)]
        await until(lambda: brain.has_waiting(4))
        asking.append(asyncio.create_task(ask("person", 0)))
        await until(lambda: brain.has_waiting(5))
        crowd[0].cancel()

        async def one_goes() -> bool:
            return bool(order)

        await until(one_goes)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert order[0] == "person"


@asynccontextmanager
async def _crowd(brain: Brain) -> AsyncIterator[list[asyncio.Task[Said]]]:
    """Eight requests, which is all that the server works on at a time, until they are closed."""
    model = brain.llm(max_completion_tokens=1024, extra_body={"ignore_eos": True})
    tasks = [
        asyncio.create_task(
            read(model.chat(chat_ctx=talk("Go on.", system="Be long."), conn_options=ONCE))
        )
        for _ in range(8)
    ]

    async def all_run() -> bool:
        return await brain.running() == 8

    try:
        await until(all_run)
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_hundred_turns_fit_into_2048_tokens(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=8)
    context = talk(system="You are the voice of a small hotel and answer in one sentence.")
    for turn in range(200):
        question = (
            f"第{turn}个问题：明天早上七点半叫醒我，好吗？"
            if turn % 2
            else (f"Question {turn}: would you wake me at half past seven tomorrow, please?")
        )
        context.add_message(role="user", content=question)
        said = await read(model.chat(chat_ctx=context, conn_options=ONCE))
        assert said.usage is not None
        assert said.usage.prompt_tokens + 8 <= 2048
        context.add_message(role="assistant", content=said.text or "Yes.")
    assert len(brain.reports) == 200
    left_out = [report.left_out for report in brain.reports]
    assert left_out[0] == 0
    assert left_out[-1] > 200
    # What is cut stays cut for a while, so that the cache has the rest.
    cached = [report.cached_tokens for report in brain.reports[-50:]]
    assert sum(count > 0 for count in cached) > 25


async def test_a_system_prompt_that_cannot_fit_is_refused_with_the_remedy(brain: Brain) -> None:
    model = brain.llm()
    with pytest.raises(APIStatusError, match="--max-model-len") as caught:
        await read(model.chat(chat_ctx=talk("Hello?", system=SYSTEM * 10), conn_options=ONCE))
    assert caught.value.message.count("\n") == 0
    assert not caught.value.retryable


# Far more than 60 tokens.
ANNOUNCEMENT = "we ask you all to go down to the sea now and to take no bag with you. " * 10


@llm.function_tool
async def wake(hour: int, day: Literal["today", "tomorrow"]) -> str:
    """Wake the guest.

    Args:
        hour: When, 0 to 23.
        day: On which day.
    """
    return f"{hour} {day}"


@llm.function_tool
async def lamp(state: Literal["on", "off"]) -> str:
    """Switch the lamp.

    Args:
        state: What to switch it to.
    """
    return state


async def test_a_tool_that_must_be_called(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(
            chat_ctx=talk("Light, please."),
            tools=[lamp],
            tool_choice="required",
            conn_options=ONCE,
        )
    )
    assert said.text.strip() == ""
    assert said.calls
    assert {call.name for call in said.calls} == {"lamp"}
    assert json.loads(said.calls[0].arguments)["state"] in ("on", "off")


@llm.function_tool
async def announce(text: Literal[ANNOUNCEMENT]) -> str:  # type: ignore[valid-type]
    """Say something to all guests.

    Args:
        text: What to say.
    """
    return str(text)


async def test_a_call_that_is_cut_off_is_not_carried_out(brain: Brain) -> None:
    # vLLM ends the stream of such a call with "tool_calls", as it does that of a whole one.
    model = brain.llm(max_completion_tokens=60)
    said = await read(
        model.chat(
            chat_ctx=talk("The fire alarm!"),
            tools=[announce],
            tool_choice="required",
            conn_options=ONCE,
        )
    )
    (call,) = said.calls
    assert ANNOUNCEMENT not in call.arguments
    with pytest.raises(llm.ToolError, match="cut off"):
        llm.utils.prepare_function_arguments(fnc=announce, json_arguments=call.arguments)


async def test_a_tool_that_is_named(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(
            chat_ctx=talk("Light, please."),
            tools=[wake, lamp],
            tool_choice={"type": "function", "function": {"name": "lamp"}},
            conn_options=ONCE,
        )
    )
    (call,) = said.calls
    assert call.name == "lamp"
    assert json.loads(call.arguments)["state"] in ("on", "off")


async def test_a_call_and_its_result_are_part_of_the_next_prompt(brain: Brain) -> None:
    context = talk("Light, please.")
    call = llm.FunctionCall(call_id="1", name="lamp", arguments='{"state": "on"}')
    result = llm.FunctionCallOutput(call_id="1", name="lamp", output="It is on.", is_error=False)
    context.insert([call, result])
    model = brain.llm(max_completion_tokens=5)
    said = await read(model.chat(chat_ctx=context, tools=[lamp], conn_options=ONCE))
    assert said.usage is not None
    assert brain.reports[0].finish_reason in ("length", "sentence", "stop")


class Booking(pydantic.BaseModel):
    """A room."""

    kind: Literal["single", "double"]
    breakfast: bool


async def test_a_reply_of_a_shape(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=200)
    said = await read(
        model.chat(chat_ctx=talk("A room."), response_format=Booking, conn_options=ONCE)
    )
    Booking.model_validate_json(said.text)


@pytest.mark.parametrize("constraint", [{"choice": ["yes", "no"]}, {"regex": "(yes|no)"}])
async def test_a_reply_of_a_choice(brain: Brain, constraint: dict[str, Any]) -> None:
    model = brain.llm(max_completion_tokens=20)
    said = await read(
        model.chat(
            chat_ctx=talk("Is there a room?"), structured_outputs=constraint, conn_options=ONCE
        )
    )
    assert said.text in ("yes", "no")


async def test_a_reply_that_is_begun_is_continued(brain: Brain) -> None:
    context = talk("Is there a room?", "Yes, there is a", system="Be brief.")
    model = brain.llm(max_completion_tokens=5)
    said = await read(model.chat(chat_ctx=context, continue_final_message=True, conn_options=ONCE))
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Is there a room?"},
        {"role": "assistant", "content": "Yes, there is a"},
    ]
    answer = await brain.server.post(
        "/tokenize",
        {
            "model": "llm",
            "messages": messages,
            "continue_final_message": True,
            "add_generation_prompt": False,
        },
    )
    assert said.usage is not None
    # The server saw an open message, not a closed one and the beginning of another.
    assert said.usage.prompt_tokens == json.loads(answer)["count"]
    assert not said.text.startswith("Yes")


async def test_a_wrong_key_is_named(brain: Brain) -> None:
    model = brain.llm(api_key="wrong")
    with pytest.raises(APIStatusError, match="401.*pass the api_key") as caught:
        await read(model.chat(chat_ctx=talk("Hello?"), conn_options=ONCE))
    assert not caught.value.retryable


async def test_a_wrong_model_is_answered_with_the_one_there_is(brain: Brain) -> None:
    model = brain.llm(model="qwen")
    with pytest.raises(APIStatusError, match="serves 'llm', not 'qwen'.*--served-model-name qwen"):
        await model.ready()


async def test_a_request_is_found_in_the_servers_log(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=5)
    await read(model.chat(chat_ctx=talk("Hello?"), conn_options=ONCE))
    (report,) = brain.reports
    assert report.request_id in brain.server.log.read_text()


async def test_a_conversation_outlives_its_server(brain: Brain) -> None:
    model = brain.llm(max_completion_tokens=400, extra_body={"ignore_eos": True})
    patient = APIConnectOptions(max_retry=200, retry_interval=0.5, timeout=30.0)
    stream = model.chat(chat_ctx=talk("Tell me all."), conn_options=patient)
    said = Said()
    restarted: asyncio.Task[None] | None = None

    def restart() -> None:
        brain.server.start()
        brain.server.wait()

    async with stream:
        async for chunk in stream:
            if chunk.delta and chunk.delta.content:
                said.deltas.append(chunk.delta.content)
            if restarted is None and len(said.deltas) == 10:
                brain.server.kill()
                restarted = asyncio.create_task(asyncio.to_thread(restart))
    assert restarted is not None
    await restarted
    broken, *_, last = brain.reports
    assert broken.finish_reason == "failed"
    assert last.finish_reason in ("length", "sentence", "stop")
    # The rest was asked of the new server as the continuation of what had been said.
    assert last.prompt_tokens > broken.prompt_tokens
    assert len(said.deltas) > 10
    again = await read(model.chat(chat_ctx=talk("And now?"), conn_options=ONCE))
    assert again.text
