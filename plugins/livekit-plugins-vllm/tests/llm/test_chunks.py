"""Chunks that are not quite OpenAI's, and ends of streams that are not quite ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
from livekit.plugins.vllm._llm.chunks import CallPiece, read

from ..conftest import pay


def call(**fields: Any) -> dict[str, Any]:
    """A delta's tool call."""
    return {"choices": [{"index": 0, "delta": {"tool_calls": [fields]}}]}


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": None},
        {},
        {"choices": {}},
        {"choices": "none"},
        {"choices": [None]},
        {"choices": [{"index": 0, "delta": None}]},
        {"choices": [{"index": 0}]},
        {"choices": [{"index": 0, "delta": []}]},
        {"choices": [{"index": 0, "delta": {"content": None}}]},
        {"choices": [{"index": 0, "delta": {"content": {"odd": 1}}}]},
        {"choices": [{"index": 0, "delta": {"content": True}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": None}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": 3}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [None]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": ""}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": False}]},
        {"choices": [{"index": 1, "delta": {"content": "another reply"}}]},
        {"choices": [], "usage": {}},
        {"choices": [], "usage": {"prompt_tokens": 4}},
        {"choices": [], "usage": {"completion_tokens": None, "prompt_tokens": None}},
        {"choices": [], "usage": {"completion_tokens": "3", "prompt_tokens": "4"}},
        {"choices": [], "usage": {"completion_tokens": 2.0, "prompt_tokens_details": 5}},
        {"choices": [], "usage": 12},
        {"choices": [], "metrics": {"queue_time_ms": "soon"}},
        {"choices": [], "metrics": []},
        {"choices": [], "id": None, "object": None, "created": "now", "model": 7},
    ],
    ids=lambda odd: json.dumps(odd)[:60],
)
def test_an_odd_chunk_costs_no_word(kit: Any, odd: dict[str, Any]) -> None:
    steps = [kit.delta(content="Good "), kit.event(**odd), kit.delta(content="morning.")]
    kit.server.chats = [[*steps, kit.delta("stop"), kit.DONE]]
    assert kit.ask(kit.llm(), retries=0).text == "Good morning."


@pytest.mark.parametrize("line", ["data: null\n\n", "data: []\n\n", 'data: "x"\n\n', "data: 3\n\n"])
def test_an_event_that_is_no_object_costs_no_word(kit: Any, line: str) -> None:
    steps = [kit.delta(content="Good "), line, kit.delta(content="morning."), kit.delta("stop")]
    kit.server.chats = [[*steps, kit.DONE]]
    assert kit.ask(kit.llm(), retries=0).text == "Good morning."


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "Hi"}], "Hi"),
        (["Hi", {"type": "text", "text": {"value": " you"}}], "Hi you"),
        ({"type": "text", "text": "Hi"}, "Hi"),
        (42, "42"),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hi"}], "Hi"),
    ],
)
def test_a_content_in_parts_is_text(content: Any, text: str) -> None:
    assert read({"choices": [{"delta": {"content": content}}]}).text == text


@pytest.mark.parametrize(
    ("fields", "piece"),
    [
        (
            {"function": {"name": "pay", "arguments": {"to": "Bo"}}},
            (None, "", "pay", '{"to": "Bo"}'),
        ),
        ({"index": "1", "id": 7, "function": {"name": "pay"}}, (1, "7", "pay", "")),
        ({"index": None, "id": None, "function": {"arguments": None}}, (None, "", "", "")),
        ({"index": 0, "name": "pay", "arguments": "{}"}, (0, "", "pay", "{}")),
        ({"index": 0, "function": None}, (0, "", "", "")),
    ],
)
def test_a_call_of_any_shape_is_read(fields: dict[str, Any], piece: tuple[Any, ...]) -> None:
    assert read(call(**fields)).calls == (CallPiece(*piece),)


def test_a_single_call_without_an_index_is_carried_out(kit: Any) -> None:
    function = {"name": "pay", "arguments": {"to": "Ann", "amount": 5}}
    kit.server.chats = [
        [kit.delta(tool_calls=[{"id": "a", "function": function}]), kit.delta("tool_calls")]
    ]
    (made,) = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert (made.name, json.loads(made.arguments)) == ("pay", {"to": "Ann", "amount": 5})


def piece(index: int | None = 0, arguments: str = "", name: str = "", id: str = "") -> CallPiece:
    """A piece of a call."""
    return CallPiece(index, id, name, arguments)


