"""Replies as servers stream them, and how they are asked for."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from livekit.plugins import vllm

from ..conftest import Kit, Step, pay, user


def test_a_reply_is_text_and_usage(kit: Kit) -> None:
    kit.server.chats = [
        [
            kit.delta(role="assistant", content=""),
            kit.delta(content="Hel"),
            kit.delta(content="lo."),
            kit.delta("stop"),
            kit.usage(prompt=40, completion=2, cached=32),
            kit.DONE,
        ]
    ]
    answer = kit.ask(kit.llm())
    assert answer.text == "Hello."
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == 40
    assert answer.usage.prompt_cached_tokens == 32
    assert answer.usage.completion_tokens == 2
    assert kit.reports[0].cached_share == 0.8
    assert kit.server.running == 0


def test_made_for_voice(kit: Kit) -> None:
    kit.ask(kit.llm(temperature=0.3, cache_salt="tenant", extra_body={"top_k": 20}))
    body = kit.server.bodies[0]
    assert body["model"] == "test-model"
    assert body["chat_template_kwargs"] == {"enable_thinking": False, "thinking": False}
    assert body["temperature"] == 0.3
    assert body["cache_salt"] == "tenant"
    assert body["top_k"] == 20
    assert body["max_tokens"] == 400
    assert body["stream_options"] == {"include_usage": True, "continuous_usage_stats": True}
    assert "priority" not in body


def test_the_request_id_is_in_the_servers_log_and_in_the_report(kit: Kit) -> None:
    kit.ask(kit.llm())
    assert kit.server.headers[0]["x-request-id"] == kit.reports[0].request_id


def test_a_router_can_tell_conversations_apart(kit: Kit) -> None:
    context, other = user("Hello"), user("Hello")
    kit.ask(kit.llm(), context)
    context.add_message(role="assistant", content="Hello there.")
    context.add_message(role="user", content="Bye")
    kit.ask(kit.llm(), context)
    kit.ask(kit.llm(), other)
    first, second, third = (headers["x-session-id"] for headers in kit.server.headers)
    assert first == second != third


def test_first_token_is_the_first_that_is_spoken(kit: Kit) -> None:
    kit.server.chats = [
        [
            kit.delta(role="assistant", content=""),
            1.0,
            kit.delta(reasoning="Let me think."),
            1.0,
            kit.delta(content="Yes."),
            kit.delta("stop"),
            kit.DONE,
        ]
    ]
    kit.ask(kit.llm())
    assert kit.reports[0].ttft == pytest.approx(2.001)
    assert kit.reports[0].connect_time == pytest.approx(0.001)


def test_utf8_may_be_split_anywhere(kit: Kit) -> None:
    steps = kit.reply("今天天气", "很好🙂。")
    whole = "".join(step for step in steps if isinstance(step, str)).encode()
    kit.server.chats = [[whole[i : i + 1] for i in range(len(whole))]]
    assert kit.ask(kit.llm()).text == "今天天气很好🙂。"


def test_chunks_without_choices_and_comments_are_passed_over(kit: Kit) -> None:
    kit.server.chats = [
        [": keep-alive\n\n", kit.event(choices=[]), kit.usage(), *kit.reply("Good.")]
    ]
    assert kit.ask(kit.llm()).text == "Good."


def test_queue_time_where_the_server_gives_it(kit: Kit) -> None:
    timed = kit.event(choices=[], metrics={"queue_time_ms": 120.0})
    kit.server.chats = [[kit.delta(content="Hi."), kit.delta("stop"), timed, kit.DONE]]
    kit.ask(kit.llm())
    assert kit.reports[0].queue_time == 0.12


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_in_its_own_field_is_not_spoken(kit: Kit, field: str) -> None:
    thought = kit.delta(**{field: "The user greets me."})
    kit.server.chats = [[thought, *kit.reply("Hello.")]]
    assert kit.ask(kit.llm()).text == "Hello."


def test_reasoning_in_tags_is_not_spoken(kit: Kit) -> None:
    kit.server.chats = [kit.reply("<thi", "nk>The user", " greets</th", "ink>Hello.")]
    assert kit.ask(kit.llm()).text == "Hello."


def test_reasoning_that_the_template_has_opened_is_not_spoken(kit: Kit) -> None:
    kit.server.count = lambda body: 20
    kit.server.prompt_end = "<think> Ċ"
    kit.server.chats = [kit.reply("The user", " greets</think>", "\n\nHello.")]
    assert kit.ask(kit.llm()).text == "Hello."


def test_a_thought_opened_by_the_template_but_taken_out_by_the_server(kit: Kit) -> None:
    kit.server.count = lambda body: 20
    kit.server.prompt_end = "<think> Ċ"
    begin: list[Step] = [kit.delta(reasoning="Hm."), kit.delta(content="Hello"), 2.0]
    kit.server.chats = [[*begin, *kit.reply(" there.")]]
    assert kit.ask(kit.llm()).text == "Hello there."
    ttft = kit.reports[0].ttft
    assert ttft is not None
    assert ttft < 0.1  # spoken at once, not kept until the end


def test_a_runaway_reply_ends_with_its_sentence(kit: Kit) -> None:
    texts = ["One. ", "Two. ", "Three. ", "Four is", " long. ", "Five", " is", " never", " said."]
    kit.server.chats = [kit.reply(*texts)]
    answer = kit.ask(kit.llm(max_completion_tokens=5))
    assert answer.text == "One. Two. Three. Four is long."
    assert kit.reports[0].finish_reason == "sentence"
    assert kit.server.running == 0


def test_a_sentence_cut_by_the_limit_is_left_out(kit: Kit) -> None:
    kit.server.chats = [kit.reply("One. ", "Two. ", "Three. ", "Four is", finish="length")]
    answer = kit.ask(kit.llm(max_completion_tokens=4))
    assert answer.text == "One. Two. Three."


def test_closing_the_reply_closes_the_stream(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(content="Once upon a time"), 5.0, kit.delta(content="...")]]

    async def interrupted() -> int:
        stream = kit.llm().chat(chat_ctx=user())
        async for chunk in stream:
            assert chunk.delta is not None
            assert chunk.delta.content == "Once upon a time"
            break
        assert kit.server.running == 1
        await stream.aclose()
        return int(kit.server.running)

    assert kit.run(interrupted()) == 0
    assert kit.loop_time < 0.1
    assert kit.reports[0].finish_reason == "aborted"


def test_closing_before_the_first_token_closes_the_stream(kit: Kit) -> None:
    kit.server.chats = [[30.0]]

    async def superseded() -> None:
        stream = kit.llm().chat(chat_ctx=user())
        await asyncio.sleep(1.0)
        assert kit.server.running == 1
        await stream.aclose()

    kit.run(superseded())
    assert kit.server.running == 0


async def test_the_server_sees_the_end_of_the_connection() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/v1/models" in head:
            body = b'{"data": [{"id": "m", "max_model_len": 2048}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        elif b"/v1/chat/completions" in head:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "Once"}}]}
            writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
            while await reader.read(1024):
                pass
            gone.set()
        else:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, vllm.LLM(base_url=f"http://127.0.0.1:{port}") as model:
        async with model.chat(chat_ctx=user()) as stream:
            await anext(stream)
        await asyncio.wait_for(gone.wait(), 10)


def test_a_starter_is_continued(kit: Kit) -> None:
    kit.server.chats = [kit.reply(" I can.")]
    context = user("Can you sing?")
    context.add_message(role="assistant", content="Of course,")
    assert kit.ask(kit.llm(), context, continue_final_message=True).text == "I can."
    body = kit.server.bodies[0]
    assert body["messages"][-1] == {"role": "assistant", "content": "Of course,"}
    assert body["continue_final_message"] is True


def test_there_must_be_something_to_continue(kit: Kit) -> None:
    with pytest.raises(ValueError, match="assistant message"):
        kit.ask(kit.llm(), continue_final_message=True)


def test_structured_outputs(kit: Kit) -> None:
    kit.ask(kit.llm(), structured_outputs={"choice": ["yes", "no"]}, extra_kwargs={"seed": 3})
    assert kit.server.bodies[0]["structured_outputs"] == {"choice": ["yes", "no"]}
    assert kit.server.bodies[0]["seed"] == 3


def test_warming_sends_the_same_prompt_behind_everybody(kit: Kit) -> None:
    kit.server.chats = [[kit.delta("length", content="x"), kit.usage(50, 1, 16)], kit.reply("Yes.")]
    context = user()

    async def both() -> vllm.RequestReport | None:
        model = kit.llm(priority=0)
        report = await model.warm(context, [pay])
        await model.chat(chat_ctx=context, tools=[pay]).collect()
        return report

    report = kit.run(both())
    warm, real = kit.server.bodies
    assert (warm["max_tokens"], real["max_tokens"]) == (1, 400)
    assert (warm["priority"], real["priority"]) == (1, 0)
    for key in ("messages", "tools", "chat_template_kwargs"):
        assert warm[key] == real[key]
    assert report is not None
    assert report.purpose == "warm"
    assert report.cached_tokens == 16


def test_livekit_counts_the_tokens_too(kit: Kit) -> None:
    collected: list[Any] = []
    model = kit.llm()
    model.on("metrics_collected", collected.append)
    kit.ask(model)
    assert collected[0].prompt_tokens == 10
    assert collected[0].ttft > 0
    assert collected[0].metadata.model_name == "test-model"


def test_data_passes_whole(kit: Kit) -> None:
    pieces = ['{"a": "One. ', "Two. ", 'Three. "', ", ", '"b": 1}']
    kit.server.chats = [kit.reply(*pieces)]
    answer = kit.ask(
        kit.llm(max_completion_tokens=3), structured_outputs={"json": {"type": "object"}}
    )
    assert answer.text == "".join(pieces)


def test_closing_twice_is_allowed(kit: Kit) -> None:
    async def closed() -> None:
        model = kit.llm("one", "two", summarize=True)
        model.pool.choose(None)  # begins to check the servers
        await model.aclose()
        await model.aclose()

    kit.add("two")
    kit.run(closed())
