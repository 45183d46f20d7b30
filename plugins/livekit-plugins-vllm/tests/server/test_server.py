"""Finding out what a server serves, and saying plainly what is wrong."""

from __future__ import annotations

import logging
from typing import Any

import httpx2 as httpx
import pytest
from livekit.agents import APIConnectionError, APIError, APIStatusError
from livekit.agents.llm import ChatContext
from livekit.plugins import vllm
from livekit.plugins.vllm._server.server import normalize

from ..conftest import Kit


def models(*ids: str, **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "max_model_len": 2048} | more for name in ids]


async def ready(model: vllm.LLM) -> vllm.ServedModel:
    try:
        return await model.ready()
    finally:
        await model.aclose()


def test_the_first_model_is_taken_but_no_adapter(kit: Kit) -> None:
    kit.server.models = [*models("tuned", parent="base"), *models("base", "other")]
    assert kit.run(ready(kit.llm())) == vllm.ServedModel("base", 2048)


def test_an_adapter_is_taken_by_name(kit: Kit) -> None:
    kit.server.models = [*models("base"), *models("tuned", parent="base")]
    assert kit.run(ready(kit.llm(model="tuned"))).id == "tuned"


def test_a_wrong_model_is_one_sentence(kit: Kit) -> None:
    with pytest.raises(APIStatusError) as caught:
        kit.run(ready(kit.llm(model="llama")))
    assert caught.value.message == (
        "http://one:8000/v1 serves 'test-model', not 'llama': correct model, or start vLLM with "
        "--served-model-name llama."
    )
    assert not caught.value.retryable


def test_a_wrong_key_names_the_flag(kit: Kit) -> None:
    kit.server.key = "right"
    with pytest.raises(APIStatusError, match="pass the api_key .*--api-key"):
        kit.run(ready(kit.llm(api_key="wrong")))


def test_a_right_key(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    kit.server.key = "right"
    monkeypatch.setenv("VLLM_API_KEY", "right")
    monkeypatch.setenv("OPENAI_API_KEY", "a secret that does not concern this server")
    assert kit.run(ready(kit.llm())).id == "test-model"


def test_an_address_of_something_else(kit: Kit) -> None:
    kit.server.models = []

    class Page(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, text="<html>It works!</html>")

    client = httpx.AsyncClient(transport=Page())
    with pytest.raises(APIError, match="is not a list of models"):
        kit.run(ready(vllm.LLM(base_url="http://one", http_client=client)))


def test_a_loading_server_is_waited_for(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.server.refusing, kit.server.loading = 20.0, 60.0
    with caplog.at_level(logging.INFO, logger="livekit.plugins.vllm"):
        assert kit.run(ready(kit.llm())).id == "test-model"
    assert 60.0 <= kit.loop_time < 63.0
    progress = [r for r in caplog.records if r.message == "waiting for the server"]
    assert 5 <= len(progress) <= 8
    assert "Nothing answers" in vars(progress[0])["state"]
    assert "still loading" in vars(progress[-1])["state"]


@pytest.mark.parametrize(
    ("state", "sentence"),
    [("refusing", "Nothing answers at http://one:8000/v1"), ("loading", "still loading after")],
)
def test_waiting_has_a_deadline(kit: Kit, state: str, sentence: str) -> None:
    setattr(kit.server, state, 1e9)
    with pytest.raises(APIConnectionError, match=sentence):
        kit.run(ready(kit.llm(startup_timeout=30.0)))
    assert 28.0 <= kit.loop_time <= 30.0


def test_an_address_that_swallows_packets_does_not_outlast_the_deadline(kit: Kit) -> None:
    class Silence(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            import asyncio

            await asyncio.sleep(1e6)
            raise AssertionError

    client = httpx.AsyncClient(transport=Silence())
    with pytest.raises(APIConnectionError, match="Nothing answers"):
        kit.run(ready(vllm.LLM(base_url="http://one", http_client=client, startup_timeout=7.0)))
    assert kit.loop_time <= 7.0


def test_a_reply_waits_for_a_loading_server_and_says_why_not(kit: Kit) -> None:
    kit.server.loading = 5.0
    assert kit.ask(kit.llm()).text == "Hello there."


def test_a_server_restarted_with_another_model(kit: Kit) -> None:
    gone = {"error": {"message": "The model `test-model` does not exist.", "code": 404}}
    kit.server.chats = [kit.reply("One."), httpx.Response(404, json=gone), kit.reply("Two.")]

    async def talk() -> list[str]:
        model = kit.llm()
        context = ChatContext()
        context.add_message(role="user", content="Hello")
        first = await model.chat(chat_ctx=context).collect()
        kit.server.models = models("new-model")
        second = await model.chat(chat_ctx=context).collect()
        return [first.text, second.text]

    assert kit.run(talk()) == ["One.", "Two."]
    assert kit.server.bodies[-1]["model"] == "new-model"


def test_llama_cpp_tells_its_context_elsewhere(kit: Kit) -> None:
    kit.server.models = [{"id": "model.gguf"}]
    kit.server.llama = 4096
    assert kit.run(ready(kit.llm())).max_model_len == 4096


def test_one_ready_server_of_two_is_enough(kit: Kit) -> None:
    kit.server.refusing = 1e9
    kit.add("two", kit.reply("Hi."))
    assert kit.run(ready(kit.llm("one", "two"))).id == "test-model"
    assert kit.loop_time < 5.0


def test_a_model_that_has_to_hear_is_tried_at_once(kit: Kit) -> None:
    message = "At most 0 audio(s) may be provided in one prompt."
    kit.server.chats = [httpx.Response(400, json={"error": {"message": message}})]
    with pytest.raises(APIStatusError, match="--limit-mm-per-prompt"):
        kit.run(ready(kit.llm(audio_input="instead")))


def test_a_model_that_has_to_see_is_tried_at_once(kit: Kit) -> None:
    message = "At most 0 image(s) may be provided in one prompt."
    kit.server.chats = [httpx.Response(400, json={"error": {"message": message}})]
    with pytest.raises(APIStatusError, match="--limit-mm-per-prompt"):
        kit.run(ready(kit.llm(image_input=True)))


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("http://gpu:8000/v1/", "http://gpu:8000/v1"),
        ("http://gpu:8000", "http://gpu:8000/v1"),
        ("https://gpu/llm/v1", "https://gpu/llm/v1"),
    ],
)
def test_addresses(given: str, address: str) -> None:
    assert normalize(given) == address


@pytest.mark.parametrize("given", ["gpu:8000", "ftp://gpu", "http://"])
def test_no_address(given: str) -> None:
    with pytest.raises(ValueError, match="is not an HTTP address"):
        normalize(given)