ADA, BO = '{"name": "Ada"}', '{"name": "Bo"}'


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(0, ADA, "look_up", "a"), piece(0, BO, "look_up", "b")],
        [piece(0, ADA, "look_up"), piece(0, BO, "look_up")],
        [piece(0, "", "look_up"), piece(0, ADA), piece(0, "", "look_up"), piece(0, BO)],
        [piece(0, "", "look_up", "a"), piece(0, ADA), piece(0, "", "look_up", "b"), piece(0, BO)],
        [piece(0, ADA[:7], "look_up", "a"), piece(0, ADA[7:]), piece(0, BO, "look_up", "b")],
        [piece(None, ADA, "look_up", "a"), piece(None, BO, "look_up", "b")],
        [piece(None, ADA, "look_up"), piece(None, BO, "look_up")],
        [piece(None, "", "look_up"), piece(None, ADA), piece(None, "", "look_up"), piece(None, BO)],
        [piece(0, ADA, "look_up", "a"), piece(1, BO, "look_up", "b")],
        [
            piece(0, ADA[:5], "look_up", "a"),
            piece(1, BO[:5], "look_up", "b"),
            piece(0, ADA[5:]),
            piece(1, BO[5:]),
        ],
        # Names, ids or the whole call sent again are no second call.
        [
            piece(0, ADA, "look_up", "a"),
            piece(0, "", "look_up", "a"),
            piece(0, ADA, "look_up", "a"),
            piece(1, BO, "look_up", "b"),
            piece(1, BO),
        ],
        # An id for every delta, as old servers send it.
        [
            piece(0, ADA[:5], "look_up", "1"),
            piece(0, ADA[5:], "", "2"),
            piece(0, "", "", "3"),
            piece(1, BO[:5], "look_up", "4"),
            piece(1, BO[5:], "", "5"),
        ],
        # An empty object in place of arguments that are still to come.
        [piece(0, "{}", "look_up", "a"), piece(0, ADA), piece(1, BO, "look_up", "b")],
    ],
)
def test_two_calls_stay_two(kit: Any, pieces: list[CallPiece]) -> None:
    steps = []
    for each in pieces:
        fields: dict[str, Any] = {"function": {"arguments": each.arguments}}
        fields |= {} if each.index is None else {"index": each.index}
        fields |= {"id": each.id} if each.id else {}
        if each.name:
            fields["function"]["name"] = each.name
        steps.append(kit.delta(tool_calls=[fields]))
    kit.server.chats = [[*steps, kit.delta("tool_calls"), kit.DONE]]
    calls = kit.ask(kit.llm(), tools=[pay], retries=0).tool_calls
    assert [(c.name, json.loads(c.arguments)) for c in calls] == [
        ("look_up", {"name": "Ada"}),
        ("look_up", {"name": "Bo"}),
    ]
    assert len({c.call_id for c in calls}) == 2


@pytest.mark.parametrize("reason", [None, "eos_token", "end_turn", "STOP", "", "eos", "finished"])
def test_a_whole_reply_with_an_odd_reason_is_said_once(kit: Any, reason: str | None) -> None:
    kit.server.chats = [
        [kit.delta(content="Good "), kit.delta(content="morning."), kit.delta(reason), kit.DONE]
    ]
    answer = kit.ask(kit.llm())
    assert answer.text == "Good morning."
    assert len(kit.server.bodies) == 1


@pytest.mark.parametrize("reason", ["length", "max_tokens", "MAX_TOKENS"])
def test_a_limit_by_any_name_leaves_the_open_sentence_out(kit: Any, reason: str) -> None:
    kit.server.chats = [kit.reply("One. ", "Two. ", "Three. ", "Four is", finish=reason)]
    assert kit.ask(kit.llm(max_completion_tokens=4)).text == "One. Two. Three."


def test_an_end_without_a_word_is_asked_again(kit: Any) -> None:
    kit.server.chats = [[kit.delta(role="assistant", content=""), kit.DONE], kit.reply("Yes.")]
    assert kit.ask(kit.llm()).text == "Yes."
    assert len(kit.server.bodies) == 2


def restarting(kit: Any, *replies: list[str]) -> list[Any]:
    """Streams that break off, but for the last, of a server that always begins anew."""
    streams = [[kit.delta(content=text) for text in reply] for reply in replies[:-1]]
    return [*streams, kit.reply(*replies[-1])]


@pytest.mark.parametrize(
    "replies",
    [
        [["Good ", "morning."], ["Good ", "morning. How are ", "you?"]],
        [["Good ", "morning. How"], ["Good morning. How are you?"]],
        [["Good "], ["Good mor"], ["Go"], ["Good morning.", " How are you?"]],
        [["Good morning. How are y"], ["Good ", "morning", ". ", "How are you", "?"]],
    ],
)
def test_a_server_that_begins_anew_is_not_said_from_its_start(
    kit: Any, replies: list[list[str]]
) -> None:
    kit.server.chats = restarting(kit, *replies)
    assert kit.ask(kit.llm()).text == "Good morning. How are you?"


def test_a_server_that_never_says_that_it_is_through_is_believed_the_second_time(kit: Any) -> None:
    kit.server.chats = [[kit.delta(content="Good "), kit.delta(content="morning.")]]
    assert kit.ask(kit.llm()).text == "Good morning."
    assert len(kit.server.bodies) == 2


def test_chinese_begun_anew_is_said_once(kit: Any) -> None:
    kit.server.chats = restarting(
        kit, ["今天天气", "很好，我们"], ["今天天气很好，", "我们出去吧。"]
    )
    assert kit.ask(kit.llm()).text == "今天天气很好，我们出去吧。"


def test_a_reply_begun_anew_in_other_words_is_not_said(kit: Any) -> None:
    kit.server.chats = restarting(
        kit, ["Good morning. How"], ["Good morning! ", "What can I do for you?"]
    )
    with pytest.raises(Exception, match="began another one"):
        kit.ask(kit.llm())
    assert len(kit.server.bodies) == 2


def test_a_continuation_that_begins_alike_is_one(kit: Any) -> None:
    kit.server.chats = restarting(kit, ["The first is here. "], ["The second is there."])
    assert kit.ask(kit.llm()).text == "The first is here. The second is there."
