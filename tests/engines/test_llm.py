"""The vLLM plugin's language model against an upstream vLLM on a CPU.

The weights are random: what the model says means nothing, and it hardly ever stops by itself.
Everything around them is vLLM's own.
"""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

import pytest
from livekit.agents import APIStatusError, llm

from .brain import ONCE, SYSTEM, Brain, read, talk
from .servers import until


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


async def test_two_hundred_turns_fit_into_2048_tokens(brain: Brain) -> None:
    """A guest talks to a hotel for an evening, in two languages, and no turn is an error."""
    questions = Path(__file__).with_name("conversation.txt").read_text().splitlines()
    assert len(questions) == 200
    model = brain.llm(max_completion_tokens=24)
    context = talk(system="You are the voice of a small hotel and answer in one sentence.")
    before = brain.server.log.read_text()
    for turn, question in enumerate(questions):
        context.add_message(role="user", content=question)
        if turn % 10 == 9:
            arguments = json.dumps({"text": question})
            call = llm.FunctionCall(call_id=str(turn), name="note", arguments=arguments)
            result = llm.FunctionCallOutput(
                call_id=call.call_id, name=call.name, output="It is noted.", is_error=False
            )
            context.insert([call, result])
        said = await read(model.chat(chat_ctx=context, tools=[note], conn_options=ONCE))
        assert said.usage is not None
        assert said.usage.prompt_tokens + 24 <= 2048
        context.add_message(role="assistant", content=said.text or "Yes.")
    # Not one request was refused and asked again either.
    assert len(brain.reports) == 200
    log = brain.server.log.read_text().removeprefix(before)
    answers = re.findall(r'POST /v1/chat/completions HTTP/1.1" (\d+)', log)
    assert answers == ["200"] * 200
    left_out = [report.left_out for report in brain.reports]
    assert left_out[0] == 0
    assert left_out[-1] > 200
    # What is cut stays cut for a while, so that the cache has the rest.
    cached = [report.cached_tokens for report in brain.reports[-50:]]
    assert sum(count > 0 for count in cached) > 25


@llm.function_tool
async def note(text: str) -> str:
    """Write down what the guest asks for.

    Args:
        text: What to write down.
    """
    return text


async def test_a_system_prompt_that_cannot_fit_is_refused_with_the_remedy(brain: Brain) -> None:
    model = brain.llm()
    with pytest.raises(APIStatusError, match="--max-model-len") as caught:
        await read(model.chat(chat_ctx=talk("Hello?", system=SYSTEM * 10), conn_options=ONCE))
    assert caught.value.message.count("\n") == 0
    assert not caught.value.retryable


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


async def test_a_model_that_cannot_hear_is_refused(brain: Brain) -> None:
    model = brain.llm(audio_input="beside")
    with pytest.raises(APIStatusError, match="the model takes text only") as caught:
        await model.ready()
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
