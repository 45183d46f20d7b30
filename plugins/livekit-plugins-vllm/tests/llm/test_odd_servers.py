"""Servers that speak OpenAI's API with an accent of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIStatusError

from ..conftest import DONE, Kit, delta, event, pay, said

GOOD, MORNING, STOP = delta(content="Good "), delta(content="morning."), delta("stop")
HALF = "\ud83d"


@pytest.mark.parametrize("status", [409, 423, 425, 499, 520, 529])
def test_a_refusal_that_a_moment_cures_costs_no_reply(kit: Kit, status: int) -> None:
    kit.server.chats = [httpx.Response(status, json={"error": "x"}), kit.reply("Yes.")]
    assert kit.ask(kit.llm()).text == "Yes."


def test_a_server_that_ends_each_request_itself_is_an_error(kit: Kit) -> None:
    # LiveKit ends a stream on 499 without a word of why.
    kit.server.chats = [httpx.Response(499, json={"error": "x"})]
    with pytest.raises(APIStatusError, match="answered 499"):
        kit.ask(kit.llm(), retries=0)


@pytest.mark.parametrize("status", [409, 431])
def test_a_server_that_refuses_for_its_own_sake_is_left_for_the_next(kit: Kit, status: int) -> None:
    kit.server.chats = [httpx.Response(status, json={"error": "x"})]
    kit.add("two", kit.reply("Yes."), load=9)
    assert kit.ask(kit.llm("one", "two")).text == "Yes."


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_list_of_models_that_has_moved_is_followed(kit: Kit, status: int) -> None:
    two = kit.add("two", kit.reply("Two."))
    two.models = [{"id": "moved"}]
    redirect(kit, "/v1/models", status)
    assert kit.ask(kit.llm()).text == "Hello there."
    assert kit.server.bodies[0]["model"] == "moved"


@pytest.mark.parametrize("status", [307, 308])
def test_a_chat_that_has_moved_is_followed(kit: Kit, status: int) -> None:
    two = kit.add("two", kit.reply("Moved."))
    redirect(kit, "/v1/chat/completions", status)
    assert kit.ask(kit.llm()).text == "Moved."
    assert two.bodies[0]["messages"][-1]["content"] == "Hello"


def redirect(kit: Kit, path: str, status: int) -> None:
    """Have the first server send a path to the second."""
    answers(
        kit,
        path,
        lambda: httpx.Response(status, headers={"location": f"http://two:8000{path}"}),
    )


def answers(kit: Kit, path: str, answer: Callable[[], httpx.Response]) -> None:
    """Have the first server answer a path so."""
    handle = kit.server.handle
    kit.server.handle = (  # type: ignore[method-assign]
        lambda request: answer() if request.url.path == path else handle(request)
    )


@pytest.mark.parametrize(
    "steps",
    [
        [b"\xef\xbb\xbf" + GOOD.encode(), MORNING, STOP, DONE],
        [b"\xef", b"\xbb\xbf", GOOD, MORNING, STOP, DONE],
        [GOOD, b": \xff\xfe\n\n", MORNING, STOP, DONE],
        [GOOD, "data: \n\n", MORNING, STOP, DONE],
        [GOOD, "data:\n\n", "event: ping\n\n", MORNING, STOP, DONE],
        ["\n\n", ": hello\n\n", GOOD, MORNING, STOP, DONE],
        [event(choices=[{"index": "0", "delta": {"content": "Good morning."}}]), STOP, DONE],
        [event(choices=[{"delta": "Good morning."}]), STOP, DONE],
        [event(choices=[{"text": "Good morning.", "finish_reason": "stop"}]), DONE],
        [event(choices=[{"message": {"content": "Good morning."}, "finish_reason": "stop"}])],
        [GOOD, MORNING, event(choices=[{"message": {"content": "Good morning."}}]), STOP, DONE],
        [GOOD, MORNING, event(choices=[], usage={"completion_tokens": 10**400}), STOP, DONE],
        [GOOD, event(choices=[], metrics={"queue_time_ms": 10**400}), MORNING, STOP, DONE],
    ],
    ids=range(13),
)
def test_a_stream_with_an_accent_costs_no_word(kit: Kit, steps: list[Any]) -> None:
    kit.server.chats = [steps]
    assert kit.ask(kit.llm(), retries=0).text == "Good morning."


def test_a_byte_that_is_no_text_costs_its_character(kit: Kit) -> None:
    broken = delta(content="mor#ning.").encode().replace(b"#", b"\xff")
    kit.server.chats = [[GOOD, broken, STOP, DONE]]
    assert kit.ask(kit.llm(), retries=0).text == "Good mor\ufffdning."


def test_an_event_too_deep_to_be_read_is_a_break(kit: Kit) -> None:
    kit.server.chats = [[GOOD, f"data: {'[' * 100_000}\n\n"], kit.reply("morning.")]
    assert kit.ask(kit.llm()).text == "Good morning."


ARGUMENTS = {"to": "Ann", "amount": 5}
WRITTEN = json.dumps(ARGUMENTS)
CALL = {"id": "a", "type": "function", "function": {"name": "pay", "arguments": WRITTEN}}


def test_a_server_that_does_not_stream_is_heard(kit: Kit) -> None:
    message = {"role": "assistant", "content": "Yes.", "tool_calls": [CALL]}
    whole = {"choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    kit.server.chats = [httpx.Response(200, json=whole)]
    answer = kit.ask(kit.llm(), tools=[pay], retries=0)
    assert answer.text == "Yes."
    assert [call.name for call in answer.tool_calls] == ["pay"]


@pytest.mark.parametrize("reason", ["timeout", "network_error", "insufficient_system_resource"])
def test_a_reply_that_failed_by_any_name_is_continued(kit: Kit, reason: str) -> None:
    kit.server.chats = [kit.reply("My name", finish=reason), kit.reply(" is Ada.")]
    assert kit.ask(kit.llm()).text == "My name is Ada."


@pytest.mark.parametrize(
    "reason", ["max_output_tokens", "length_limit", "model_context_window_exceeded"]
)
def test_a_limit_by_any_name_leaves_out_the_open_sentence(kit: Kit, reason: str) -> None:
    kit.server.chats = [kit.reply("One. ", "Two. ", "Three. ", "Four is", finish=reason)]
    assert kit.ask(kit.llm(max_completion_tokens=4)).text == "One. Two. Three."


@pytest.mark.parametrize(
    "listed",
    [
        [{"id": "m"}],
        {"models": [{"name": "m", "model": "m"}]},
        {"data": ["m"]},
        {"data": [None, {"object": "model"}, {"id": None}, {"id": "m"}]},
        {"data": [{"id": "m", "max_model_len": True}]},
        {"data": [{"id": "m", "max_model_len": -1}]},
        {"data": [{"id": "m", "max_model_len": 0}]},
    ],
)
def test_any_list_of_models_is_read(kit: Kit, listed: Any) -> None:
    answers(kit, "/v1/models", lambda: httpx.Response(200, json=listed))
    assert kit.ask(kit.llm()).text == "Hello there."
    assert kit.server.bodies[0]["model"] == "m"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(405),
        httpx.Response(501),
        httpx.Response(204),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(200, json={"data": None}),
    ],
    ids=range(7),
)
def test_a_gateway_that_lists_no_models_is_asked_for_the_one_named(
    kit: Kit, answer: httpx.Response
) -> None:
    answers(kit, "/v1/models", lambda: answer)
    assert kit.ask(kit.llm(model="mine")).text == "Hello there."
    assert kit.server.bodies[0]["model"] == "mine"


def test_a_server_that_lists_no_models_is_left_for_the_next(kit: Kit) -> None:
    answers(kit, "/v1/models", lambda: httpx.Response(200, content=b"<html>"))
    kit.add("two", kit.reply("Yes."), load=9)
    assert kit.ask(kit.llm("one", "two")).text == "Yes."


@pytest.mark.parametrize(
    "counted",
    [
        b'{"count": null}',
        b'{"count": NaN}',
        b'{"count": []}',
        b'{"count": -5}',
        b'{"count": 3, "token_strs": [null, 1]}',
        b'{"count": 3, "token_strs": "abc"}',
        b'{"count": 1' + b"0" * 400 + b"}",
        b"[" * 100_000,
    ],
    ids=range(8),
)
@pytest.mark.parametrize("turns", [1, 301])
def test_a_count_that_is_none_costs_no_reply(kit: Kit, counted: bytes, turns: int) -> None:
    answers(kit, "/tokenize", lambda: httpx.Response(200, content=counted))
    assert kit.ask(kit.llm(), said(*["word " * 20] * turns)).text == "Hello there."


@pytest.mark.parametrize("number", ["e", "1.2.3", "1e999"])
def test_a_load_that_is_no_number_does_not_end_the_watch(kit: Kit, number: str) -> None:
    kit.add("two", kit.reply("Hello there."))
    load = f"vllm:num_requests_running{{}} {number}\n"
    answers(kit, "/metrics", lambda: httpx.Response(200, text=load))

    async def checked() -> None:
        model = kit.llm("one", "two")
        for replica in model.pool.replicas:
            await model.pool.check(replica)
        await model.aclose()

    kit.run(checked())


@pytest.mark.parametrize(
    "options",
    [{"cache_salt": f"x{HALF}"}, {"extra_body": {"stop": [HALF]}}, {"extra_body": {HALF: 1}}],
)
def test_half_a_character_in_an_option_costs_no_reply(kit: Kit, options: dict[str, Any]) -> None:
    assert kit.ask(kit.llm(**options)).text == "Hello there."


def test_a_key_that_cannot_be_sent_is_refused_at_once(kit: Kit) -> None:
    with pytest.raises(ValueError, match="api_key has characters"):
        kit.llm(api_key="密钥")


def piece(index: int | None, name: str = "", arguments: Any = "", id: str = "") -> str:
    """A delta with a piece of a call."""
    call: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    call |= {} if index is None else {"index": index}
    return delta(tool_calls=[call | ({"id": id} if id else {})])


OTHER = json.dumps({"to": "Bo", "amount": 7})


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "p", id="a"), piece(0, "ay"), piece(0, "", WRITTEN)],
        [piece(0, "p"), piece(0, "a"), piece(0, "y"), piece(0, "", WRITTEN)],
        [piece(0, "p", id="a"), piece(0, "ay", WRITTEN, id="a")],
        [piece(0, "", WRITTEN, id="a"), piece(0, "pay")],
        [piece(0, "", WRITTEN[:9], id="a"), piece(0, "pay", WRITTEN[9:])],
        [piece(0, "pay", WRITTEN[:n], id="a") for n in (5, 12, len(WRITTEN))],
        [piece(0, "pay", json.dumps(WRITTEN), id="a")],
        [piece(0, "functions.pay", WRITTEN, id="a")],
        [piece(0, " pay ", WRITTEN, id="a")],
        [piece(0, '"pay"', WRITTEN, id="a")],
        [piece(0, "pay<|channel|>commentary", WRITTEN, id="a")],
        [delta(tool_calls=[{"index": 0, "function": "pay", "arguments": WRITTEN}])],
        [piece(7, "pay", WRITTEN, id="a")],
        [piece(-1, "pay", WRITTEN, id="a")],
    ],
    ids=range(14),
)
def test_a_call_in_any_pieces_is_one(kit: Kit, pieces: list[str]) -> None:
    kit.server.chats = [[*pieces, delta("tool_calls"), DONE]]
    (call,) = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert (call.name, json.loads(call.arguments)) == ("pay", ARGUMENTS)


@pytest.mark.parametrize("nothing", ["", "null", " "])
def test_no_arguments_are_an_empty_object(kit: Kit, nothing: str) -> None:
    kit.server.chats = [[piece(0, "pay", nothing, id="a"), delta("tool_calls"), DONE]]
    (call,) = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert call.arguments == "{}"


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, "pay", WRITTEN, id="a"), piece(0, "pay", OTHER, id="a")],
        [piece(0, "pay", WRITTEN, id="a"), piece(1, "pay", OTHER, id="a")],
        [piece(3, "pay", WRITTEN, id="a"), piece(9, "pay", OTHER, id="b")],
        [piece(1, "pay", WRITTEN, id="a"), piece(0, "pay", OTHER, id="b")],
    ],
    ids=range(4),
)
def test_two_calls_stay_two_with_ids_of_their_own(kit: Kit, pieces: list[str]) -> None:
    kit.server.chats = [[*pieces, delta("tool_calls"), DONE]]
    calls = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert [json.loads(call.arguments)["to"] for call in calls] == ["Ann", "Bo"]
    assert len({call.call_id for call in calls}) == 2
