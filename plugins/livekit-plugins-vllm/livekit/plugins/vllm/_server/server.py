"""One OpenAI-compatible server: its address and what it serves."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2 as httpx
import openai
from livekit.agents import APIConnectionError, APIStatusError
from openai.types.chat import ChatCompletion

from .._text import whole
from ..log import logger
from .errors import plain_errors, response_error
from .events import ChatStream

DEFAULT_BASE_URL = "http://127.0.0.1:8000/v1"
"""Where ``vllm serve`` listens."""

STARTUP_TIMEOUT = 600.0
"""Seconds to wait for a server that loads: large weights from a cold disk take minutes."""

_CONNECT_TIMEOUT = 5.0
_COMPLETE_TIMEOUT = 60.0
# Longer than this and an estimate serves the user better.
_TOKENIZE_TIMEOUT = 1.0
_POLL_FIRST, _POLL_MOST = 0.25, 2.0
_LOG_EVERY = 10.0
# A router or a proxy in front of an engine that still loads; llama.cpp's own answer is 503.
_LOADING = (502, 503, 504)
# A gateway without a list of models.
_NOT_LISTED = (204, 404, 405, 501)
# No prompt is longer, in tokens.
_MOST_TOKENS = 10**9


@dataclass(frozen=True)
class ServedModel:
    """A model as ``/v1/models`` lists it.

    Attributes:
        id: The name that requests use.
        max_model_len: Longest prompt and reply together, in tokens; None if the server does
            not say.
    """

    id: str
    max_model_len: int | None = None


class Server:
    """One server behind an address that ends in ``/v1``.

    Args:
        base_url: The address; ``VLLM_BASE_URL`` or vLLM's default port when None. A missing
            ``/v1`` is added.
        api_key: Bearer token; ``VLLM_API_KEY`` when None, which is also where vLLM reads it.
        http_client: The HTTP client, which is shared with others and not closed by this class.

    Raises:
        ValueError: The address is not an HTTP address, or the key cannot be sent.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        api_key: str | None = None,
        http_client: httpx.AsyncClient,
    ) -> None:
        self.base_url = normalize(base_url or os.environ.get("VLLM_BASE_URL") or DEFAULT_BASE_URL)
        self.root = self.base_url.removesuffix("/v1")
        self.api_key = api_key or os.environ.get("VLLM_API_KEY") or "EMPTY"
        if not self.api_key.isascii():
            raise ValueError("api_key has characters that cannot be sent: is it the right one?")
        self._http = http_client
        self.openai = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self.api_key,
            http_client=http_client,
            max_retries=0,
            # Deadlines are set where the stream is read; queueing may take longer than a read.
            timeout=httpx.Timeout(None, connect=_CONNECT_TIMEOUT),
        )
        self._models: dict[str | None, ServedModel] = {}
        self._counts_tokens = True
        self._opens_thought: dict[str, bool] = {}

    @property
    def headers(self) -> dict[str, str]:
        """Headers of every request to the server."""
        return {"Authorization": f"Bearer {self.api_key}"}

    def known(self, name: str | None) -> ServedModel | None:
        """The model as it was last discovered, without asking the server."""
        return self._models.get(name)

    @property
    def known_ids(self) -> set[str]:
        """Names of the models that were discovered."""
        return {model.id for model in self._models.values()}

    def forget(self) -> bool:
        """Ask again next time: the server may have been restarted with another model.

        Returns:
            Whether there was anything to forget.
        """
        known = bool(self._models)
        self._models.clear()
        self._counts_tokens = True
        self._opens_thought.clear()
        return known

    async def model(
        self,
        name: str | None = None,
        *,
        timeout: float,  # noqa: ASYNC109
        wait: bool = True,
    ) -> ServedModel:
        """The model called ``name``, or the server's first; asked once and remembered.

        A server that does not answer yet, or answers that it loads, is asked again until the
        deadline, with its progress in the log.

        Args:
            name: The model's name on the server; None for the first that it lists.
            timeout: Seconds to wait for a server that is still loading, or does not answer.
            wait: Whether to ask again one that is loading or not there.

        Raises:
            APIStatusError: The key, the address or the model is wrong.
            APIConnectionError: Nothing answered before the deadline.
        """
        if found := self._models.get(name):
            return found
        try:
            listed = await self._listed(timeout, wait=wait)
        except APIStatusError as e:
            if name is None or e.status_code not in _NOT_LISTED:
                raise
            logger.info("the server lists no models", extra={"url": self.base_url})
            listed = [{"id": name}]
        found = _pick(listed, name, self.base_url)
        if found.max_model_len is None:
            found = ServedModel(found.id, await self._llama_context())
        logger.info(
            "model discovered",
            extra={"url": self.base_url, "model": found.id, "max_model_len": found.max_model_len},
        )
        self._models[name] = found
        return found

    async def renamed(
        self,
        name: str | None,
        was: str,
        *,
        timeout: float,  # noqa: ASYNC109
    ) -> str | None:
        """The id of the model that the server has come back with, None if it is the same.

        Args:
            name: The name that was asked for; None for the first.
            was: The id until now, which the server refuses.
            timeout: Seconds to wait for an answer.

        Raises:
            APIError: The server could not be asked, or does not serve the name.
        """
        self.forget()
        found = await self.model(name, timeout=timeout)
        return found.id if found.id != was else None

    async def stream(self, body: Mapping[str, Any], *, headers: Mapping[str, str]) -> ChatStream:
        """Begin a chat; errors are the SDK's.

        This goes through the SDK's ``post``: its ``chat.completions.create`` first searches every
        message for fields to rename, which takes 10 ms for 50 messages and finds none.

        Args:
            body: The request, with ``stream`` set.
            headers: Headers to add to those of every request.
        """
        return await self.openai.post(
            "/chat/completions",
            cast_to=object,
            body=body,
            options={"headers": headers, "follow_redirects": True},
            stream=True,
            stream_cls=ChatStream,
        )

    async def complete(self, body: Mapping[str, Any]) -> str:
        """Ask for a whole reply at once, for work in the background.

        Raises:
            APIError: The server refused or failed.
        """
        with plain_errors(self.base_url):
            answer = await self.openai.post(
                "/chat/completions",
                cast_to=ChatCompletion,
                body=body,
                options={"timeout": _COMPLETE_TIMEOUT, "follow_redirects": True},
            )
        content = answer.choices[0].message.content if answer.choices else None
        return whole(content) if isinstance(content, str) else ""

    async def count_tokens(self, body: Mapping[str, Any]) -> int | None:
        """The length of a prompt by vLLM's ``/tokenize``, or None if the server does not have it.

        Args:
            body: Messages, tools and anything else that shapes the prompt, as in a chat request.
        """
        answer = await self._tokenize(body)
        return answer["count"] if answer else None

    async def opens_thought(self, model: str, template: Mapping[str, Any]) -> bool:
        """Whether a prompt ends inside a thought, so that the reply begins there too.

        Templates of models that always think open the thought themselves; only the closing tag
        is generated then. The server is asked once; False if it does not say.

        Args:
            model: The model's name on the server.
            template: The ``chat_template_kwargs`` of the requests.
        """
        key = _template_key(model, template)
        if key not in self._opens_thought:
            answer = await self._tokenize(
                {
                    "model": model,
                    "messages": [{"role": "user", "content": "."}],
                    "chat_template_kwargs": template,
                    "return_token_strs": True,
                }
            )
            if answer is None and self._counts_tokens:
                return False  # no answer in time: ask again with the next request
            tokens = answer.get("token_strs") if answer else None
            pieces = tokens if isinstance(tokens, list) else []
            prompt = "".join(piece for piece in pieces if isinstance(piece, str))
            self._opens_thought[key] = prompt.rfind("<think>") > prompt.rfind("</think>")
        return self._opens_thought[key]

    def learn_thought(self, model: str, template: Mapping[str, Any], *, opens: bool) -> None:
        """What a reply showed of its prompt, for a server that cannot be asked for it."""
        if not self._counts_tokens:
            self._opens_thought[_template_key(model, template)] = opens

    async def _tokenize(self, body: Mapping[str, Any]) -> dict[str, Any] | None:
        if not self._counts_tokens:
            return None
        try:
            answer = await self.post("/tokenize", body, timeout=_TOKENIZE_TIMEOUT)
            found = answer.json()
        except httpx.HTTPError:
            return None
        except (ValueError, RecursionError):
            found = None
        if answer.status_code == 200 and isinstance(found, dict) and _is_length(found.get("count")):
            return found
        if answer.status_code in (200, 404, 405, 501):  # llama.cpp's has another form
            self._counts_tokens = False
            logger.info("the server does not count tokens", extra={"url": self.base_url})
        return None

    async def get(self, path: str, *, timeout: float) -> httpx.Response:  # noqa: ASYNC109
        """GET a path of the root, such as ``/health``; transport errors are httpx's."""
        return await self._http.get(
            self.root + path, headers=self.headers, timeout=timeout, follow_redirects=True
        )

    async def post(self, path: str, body: Mapping[str, Any], *, timeout: float) -> httpx.Response:  # noqa: ASYNC109
        """POST JSON to a path of the root; transport errors are httpx's."""
        return await self._http.post(
            self.root + path,
            json=body,
            headers=self.headers,
            timeout=timeout,
            follow_redirects=True,
        )

    async def _listed(self, timeout: float, *, wait: bool) -> list[dict[str, Any]]:  # noqa: ASYNC109
        clock = asyncio.get_running_loop().time
        start = last_log = clock()
        until = start + timeout
        delay = _POLL_FIRST
        while True:
            cause: Exception | None = None
            try:
                # The deadline holds for the request too: a dead address may never refuse.
                async with asyncio.timeout_at(until):
                    answer = await self.get("/v1/models", timeout=min(5.0, timeout))
            except (httpx.HTTPError, TimeoutError) as e:
                problem, cause = f"Nothing answers at {self.base_url}", e
            else:
                if answer.status_code not in _LOADING:
                    listed = _parse_models(answer, self.base_url)
                    if listed:
                        return listed
                problem = f"The server at {self.base_url} is still loading"
            now = clock()
            if not wait or now + delay >= until:
                raise APIConnectionError(
                    f"{problem} after {now - start:.0f} s: start it, or correct base_url.",
                ) from cause
            if now == start or now - last_log >= _LOG_EVERY:
                last_log = now
                logger.info(
                    "waiting for the server",
                    extra={"url": self.base_url, "state": problem, "waited": round(now - start)},
                )
            await asyncio.sleep(delay)
            delay = min(2 * delay, _POLL_MOST)

    async def _llama_context(self) -> int | None:
        """The length that llama.cpp's server does not list, but gives in ``/props``."""
        try:
            answer = await self.get("/props", timeout=2.0)
            length = answer.json()["default_generation_settings"]["n_ctx"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return length if _is_length(length) else None


def _template_key(model: str, template: Mapping[str, Any]) -> str:
    return f"{model} {sorted(template.items())}"


def normalize(base_url: str) -> str:
    """The address without a trailing slash, and with ``/v1`` if it names only a host.

    Raises:
        ValueError: ``base_url`` is not an HTTP address.
    """
    url = base_url.strip().rstrip("/")
    if not re.match(r"https?://[^/]", url):
        raise ValueError(f"base_url {base_url!r} is not an HTTP address such as {DEFAULT_BASE_URL}")
    return url if url.endswith("/v1") else url + "/v1"


def _parse_models(answer: httpx.Response, base_url: str) -> list[dict[str, Any]]:
    if answer.status_code != 200:
        raise response_error(answer, base_url)
    try:
        found = answer.json()
    except (ValueError, RecursionError):
        found = None
    entries = found.get("data", found.get("models")) if isinstance(found, dict) else found
    if not isinstance(entries, list):
        raise APIStatusError(
            f"{base_url}/models is not a list of models: is base_url right?", status_code=404
        )
    named = [{"id": entry} if isinstance(entry, str) else entry for entry in entries]
    readable = [{"id": e.get("name"), **e} for e in named if isinstance(e, dict)]
    return [e | {"id": whole(str(e["id"]))} for e in readable if e["id"]]


def _pick(listed: list[dict[str, Any]], name: str | None, base_url: str) -> ServedModel:
    # Adapters (LoRA) name their parent; without a choice the base model is meant.
    bases = [entry for entry in listed if not entry.get("parent")]
    entry = next((e for e in listed if e["id"] == name), None) if name else (bases or listed)[0]
    if entry is None:
        served = ", ".join(repr(e["id"]) for e in listed)
        raise APIStatusError(
            f"{base_url} serves {served}, not {name!r}: correct model, or start vLLM with "
            f"--served-model-name {name}.",
            status_code=404,
        )
    length = entry.get("max_model_len")
    return ServedModel(entry["id"], length if _is_length(length) else None)


def _is_length(value: object) -> bool:
    """Whether a value can be a number of tokens."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _MOST_TOKENS
