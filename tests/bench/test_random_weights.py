"""What stands between the agent and engines with random weights."""

import asyncio
import json
from typing import Any

import aiohttp
from aiohttp import web

from bench.load import engines
from bench.load.random_weights import Behind, serve
from harness.serving import serving


class Engine:
    """A language model that says other words than it is to, and a voice that makes noise."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.running = 0
        self.looks = 0
        self.refuses = False

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.post("/v1/chat/completions", self._chat),
                web.post("/v1/audio/speech", self._speak),
                web.get("/metrics", self._metrics),
            ]
        )
        return app

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        if self.refuses:
            return web.Response(status=400, text="no such field")
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            event = {"choices": [{"index": 0, "delta": {"content": "x"}}]}
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        await response.write(b"data: [DONE]\n\n")
        return response

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        response = web.StreamResponse()
        await response.prepare(request)
        self.running += 1
        try:
            await response.write(b"\xff" * 4800)
            if "wait" in self.asked[-1]["input"]:
                await asyncio.sleep(30)
        finally:
            self.running -= 1
        return response

    async def _metrics(self, _: web.Request) -> web.Response:
        self.looks += 1
        return web.Response(text=f"vllm_omni:num_requests_running {self.running}.0\n")


QUESTION = {"messages": [{"role": "user", "content": "When?"}], "stream": True, "tools": [{"a": 1}]}


async def test_the_model_is_held_to_the_reply_and_keeps_the_length_of_its_prompt() -> None:
    engine = Engine()
    async with (
        serving(engine.app()) as root,
        serve(Behind(root, root)) as url,
        aiohttp.ClientSession() as http,
    ):
        answer = await http.post(f"{url}/chat/completions", json=QUESTION)
        said = await answer.text()
    assert engine.asked[0]["structured_outputs"] == {"choice": [engines.REPLY["en"]]}
    assert "tools" not in engine.asked[0]
    assert engine.asked[0]["messages"][0]["content"] == '[{"a": 1}]'
    assert said.endswith("data: [DONE]\n\n")


async def test_each_token_is_a_word_of_the_reply_without_guided_decoding() -> None:
    engine = Engine()
    async with (
        serving(engine.app()) as root,
        serve(Behind(root, root, guided=False)) as url,
        aiohttp.ClientSession() as http,
    ):
        said = await (await http.post(f"{url}/chat/completions", json=QUESTION)).text()
    events = [json.loads(line[6:]) for line in said.splitlines() if line.startswith("data: {")]
    words = "".join(event["choices"][0]["delta"]["content"] for event in events)
    assert words == "It leaves at"


async def test_what_an_engine_refuses_is_kept_in_its_own_words() -> None:
    engine = Engine()
    engine.refuses = True
    async with (
        serving(engine.app()) as root,
        serve(behind := Behind(root, root)) as url,
        aiohttp.ClientSession() as http,
    ):
        answer = await http.post(f"{url}/chat/completions", json=QUESTION)
    assert answer.status == 502
    assert behind.failed == ["llm: 400 no such field"]


async def test_the_voice_is_asked_for_the_frames_of_its_text_and_heard_as_a_hum() -> None:
    engine = Engine()
    async with (
        serving(engine.app()) as root,
        serve(Behind(root, root)) as url,
        aiohttp.ClientSession() as http,
    ):
        body = {"input": "It leaves at ten.", "max_new_tokens": 900}
        heard = await (await http.post(f"{url}/audio/speech", json=body)).read()
    assert engine.asked[0]["max_new_tokens"] == 14
    assert heard == engines.hum(1.0)[:4800]


async def test_an_engine_is_watched_until_it_is_idle_when_the_agent_hangs_up() -> None:
    engine = Engine()
    async with (
        serving(engine.app()) as root,
        serve(behind := Behind(root, root)) as url,
        aiohttp.ClientSession() as http,
    ):
        answer = await http.post(f"{url}/audio/speech", json={"input": "wait"})
        await answer.content.readexactly(4800)
        answer.close()
        async with asyncio.timeout(5):
            while not behind.idle:
                await asyncio.sleep(0.01)
    assert engine.running == 0


async def test_an_engine_beside_other_rooms_is_not_asked_whether_it_is_idle() -> None:
    engine = Engine()
    async with (
        serving(engine.app()) as root,
        serve(behind := Behind(root, root, watched=False)) as url,
        aiohttp.ClientSession() as http,
    ):
        answer = await http.post(f"{url}/audio/speech", json={"input": "wait"})
        await answer.content.readexactly(4800)
        answer.close()
        async with asyncio.timeout(5):
            while engine.running:  # until the hang-up has come through
                await asyncio.sleep(0.01)
        # Whoever watched would have looked by now: a later request is answered.
        await (await http.post(f"{url}/audio/speech", json={"input": "It leaves."})).read()
    assert engine.looks == 0
    assert not behind.idle
