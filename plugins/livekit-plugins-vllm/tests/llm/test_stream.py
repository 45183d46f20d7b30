"""Streams as servers send them, good and bad."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError, llm
from livekit.agents.llm import function_tool
from livekit.plugins import vllm
from livekit.plugins.vllm.tool_calls import CUT_OFF


@function_tool
async def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


def user(text: str = "Hello") -> llm.ChatContext:
    context = llm.ChatContext()
    context.add_message(role="user", content=text)
    return context


def refusal(status: int, message: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message}}, headers=headers)


def test_a_reply_is_text_and_usage(kit: Any) -> None:
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
    assert answer.usage.prompt_tokens == 40
    assert answer.usage.prompt_cached_tokens == 32
    assert answer.usage.completion_tokens == 2
    assert kit.reports[0].cached_share == 0.8
    assert kit.server.running == 0


def test_made_for_voice(kit: Any) -> None:
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


def test_the_request_id_is_in_the_servers_log_and_in_the_report(kit: Any) -> None:
    kit.ask(kit.llm())
    assert kit.server.headers[0]["x-request-id"] == kit.reports[0].request_id


def test_first_token_is_the_first_that_is_spoken(kit: Any) -> None:
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


def test_utf8_may_be_split_anywhere(kit: Any) -> None:
    whole = b"".join(step.encode() for step in kit.reply("今天天气", "很好🙂。"))
    kit.server.chats = [[whole[i : i + 1] for i in range(len(whole))]]
    assert kit.ask(kit.llm()).text == "今天天气很好🙂。"


def test_chunks_without_choices_and_comments_are_passed_over(kit: Any) -> None:
    kit.server.chats = [
        [": keep-alive\n\n", kit.event(choices=[]), kit.usage(), *kit.reply("Good.")]
    ]
    assert kit.ask(kit.llm()).text == "Good."


def test_queue_time_where_the_server_gives_it(kit: Any) -> None:
    timed = kit.event(choices=[], metrics={"queue_time_ms": 120.0})
    kit.server.chats = [[kit.delta(content="Hi."), kit.delta("stop"), timed, kit.DONE]]
    kit.ask(kit.llm())
    assert kit.reports[0].queue_time == 0.12


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_in_its_own_field_is_not_spoken(kit: Any, field: str) -> None:
    thought = kit.delta(**{field: "The user greets me."})
    kit.server.chats = [[thought, *kit.reply("Hello.")]]
    assert kit.ask(kit.llm()).text == "Hello."


def test_reasoning_in_tags_is_not_spoken(kit: Any) -> None:
    kit.server.chats = [kit.reply("<thi", "nk>The user", " greets</th", "ink>Hello.")]
    assert kit.ask(kit.llm()).text == "Hello."


def test_reasoning_that_the_template_has_opened_is_not_spoken(kit: Any) -> None:
    kit.server.count = lambda body: 20
    kit.server.prompt_end = "<think> Ċ"
    kit.server.chats = [kit.reply("The user", " greets</think>", "\n\nHello.")]
    assert kit.ask(kit.llm()).text == "Hello."


def test_a_thought_opened_by_the_template_but_taken_out_by_the_server(kit: Any) -> None:
    kit.server.count = lambda body: 20
    kit.server.prompt_end = "<think> Ċ"
    begin = [kit.delta(reasoning="Hm."), kit.delta(content="Hello"), 2.0]
    kit.server.chats = [[*begin, *kit.reply(" there.")]]
    assert kit.ask(kit.llm()).text == "Hello there."
    assert kit.reports[0].ttft < 0.1  # spoken at once, not kept until the end


def test_a_runaway_reply_ends_with_its_sentence(kit: Any) -> None:
    texts = ["One. ", "Two. ", "Three. ", "Four is", " long. ", "Five", " is", " never", " said."]
    kit.server.chats = [kit.reply(*texts)]
    answer = kit.ask(kit.llm(max_completion_tokens=5))
    assert answer.text == "One. Two. Three. Four is long."
    assert kit.reports[0].finish_reason == "sentence"
    assert kit.server.running == 0


def test_a_sentence_cut_by_the_limit_is_left_out(kit: Any) -> None:
    kit.server.chats = [kit.reply("One. ", "Two. ", "Three. ", "Four is", finish="length")]
    answer = kit.ask(kit.llm(max_completion_tokens=4))
    assert answer.text == "One. Two. Three."


def test_a_stream_that_ends_without_an_end_is_continued(kit: Any) -> None:
    broken = [kit.delta(content="One, "), kit.delta(content="two, ")]
    kit.server.chats = [broken, kit.reply("three.")]
    answer = kit.ask(kit.llm())
    assert answer.text == "One, two, three."
    first, second = kit.server.bodies
    assert second["messages"] == [*first["messages"], {"role": "assistant", "content": "One, two,"}]
    assert second["continue_final_message"] is True
    assert second["add_generation_prompt"] is False
    assert [r.finish_reason for r in kit.reports] == ["failed", "stop"]


@pytest.mark.parametrize(
    "broken",
    [
        httpx.RemoteProtocolError("peer closed connection"),
        httpx.ReadError(""),
        'data: {"error": {"message": "EngineDeadError", "code": 500}}\n\n',
        "data: {not json\n\n",
        20.0,
    ],
    ids=["closed", "reset", "error event", "no json", "silence"],
)
def test_a_failure_after_the_first_word_repeats_none(kit: Any, broken: Any) -> None:
    kit.server.chats = [[kit.delta(content="My name"), broken], kit.reply(" is Ada.")]
    answer = kit.ask(kit.llm())
    assert answer.text == "My name is Ada."
    assert kit.server.bodies[1]["messages"][-1] == {"role": "assistant", "content": "My name"}
    assert kit.server.running == 0


def test_a_space_at_the_break_is_said_once(kit: Any) -> None:
    kit.server.chats = [
        [kit.delta(content="My "), httpx.ReadError("")],
        kit.reply(" name", " is", " Ada."),
    ]
    assert kit.ask(kit.llm()).text == "My name is Ada."


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_generation_that_the_server_gave_up_is_continued(kit: Any, finish: str) -> None:
    kit.server.chats = [kit.reply("My name", finish=finish), kit.reply(" is Ada.")]
    assert kit.ask(kit.llm()).text == "My name is Ada."


def test_the_continuation_keeps_to_the_limit_of_the_whole_reply(kit: Any) -> None:
    counted = kit.event(
        choices=[{"index": 0, "delta": {"content": "My name"}}],
        usage={"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39},
    )
    kit.server.chats = [[counted, httpx.ReadError("")], kit.reply(" is Ada.")]
    answer = kit.ask(kit.llm(max_completion_tokens=100))
    assert [body["max_tokens"] for body in kit.server.bodies] == [100, 70]
    assert answer.usage.completion_tokens == 33


def test_a_reply_that_fails_for_good_says_so(kit: Any) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    with pytest.raises(APIConnectionError, match="after 3 attempts"):
        kit.ask(kit.llm(), retries=2)
    assert len(kit.server.bodies) == 3


def test_slow_first_token_is_waited_for(kit: Any) -> None:
    kit.server.chats = [[25.0, *kit.reply("Here I am.")]]
    assert kit.ask(kit.llm()).text == "Here I am."
    assert len(kit.server.bodies) == 1


def test_no_first_token_is_a_timeout_and_closes_the_stream(kit: Any) -> None:
    kit.server.chats = [[60.0], kit.reply("Back again.")]
    assert kit.ask(kit.llm(first_token_timeout=8.0)).text == "Back again."
    assert kit.server.running == 0
    assert kit.loop_time < 9.0


def test_retry_after_is_kept(kit: Any) -> None:
    busy = refusal(429, "Too many requests", **{"retry-after": "3"})
    kit.server.chats = [busy, kit.reply("Yes.")]
    assert kit.ask(kit.llm()).text == "Yes."
    assert 3.0 <= kit.loop_time < 4.0


def test_a_server_that_is_busy_for_long_is_not_waited_for(kit: Any) -> None:
    kit.server.chats = [refusal(429, "Too many requests", **{"retry-after": "600"})]
    with pytest.raises(APIStatusError, match="Too many requests"):
        kit.ask(kit.llm())
    assert len(kit.server.bodies) == 1


@pytest.mark.parametrize(
    ("status", "message", "remedy"),
    [
        (401, "Unauthorized", "pass the api_key"),
        (
            400,
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser',
            "start vLLM with --enable-auto-tool-choice and --tool-call-parser",
        ),
        (400, "test-model is not a multimodal model", "the model takes text only"),
        (400, "At most 0 audio(s) may be provided in one prompt.", "--limit-mm-per-prompt"),
    ],
)
def test_refusals_name_the_remedy(kit: Any, status: int, message: str, remedy: str) -> None:
    kit.server.chats = [refusal(status, message)]
    with pytest.raises(APIStatusError, match=remedy) as caught:
        kit.ask(kit.llm())
    assert message.rstrip(".") in caught.value.message
    assert "http://one:8000/v1" in caught.value.message
    assert len(kit.server.bodies) == 1


@pytest.mark.parametrize("in_stream", [False, True])
def test_priority_is_left_out_where_the_server_has_none(kit: Any, in_stream: bool) -> None:
    message = "Got priority 5 but Priority scheduling is not enabled."
    event = f"data: {json.dumps({'error': {'message': message, 'code': 400}})}\n\n"
    kit.server.chats = [[event] if in_stream else refusal(400, message), kit.reply("Yes.")]
    assert kit.ask(kit.llm(priority=5)).text == "Yes."
    assert [body.get("priority") for body in kit.server.bodies] == [5, None]


def test_tool_calls_in_parallel_and_in_pieces(kit: Any) -> None:
    kit.server.chats = [
        [
            kit.delta(role="assistant", content=""),
            kit.delta(content="One moment."),
            kit.call(0, name="pay", id="call-a"),
            kit.call(0, '{"to": "Ann", '),
            kit.call(0, '"amount": 5}'),
            kit.call(1, '{"to": "Bob"', name="pay", id="call-b"),
            kit.call(1, ', "amount": 7}'),
            kit.delta("tool_calls"),
            kit.usage(),
            kit.DONE,
        ]
    ]
    answer = kit.ask(kit.llm(), tools=[pay])
    assert answer.text == "One moment."
    assert [(c.call_id, c.name, json.loads(c.arguments)) for c in answer.tool_calls] == [
        ("call-a", "pay", {"to": "Ann", "amount": 5}),
        ("call-b", "pay", {"to": "Bob", "amount": 7}),
    ]


def test_tools_are_offered_in_one_order_and_the_plain_form(kit: Any) -> None:
    @function_tool
    async def add(a: int, b: int = 1) -> int:
        """Add."""
        return a + b

    kit.ask(kit.llm(), tools=[pay, add])
    kit.ask(kit.llm(), tools=[add, pay])
    first, second = (body["tools"] for body in kit.server.bodies)
    assert json.dumps(first) == json.dumps(second)
    assert "strict" not in json.dumps(first)
    assert first[0]["function"]["parameters"]["required"] == ["a"]


@pytest.mark.parametrize("finish", ["length", None])
def test_a_call_that_was_cut_off_is_refused_not_repaired(kit: Any, finish: str | None) -> None:
    context = user()
    steps = [
        kit.call(0, '{"to": "Ann", "amount": 5}', name="pay", id="call-a"),
        kit.call(1, '{"to": "Bob", "amount": 10', name="pay", id="call-b"),
    ]
    if finish:
        steps += [kit.delta(finish), kit.DONE]
    kit.server.chats = [steps]
    answer = kit.ask(kit.llm(), tools=[pay])
    if finish is None:
        # The first call was given out; a repeat would pay twice.
        assert [c.call_id for c in answer.tool_calls] == ["call-a", "call-b"]
        assert len(kit.server.bodies) == 1
    result = asyncio.run(llm.execute_function_call(answer.tool_calls[1], llm.ToolContext([pay])))
    assert result.fnc_call_out.is_error
    assert CUT_OFF in result.fnc_call_out.output
    # The history of the next request has arguments that every chat template can render.
    context.insert([result.fnc_call, result.fnc_call_out])
    kit.server.chats = [kit.reply("Sorry.")]
    kit.ask(kit.llm(), context, tools=[pay])
    assert kit.server.bodies[-1]["messages"][-2]["tool_calls"][0]["function"]["arguments"] == "{}"


def test_malformed_arguments_are_repaired_by_livekit(kit: Any) -> None:
    kit.server.chats = [
        [kit.call(0, "{'to': 'Ann', 'amount': 5", name="pay", id="a"), kit.delta("tool_calls")]
    ]
    call = kit.ask(kit.llm(), tools=[pay]).tool_calls[0]
    result = asyncio.run(llm.execute_function_call(call, llm.ToolContext([pay])))
    assert result.fnc_call_out.output == "paid 5 to Ann"


def test_closing_the_reply_closes_the_stream(kit: Any) -> None:
    kit.server.chats = [[kit.delta(content="Once upon a time"), 5.0, kit.delta(content="...")]]

    async def interrupted() -> int:
        stream = kit.llm().chat(chat_ctx=user())
        async for chunk in stream:
            assert chunk.delta.content == "Once upon a time"
            break
        assert kit.server.running == 1
        await stream.aclose()
        return int(kit.server.running)

    assert kit.run(interrupted()) == 0
    assert kit.loop_time < 0.1
    assert kit.reports[0].finish_reason == "aborted"


def test_closing_before_the_first_token_closes_the_stream(kit: Any) -> None:
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


def test_a_starter_is_continued(kit: Any) -> None:
    kit.server.chats = [kit.reply(" I can.")]
    context = user("Can you sing?")
    context.add_message(role="assistant", content="Of course,")
    assert kit.ask(kit.llm(), context, continue_final_message=True).text == "I can."
    body = kit.server.bodies[0]
    assert body["messages"][-1] == {"role": "assistant", "content": "Of course,"}
    assert body["continue_final_message"] is True


def test_there_must_be_something_to_continue(kit: Any) -> None:
    with pytest.raises(ValueError, match="assistant's message"):
        kit.ask(kit.llm(), continue_final_message=True)


def test_structured_outputs(kit: Any) -> None:
    kit.ask(kit.llm(), structured_outputs={"choice": ["yes", "no"]}, extra_kwargs={"seed": 3})
    assert kit.server.bodies[0]["structured_outputs"] == {"choice": ["yes", "no"]}
    assert kit.server.bodies[0]["seed"] == 3


def test_warming_sends_the_same_prompt_behind_everybody(kit: Any) -> None:
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
    assert report.purpose == "warm"
    assert report.cached_tokens == 16


def test_warming_that_fails_is_no_error(kit: Any) -> None:
    kit.server.chats = [refusal(500, "Out of memory")]
    assert kit.run(kit.llm().warm(user())) is None


def test_livekit_counts_the_tokens_too(kit: Any) -> None:
    collected: list[Any] = []
    model = kit.llm()
    model.on("metrics_collected", collected.append)
    kit.ask(model)
    assert collected[0].prompt_tokens == 10
    assert collected[0].ttft > 0
    assert collected[0].metadata.model_name == "test-model"


def test_errors_are_livekits(kit: Any) -> None:
    kit.server.chats = [refusal(400, "bad")]
    seen: list[Any] = []
    model = kit.llm()
    model.on("error", seen.append)
    with pytest.raises(APIError):
        kit.ask(model)
    assert [e.recoverable for e in seen] == [False]


def test_retries_are_the_callers(kit: Any) -> None:
    kit.server.chats = [refusal(500, "boom")]
    with pytest.raises(APIStatusError):
        kit.ask(kit.llm(), retries=0)
    assert len(kit.server.bodies) == 1
    assert APIConnectOptions().max_retry == 3


def test_a_connection_that_breaks_after_the_end_is_no_failure(kit: Any) -> None:
    ended = [kit.delta(content="Yes."), kit.delta("stop"), kit.usage()]
    kit.server.chats = [[*ended, httpx.RemoteProtocolError("peer closed connection")]]
    assert kit.ask(kit.llm()).text == "Yes."
    assert len(kit.server.bodies) == 1


def test_long_reasoning_that_the_server_hides_is_waited_for(kit: Any) -> None:
    kit.server.chats = [[kit.delta(role="assistant", content=""), 25.0, *kit.reply("Yes.")]]
    assert kit.ask(kit.llm(thinking=True)).text == "Yes."
    assert len(kit.server.bodies) == 1
    assert kit.server.bodies[0]["chat_template_kwargs"]["enable_thinking"] is True


def test_data_passes_whole(kit: Any) -> None:
    pieces = ['{"a": "One. ', "Two. ", 'Three. "', ", ", '"b": 1}']
    kit.server.chats = [kit.reply(*pieces)]
    answer = kit.ask(
        kit.llm(max_completion_tokens=3), structured_outputs={"json": {"type": "object"}}
    )
    assert answer.text == "".join(pieces)


def test_warming_without_priorities(kit: Any) -> None:
    message = "Got priority 1 but Priority scheduling is not enabled."
    kit.server.chats = [refusal(400, message), kit.reply("Yes.")]

    async def twice() -> list[Any]:
        model = kit.llm(priority=0)
        return [await model.warm(user()) for _ in range(2)]

    assert [report.purpose for report in kit.run(twice())] == ["warm", "warm"]
    assert [body.get("priority") for body in kit.server.bodies] == [1, None, None]
