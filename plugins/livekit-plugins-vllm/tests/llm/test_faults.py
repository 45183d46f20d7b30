"""Servers that refuse, fail or keep one waiting."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, APIConnectOptions, APIError, APIStatusError
from livekit.plugins import vllm

from ..conftest import Kit, user


def refusal(status: int, message: str, **headers: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"message": message}}, headers=headers)


def test_a_stream_that_ends_without_an_end_is_continued(kit: Kit) -> None:
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
    ids=["closed", "reset", "error event", "not json", "silence"],
)
def test_a_failure_after_the_first_word_repeats_none(kit: Kit, broken: Any) -> None:
    kit.server.chats = [[kit.delta(content="My name"), broken], kit.reply(" is Ada.")]
    answer = kit.ask(kit.llm())
    assert answer.text == "My name is Ada."
    assert kit.server.bodies[1]["messages"][-1] == {"role": "assistant", "content": "My name"}
    assert kit.server.running == 0


def test_a_space_at_the_break_is_said_once(kit: Kit) -> None:
    kit.server.chats = [
        [kit.delta(content="My "), httpx.ReadError("")],
        kit.reply(" name", " is", " Ada."),
    ]
    assert kit.ask(kit.llm()).text == "My name is Ada."


@pytest.mark.parametrize("finish", ["abort", "error"])
def test_a_generation_that_the_server_gave_up_is_continued(kit: Kit, finish: str) -> None:
    kit.server.chats = [kit.reply("My name", finish=finish), kit.reply(" is Ada.")]
    assert kit.ask(kit.llm()).text == "My name is Ada."


def test_the_continuation_keeps_to_the_limit_of_the_whole_reply(kit: Kit) -> None:
    counted = kit.event(
        choices=[{"index": 0, "delta": {"content": "My name"}}],
        usage={"prompt_tokens": 9, "completion_tokens": 30, "total_tokens": 39},
    )
    kit.server.chats = [[counted, httpx.ReadError("")], kit.reply(" is Ada.")]
    answer = kit.ask(kit.llm(max_completion_tokens=100))
    assert [body["max_tokens"] for body in kit.server.bodies] == [100, 70]
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 33


def test_a_reply_that_fails_for_good_says_so(kit: Kit) -> None:
    kit.server.chats = [httpx.ConnectError("refused")]
    with pytest.raises(APIConnectionError, match="after 3 attempts"):
        kit.ask(kit.llm(), retries=2)
    assert len(kit.server.bodies) == 3


def test_slow_first_token_is_waited_for_as_long_as_livekit_says(kit: Kit) -> None:
    kit.server.chats = [[9.0, *kit.reply("Here I am.")]]
    assert kit.ask(kit.llm()).text == "Here I am."
    assert len(kit.server.bodies) == 1


def test_a_slower_first_token_is_waited_for_where_that_is_asked_for(kit: Kit) -> None:
    kit.server.chats = [[25.0, *kit.reply("Here I am.")]]
    assert kit.ask(kit.llm(first_token_timeout=30.0)).text == "Here I am."
    assert len(kit.server.bodies) == 1


def test_a_model_that_hangs_is_asked_again_after_livekits_limit(kit: Kit) -> None:
    kit.server.chats = [[3600.0], kit.reply("Back again.")]
    assert kit.ask(kit.llm()).text == "Back again."
    assert 10.0 <= kit.loop_time <= 10.5


def test_no_first_token_is_a_timeout_and_closes_the_stream(kit: Kit) -> None:
    kit.server.chats = [[60.0], kit.reply("Back again.")]
    assert kit.ask(kit.llm(first_token_timeout=8.0)).text == "Back again."
    assert kit.server.running == 0
    assert kit.loop_time < 9.0


class BlackHole(httpx.AsyncBaseTransport):
    """Takes every request, or those for chats only, and never answers."""

    def __init__(self, kit: Kit, *, chats_only: bool) -> None:
        self._kit = kit
        self._chats_only = chats_only

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._chats_only and not request.url.path.endswith("/completions"):
            return self._kit.server.handle(request)
        await asyncio.sleep(3600)
        raise AssertionError


def into_a_black_hole(kit: Kit, options: APIConnectOptions, *, chats_only: bool) -> list[Any]:
    """What a reply from there ends in: the errors that were told of."""
    client = httpx.AsyncClient(transport=BlackHole(kit, chats_only=chats_only))
    model = vllm.LLM(base_url="http://one:8000/v1", http_client=client)
    errors: list[Any] = []
    model.on("error", errors.append)

    async def asked() -> None:
        with pytest.raises(APIConnectionError):
            await model.chat(chat_ctx=user(), conn_options=options).collect()
        await model.aclose()

    kit.run(asked())
    return [error.recoverable for error in errors]


@pytest.mark.parametrize("chats_only", [False, True])
def test_a_black_hole_ends_at_livekits_limit(kit: Kit, chats_only: bool) -> None:
    options = APIConnectOptions(timeout=2.5, max_retry=0)
    assert into_a_black_hole(kit, options, chats_only=chats_only) == [False]
    assert 2.0 <= kit.loop_time <= 2.6


@pytest.mark.parametrize("chats_only", [False, True])
def test_each_attempt_at_a_black_hole_is_one_error(kit: Kit, chats_only: bool) -> None:
    options = APIConnectOptions(timeout=0.5, max_retry=3, retry_interval=0.0)
    told = into_a_black_hole(kit, options, chats_only=chats_only)
    assert told == [True, True, True, False]
    assert kit.loop_time <= 4.0


def test_a_stream_that_opens_and_says_nothing_ends_at_livekits_limit(kit: Kit) -> None:
    kit.server.chats = [[3600.0]]

    async def asked() -> None:
        options = APIConnectOptions(timeout=2.5, max_retry=0)
        async with kit.llm() as model:
            stream = model.chat(chat_ctx=user(), conn_options=options)
            with pytest.raises(APIConnectionError):
                await stream.collect()

    kit.run(asked())
    assert kit.loop_time <= 2.6
    assert kit.server.running == 0


def test_retry_after_is_kept(kit: Kit) -> None:
    busy = refusal(429, "Too many requests", **{"retry-after": "3"})
    kit.server.chats = [busy, kit.reply("Yes.")]
    assert kit.ask(kit.llm()).text == "Yes."
    assert 3.0 <= kit.loop_time < 4.0


@pytest.mark.parametrize("status", [429, 503])
def test_waiting_for_a_busy_server_has_an_end(kit: Kit, status: int) -> None:
    kit.server.chats = [refusal(status, "Too many requests", **{"retry-after": "4"})]
    with pytest.raises(APIStatusError, match="Too many requests"):
        kit.ask(kit.llm(), retries=9)
    # Twice four seconds are within LiveKit's ten, three times are not.
    assert len(kit.server.bodies) == 3
    assert kit.loop_time <= 11.0


@pytest.mark.parametrize("seconds", [1.0, 5.0, 9.0])
def test_a_server_that_is_restarted_answers_the_turn(kit: Kit, seconds: float) -> None:
    errors: list[Any] = []

    async def asked() -> str:
        async with kit.llm() as model:
            model.on("error", errors.append)
            await model.chat(chat_ctx=user()).collect()
            kit.server.refusing = asyncio.get_running_loop().time() + seconds
            return (await model.chat(chat_ctx=user()).collect()).text

    assert kit.run(asked()) == "Hello there."
    assert kit.loop_time <= seconds + 2.2
    # Whoever watches learns at once that it is gone.
    assert errors[0].recoverable
    assert {e.recoverable for e in errors} == {True}
    assert len(errors) <= 3


def test_a_server_that_loads_once_more_answers_the_turn(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(content="My name"), httpx.ReadError("")], kit.reply(" is Ada.")]

    async def asked() -> str:
        async with kit.llm() as model:
            stream = model.chat(chat_ctx=user())
            first = (await anext(stream)).delta
            assert first is not None
            now = asyncio.get_running_loop().time()
            kit.server.refusing, kit.server.loading = now + 1.0, now + 6.0
            rest = [c.delta.content or "" async for c in stream if c.delta]
            return str(first.content) + "".join(rest)

    assert kit.run(asked()) == "My name is Ada."
    assert kit.loop_time <= 8.5


def test_a_server_that_is_busy_for_long_is_not_waited_for(kit: Kit) -> None:
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
def test_refusals_name_the_remedy(kit: Kit, status: int, message: str, remedy: str) -> None:
    kit.server.chats = [refusal(status, message)]
    with pytest.raises(APIStatusError, match=remedy) as caught:
        kit.ask(kit.llm())
    assert message.rstrip(".") in caught.value.message
    assert "http://one:8000/v1" in caught.value.message
    assert len(kit.server.bodies) == 1


@pytest.mark.parametrize("in_stream", [False, True])
def test_priority_is_left_out_where_the_server_has_none(kit: Kit, in_stream: bool) -> None:
    message = "Got priority 5 but Priority scheduling is not enabled."
    event = f"data: {json.dumps({'error': {'message': message, 'code': 400}})}\n\n"
    kit.server.chats = [[event] if in_stream else refusal(400, message), kit.reply("Yes.")]
    assert kit.ask(kit.llm(priority=5)).text == "Yes."
    assert [body.get("priority") for body in kit.server.bodies] == [5, None]


def test_errors_are_livekits(kit: Kit) -> None:
    kit.server.chats = [refusal(400, "bad")]
    seen: list[Any] = []
    model = kit.llm()
    model.on("error", seen.append)
    with pytest.raises(APIError):
        kit.ask(model)
    assert [e.recoverable for e in seen] == [False]


def test_retries_are_the_callers(kit: Kit) -> None:
    kit.server.chats = [refusal(500, "boom")]
    with pytest.raises(APIStatusError):
        kit.ask(kit.llm(), retries=0)
    assert len(kit.server.bodies) == 1
    assert APIConnectOptions().max_retry == 3


def test_a_connection_that_breaks_after_the_end_is_no_failure(kit: Kit) -> None:
    ended = [kit.delta(content="Yes."), kit.delta("stop"), kit.usage()]
    kit.server.chats = [[*ended, httpx.RemoteProtocolError("peer closed connection")]]
    assert kit.ask(kit.llm()).text == "Yes."
    assert len(kit.server.bodies) == 1


def test_long_reasoning_that_the_server_hides_is_waited_for(kit: Kit) -> None:
    kit.server.chats = [[kit.delta(role="assistant", content=""), 25.0, *kit.reply("Yes.")]]
    model = kit.llm(thinking=True, first_token_timeout=30.0)
    assert kit.ask(model).text == "Yes."
    assert len(kit.server.bodies) == 1
    assert kit.server.bodies[0]["chat_template_kwargs"]["enable_thinking"] is True


def test_warming_that_fails_is_no_error(kit: Kit) -> None:
    kit.server.chats = [refusal(500, "Out of memory")]
    assert kit.run(kit.llm().warm(user())) is None


def test_warming_without_priorities(kit: Kit) -> None:
    message = "Got priority 1 but Priority scheduling is not enabled."
    kit.server.chats = [refusal(400, message), kit.reply("Yes.")]

    async def twice() -> list[Any]:
        model = kit.llm(priority=0)
        return [await model.warm(user()) for _ in range(2)]

    assert [report.purpose for report in kit.run(twice())] == ["warm", "warm"]
    assert [body.get("priority") for body in kit.server.bodies] == [1, None, None]
