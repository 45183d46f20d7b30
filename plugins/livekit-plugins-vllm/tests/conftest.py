"""A clock that jumps, and vLLM servers in this process that answer by script."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

import httpx2 as httpx
import looptime
import pytest
from livekit.agents import APIConnectOptions
from livekit.agents.llm import ChatContext, CollectedResponse, function_tool
from livekit.plugins import vllm

T = TypeVar("T")


@function_tool
async def pay(to: str, amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


def user(text: str = "Hello") -> ChatContext:
    """A conversation in which only this was said."""
    context = ChatContext()
    context.add_message(role="user", content=text)
    return context


Step: TypeAlias = "str | bytes | float | Exception"
"""One step of a stream: bytes to send, seconds to wait, or how the connection breaks."""

Answer: TypeAlias = "httpx.Response | Sequence[Step] | Exception"


class _Stream(httpx.AsyncByteStream):
    def __init__(self, server: FakeServer, steps: Iterable[Step]) -> None:
        self._server = server
        self._steps = steps
        server.running += 1

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for step in self._steps:
            if isinstance(step, Exception):
                raise step
            if isinstance(step, float):
                await asyncio.sleep(step)
            else:
                yield step if isinstance(step, bytes) else step.encode()

    async def aclose(self) -> None:
        self._server.running -= 1


@dataclass
class FakeServer:
    """Answers like vLLM's front end; chats are scripted, the last answer repeated.

    Attributes:
        models: What ``/v1/models`` lists.
        chats: Answers to chat requests, one after another.
        bodies: Bodies of the chat requests; ``headers`` holds the headers of each.
        running: Streams that are open.
        loading: Seconds of the loop's clock for which it answers 503.
        refusing: Seconds for which nothing listens.
        count: Counts the tokens of a prompt; None has no ``/tokenize``.
    """

    models: list[dict[str, Any]] = field(
        default_factory=lambda: [{"id": "test-model", "max_model_len": 2048}]
    )
    chats: list[Answer] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[httpx.Headers] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    running: int = 0
    loading: float = 0.0
    refusing: float = 0.0
    load: int = 0
    key: str | None = None
    count: Callable[[dict[str, Any]], int] | None = None
    prompt_end: str = "<|im_start|>assistant\n"
    strict: bool = False
    llama: int | None = None

    def handle(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        self.paths.append(path)
        now = asyncio.get_running_loop().time()
        if now < self.refusing:
            raise httpx.ConnectError("All connection attempts failed")
        if now < self.loading:
            return httpx.Response(503, json={"error": {"message": "Loading model", "code": 503}})
        if self.key and request.headers["authorization"] != f"Bearer {self.key}":
            return httpx.Response(401, json={"error": "Unauthorized"})
        match path:
            case "/v1/models":
                return httpx.Response(200, json={"object": "list", "data": self.models})
            case "/health":
                return httpx.Response(200)
            case "/metrics":
                return httpx.Response(200, text=self._metrics())
            case "/props" if self.llama:
                settings = {"n_ctx": self.llama}
                return httpx.Response(200, json={"default_generation_settings": settings})
            case "/tokenize" if self.llama:
                return httpx.Response(200, json={"tokens": []})
            case "/tokenize" if self.count:
                return self._tokenize(json.loads(request.content))
            case "/v1/chat/completions":
                return self._chat(request)
        return httpx.Response(404, json={"detail": "Not Found"})

    def _metrics(self) -> str:
        return (
            "# TYPE vllm:num_requests_running gauge\n"
            f'vllm:num_requests_running{{engine="0",model_name="m"}} {float(self.load)}\n'
            'vllm:num_requests_waiting{engine="0",model_name="m"} 0.0\n'
            'vllm:num_requests_waiting_by_reason{engine="0",reason="capacity"} 9.0\n'
        )

    def _tokenize(self, body: dict[str, Any]) -> httpx.Response:
        assert self.count is not None
        answer: dict[str, Any] = {"count": self.count(body), "max_model_len": 2048, "tokens": []}
        if body.get("return_token_strs"):
            answer["token_strs"] = ["<|im_end|>", *self.prompt_end.split(" ")]
        return httpx.Response(200, json=answer)

    def _chat(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        self.headers.append(request.headers)
        if self.strict and self.count is not None:
            length, limit = self.count(body), self.models[0]["max_model_len"]
            if length + body["max_tokens"] > limit:
                message = (
                    f"This model's maximum context length is {limit} tokens. However, you "
                    f"requested {body['max_tokens']} output tokens and your prompt contains "
                    f"{length} input tokens."
                )
                return httpx.Response(400, json={"error": {"message": message, "code": 400}})
        answer = self.chats.pop(0) if len(self.chats) > 1 else self.chats[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        if not body.get("stream"):
            return httpx.Response(200, json=_whole(answer))
        if self.strict and self.count is not None:
            answer = [*answer[:-1], usage(self.count(body), 3), DONE]
        kind = {"content-type": "text/event-stream"}
        return httpx.Response(200, headers=kind, stream=_Stream(self, answer))


def _whole(steps: Sequence[Step]) -> dict[str, Any]:
    text = ""
    for step in steps:
        if isinstance(step, str) and step.startswith("data: {"):
            for choice in json.loads(step[6:])["choices"]:
                text += choice["delta"].get("content") or ""
    message = {"role": "assistant", "content": text}
    return {"id": "x", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


class Network(httpx.AsyncBaseTransport):
    """Fake servers by host name."""

    def __init__(self) -> None:
        self.servers: dict[str, FakeServer] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0.001)
        await request.aread()  # what is redirected is a stream once more
        return self.servers[request.url.host].handle(request)


def event(**chunk: Any) -> str:
    """A chunk of a chat stream."""
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m"} | chunk
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


def delta(finish: str | None = None, **fields: Any) -> str:
    """A chunk with one choice."""
    return event(choices=[{"index": 0, "delta": fields, "finish_reason": finish}])


def call(index: int, arguments: str = "", *, name: str = "", id: str = "") -> str:
    """A chunk with a piece of a tool call."""
    function = {"arguments": arguments} | ({"name": name} if name else {})
    piece: dict[str, Any] = {"index": index, "function": function}
    if id:
        piece |= {"id": id, "type": "function"}
    return delta(tool_calls=[piece])


def usage(prompt: int = 10, completion: int = 3, cached: int | None = None) -> str:
    """The chunk that only counts."""
    counted: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    if cached is not None:
        counted["prompt_tokens_details"] = {"cached_tokens": cached}
    return event(choices=[], usage=counted)


DONE = "data: [DONE]\n\n"


def reply(*texts: str, finish: str = "stop") -> list[Step]:
    """A whole, orderly stream as vLLM sends it."""
    first = delta(role="assistant", content="")
    return [first, *(delta(content=t) for t in texts), delta(finish), usage(), DONE]


@dataclass
class Kit:
    """What a test works with; servers are named by their host."""

    network: Network

    def __post_init__(self) -> None:
        self.event = event
        self.delta = delta
        self.call = call
        self.usage = usage
        self.reply = reply
        self.DONE = DONE
        self.reports: list[vllm.RequestReport] = []
        self.loop_time = 0.0

    @property
    def server(self) -> FakeServer:
        """The first server."""
        return self.network.servers["one"]

    def add(self, host: str, *chats: Answer, **options: Any) -> FakeServer:
        """Another server."""
        self.network.servers[host] = server = FakeServer(chats=list(chats), **options)
        return server

    def llm(self, *hosts: str, **options: Any) -> vllm.LLM:
        """A model on these servers, or on the first."""
        urls = [f"http://{host}:8000/v1" for host in hosts or ("one",)]
        client = httpx.AsyncClient(transport=self.network)
        model = vllm.LLM(base_url=urls, http_client=client, **options)
        model.on("request_finished", self.reports.append)
        return model

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work in virtual time; ``loop_time`` is what it took."""
        # Ten real seconds without a timer or news: what is waited for will never happen.
        with asyncio.Runner(
            loop_factory=lambda: looptime.new_event_loop(idle_timeout=10)
        ) as runner:
            try:
                return runner.run(work)
            finally:
                self.loop_time = runner.get_loop().time()

    def ask(
        self,
        model: vllm.LLM,
        context: ChatContext | None = None,
        *,
        retries: int = 3,
        **options: Any,
    ) -> CollectedResponse:
        """A whole reply, in virtual time."""

        async def asked() -> CollectedResponse:
            try:
                return await model.chat(
                    chat_ctx=context or said("Hello"),
                    conn_options=APIConnectOptions(max_retry=retries),
                    **options,
                ).collect()
            finally:
                await model.aclose()

        return self.run(asked())


def said(*texts: str, system: str | None = "Be brief.") -> ChatContext:
    """A conversation: user and assistant in turn, the user first."""
    context = ChatContext()
    if system:
        context.add_message(role="system", content=system)
    for index, text in enumerate(texts):
        context.add_message(role="assistant" if index % 2 else "user", content=text)
    return context


@pytest.fixture(scope="session")
def new_kit() -> Callable[[], Kit]:
    """Makes a network of one server that says "Hello there."."""

    def made() -> Kit:
        kit = Kit(Network())
        kit.add("one", reply("Hello", " there."))
        return kit

    return made


@pytest.fixture
def kit(new_kit: Callable[[], Kit]) -> Kit:
    """One server that says "Hello there."."""
    return new_kit()
