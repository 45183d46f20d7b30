"""Servers that refuse what OpenAI's API does not have: no word is lost, and it is asked once."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIStatusError

from ..conftest import Kit, pay, user

KNOWN = {
    "messages": None,
    "model": None,
    "stream": None,
    "stream_options": {"include_usage"},
    "max_completion_tokens": None,
    "temperature": None,
    "tools": None,
    "tool_choice": None,
    "parallel_tool_calls": None,
    "response_format": None,
}
"""Fields of OpenAI's that are sent here, with the fields within them."""

Refusal = Callable[[str], tuple[int, Any]]
"""The answer to a field that is not known."""


def openai(name: str) -> tuple[int, Any]:
    if name == "max_tokens":
        said = "'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        return 400, {"error": {"message": f"Unsupported parameter: {said}"}}
    return 400, {"error": {"message": f"Unknown parameter: '{name}'.", "param": name}}


def azure(name: str) -> tuple[int, Any]:
    if name == "max_tokens":
        return openai(name)
    return 400, {"error": {"message": f"Unrecognized request argument supplied: {name}"}}


def groq(name: str) -> tuple[int, Any]:
    if name == "max_tokens":
        return openai(name)
    return 400, {"error": {"message": f"property '{name}' is unsupported"}}


def pydantic(name: str) -> tuple[int, Any]:
    if name == "max_tokens":
        return openai(name)
    where = ["body", *name.split(".")]
    problem = {"type": "extra_forbidden", "loc": where, "msg": "Extra inputs are not permitted"}
    return 422, {"detail": [problem]}


def gemini(name: str) -> tuple[int, Any]:
    if name == "max_tokens":
        return openai(name)
    said = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
    return 400, {"error": {"code": 400, "message": said, "status": "INVALID_ARGUMENT"}}


def strict(kit: Kit, refusal: Refusal) -> None:
    """Have the first server refuse every field that is not OpenAI's."""
    answer = kit.server.handle

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/chat/completions":
            for name, value in json.loads(request.content).items():
                within = KNOWN.get(name)
                wrong = [name] if name not in KNOWN else []
                if isinstance(value, dict) and within is not None:
                    wrong = [f"{name}.{each}" for each in value if each not in within]
                if wrong:
                    status, said = refusal(wrong[0])
                    kit.server.paths.append("refused")
                    return httpx.Response(status, json=said)
        return answer(request)

    kit.server.handle = handle  # type: ignore[method-assign]


@pytest.mark.parametrize("refusal", [openai, azure, groq, pydantic, gemini])
def test_what_a_server_does_not_know_is_left_out_and_remembered(kit: Kit, refusal: Refusal) -> None:
    strict(kit, refusal)
    model = kit.llm(temperature=0.3)
    assert kit.ask(model, retries=0).text == "Hello there."
    # The switch of thoughts, usage in every chunk, the old name of the limit.
    assert kit.server.paths.count("refused") == 3
    assert kit.ask(model, retries=0, tools=[pay]).text == "Hello there."
    assert kit.server.paths.count("refused") == 3
    for body in kit.server.bodies:
        assert body["max_completion_tokens"] == 400
        assert body["stream_options"] == {"include_usage": True}
        assert body["temperature"] == 0.3


def test_the_first_to_be_refused_is_the_prompt_that_is_sent_ahead(kit: Kit) -> None:
    strict(kit, openai)
    model = kit.llm()
    assert kit.run(model.warm(user()))
    refused = kit.server.paths.count("refused")
    assert kit.ask(model, retries=0).text == "Hello there."
    assert kit.server.paths.count("refused") == refused == 3


def test_a_reply_that_broke_off_begins_anew_where_nothing_can_be_continued(kit: Kit) -> None:
    strict(kit, openai)
    kit.server.chats = [
        [kit.delta(content="Hello "), kit.delta(content="there.")],
        kit.reply("Hello there."),
    ]
    assert kit.ask(kit.llm()).text == "Hello there."
    assert "continue_final_message" not in kit.server.bodies[-1]
    assert "add_generation_prompt" not in kit.server.bodies[-1]


def test_a_priority_that_is_not_known_is_left_out(kit: Kit) -> None:
    strict(kit, openai)
    assert kit.ask(kit.llm(priority=0), retries=0).text == "Hello there."


def test_a_salt_that_is_not_known_is_an_error(kit: Kit) -> None:
    strict(kit, openai)
    with pytest.raises(APIStatusError, match="Unknown parameter: 'cache_salt'"):
        kit.ask(kit.llm(cache_salt="tenant"), retries=0)


def test_a_field_of_ones_own_that_is_not_known_is_an_error(kit: Kit) -> None:
    strict(kit, openai)
    with pytest.raises(APIStatusError, match="Unknown parameter: 'top_k'"):
        kit.ask(kit.llm(extra_body={"top_k": 20}), retries=0)


def test_a_server_that_knows_all_of_them_is_sent_all(kit: Kit) -> None:
    kit.ask(kit.llm())
    assert {"chat_template_kwargs", "max_tokens"} <= kit.server.bodies[0].keys()
