"""A language model on a vLLM server, for speech."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import httpx2 as httpx
from livekit.agents import APIError, llm
from livekit.agents.llm import ChatContext, Tool, ToolChoice
from livekit.agents.llm import utils as llm_utils
from livekit.agents.types import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    APIConnectOptions,
    NotGivenOr,
)
from livekit.agents.utils import is_given
from openai.types.chat import completion_create_params

from ._llm.attempt import Attempt, Reply
from ._llm.audio import silence
from ._llm.images import blank
from ._llm.messages import Message
from ._llm.pool import ServerPool
from ._llm.report import RequestReport
from ._llm.request import LLMOptions, build, fields, tool_fields
from ._llm.stream import Choice, LLMStream
from ._llm.summary import SUMMARY_TOKENS, Summarizer
from ._server import http
from ._server.circuit import Circuit
from ._server.errors import plain_errors
from ._server.server import STARTUP_TIMEOUT, ServedModel, Server
from .log import logger
from .models import AudioInput, ChatModels

# Two minutes of speech: beyond, a listener has long been lost.
_MAX_TOKENS = 400
# Seconds that background work waits for a server.
_TIMEOUT = 10.0


class LLM(llm.LLM[Literal["request_finished", "server_answered", "server_failed"]]):
    """Replies from one vLLM server, from several, or from any server with OpenAI's API.

    Emits ``request_finished`` with a :class:`RequestReport` after every request,
    ``server_answered`` with an :class:`Answered` as a reply begins to come, and ``server_failed``
    with a :class:`Failed` where a server fails, though another may answer.

    Args:
        base_url: The server's address, ending in ``/v1``, or several of one model: a conversation
            stays with one of them while it is healthy. ``VLLM_BASE_URL`` or vLLM's default port
            when None.
        model: The model's name on the server; the first that ``/v1/models`` lists when None.
        api_key: Bearer token; ``VLLM_API_KEY`` when None.
        temperature: Sampling temperature; the model's own default when None.
        top_p: Nucleus sampling; the model's own default when None.
        max_completion_tokens: Longest reply, in tokens. A reply that comes near it ends with its
            sentence.
        thinking: Whether the model reasons before it answers. The reasoning is never spoken, but
            the user waits for it.
        tool_choice: Which tools the model may or must call.
        parallel_tool_calls: Whether the model may call several tools at once.
        priority: Priority of the requests, the lowest number first; the server needs
            ``--scheduling-policy priority``. Background work of this class comes after it.
        cache_salt: Salt of the server's prefix cache, which is shared only with requests of
            the same salt.
        audio_input: Whether a model that hears gets the sound of the user's last message (see
            :class:`TurnAudio`), and whether beside its transcript or instead of it.
        image_input: Whether the model is to see (see :class:`TurnImage`), so that :meth:`ready`
            refuses one that cannot. Images in the last user message are sent in any case.
        summarize: Whether to keep notes of turns that no longer fit into the context, which the
            model writes in the background.
        extra_body: Further fields of the request body, such as ``top_k`` or
            ``repetition_penalty``.
        takes_tools: Whether tools are offered to this model; a small one that is a fallback may do
            better without.
        first_token_timeout: Seconds to wait for the first token; LiveKit's limit for an attempt,
            ``conn_options.timeout``, if None. vLLM queues rather than refuses, and a model that
            reasons in silence says nothing for long: a longer limit than LiveKit's ordinary 10 s is
            for them.
        startup_timeout: Seconds that :meth:`ready` waits for a server that is loading.
        http_client: HTTP client of your own, which :meth:`aclose` leaves open.
        fallback: Answers when the servers of this model fail, or say nothing for 3 s, with its own
            model and settings; a reply that broke off is gone on with. It is left when they are
            well, and closed with this one.

    Raises:
        ValueError: An address is not an HTTP address, the list of addresses is empty, or
            ``max_completion_tokens`` is below 1.
    """

    def __init__(
        self,
        *,
        base_url: str | Sequence[str] | None = None,
        model: ChatModels | str | None = None,
        api_key: str | None = None,
        temperature: float | None = None,
        top_p: float | None = None,
        max_completion_tokens: int = _MAX_TOKENS,
        thinking: bool = False,
        tool_choice: ToolChoice | None = None,
        parallel_tool_calls: bool | None = None,
        priority: int | None = None,
        cache_salt: str | None = None,
        audio_input: AudioInput = "off",
        image_input: bool = False,
        summarize: bool = False,
        extra_body: dict[str, Any] | None = None,
        takes_tools: bool = True,
        first_token_timeout: float | None = None,
        startup_timeout: float = STARTUP_TIMEOUT,
        http_client: httpx.AsyncClient | None = None,
        fallback: LLM | None = None,
    ) -> None:
        super().__init__()
        if max_completion_tokens < 1:
            raise ValueError(
                f"max_completion_tokens must be at least 1, not {max_completion_tokens}"
            )
        self._opts = LLMOptions(
            model=model,
            temperature=temperature,
            top_p=top_p,
            max_completion_tokens=max_completion_tokens,
            thinking=thinking,
            tool_choice=tool_choice,
            parallel_tool_calls=parallel_tool_calls,
            priority=priority,
            cache_salt=cache_salt,
            audio_input=audio_input,
            image_input=image_input,
            extra_body=dict(extra_body or {}),
            first_token_timeout=first_token_timeout,
            startup_timeout=startup_timeout,
        )
        self._owns_client = http_client is None
        self._http = http_client or http.client(
            limits=httpx.Limits(max_connections=None, keepalive_expiry=120),
        )
        urls = [base_url] if base_url is None or isinstance(base_url, str) else list(base_url)
        if not urls:
            raise ValueError("base_url is an empty list: name at least one server")
        self.pool = ServerPool(
            [Server(url, api_key=api_key, http_client=self._http) for url in urls]
        )
        self.summarizer = Summarizer(self._summarize) if summarize else None
        self._takes_tools = takes_tools
        self._fallback = fallback
        self._circuit = Circuit()
        self._answered = self
        self.answered_by = self.pool.replicas[0].server.base_url
        """Address of the server that answered last, be it the fallback's."""

    @property
    def model(self) -> str:
        """Name of the model that answered last; "unknown" until the server has been asked."""
        return self._answered._own_model

    @property
    def next_model(self) -> str:
        """Name of the model that is asked next: the fallback's while this one is left alone."""
        second = self._fallback
        left_alone = self._circuit.open and second is not None and not second._circuit.open
        return second._own_model if second and left_alone else self._own_model

    @property
    def provider(self) -> str:
        """Host and port of the server, or the first of them, that answered last."""
        return self._answered.pool.replicas[0].server.base_url.split("/")[2]

    @property
    def _own_model(self) -> str:
        known = self.pool.replicas[0].server.known(self._opts.model)
        return known.id if known else self._opts.model or "unknown"

    def update_options(
        self,
        *,
        model: NotGivenOr[str | None] = NOT_GIVEN,
        temperature: NotGivenOr[float | None] = NOT_GIVEN,
        max_completion_tokens: NotGivenOr[int] = NOT_GIVEN,
        thinking: NotGivenOr[bool] = NOT_GIVEN,
        extra_body: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> None:
        """Change options from the next request on."""
        if is_given(model):
            self._opts.model = model
        if is_given(temperature):
            self._opts.temperature = temperature
        if is_given(max_completion_tokens):
            self._opts.max_completion_tokens = max_completion_tokens
        if is_given(thinking):
            self._opts.thinking = thinking
        if is_given(extra_body):
            self._opts.extra_body = dict(extra_body)

    async def ready(self) -> ServedModel:
        """Wait until a server has loaded, and learn its model.

        Raises:
            APIStatusError: The key, the address or the model is wrong, or it has to hear or
                see and cannot; the message names the remedy.
            APIConnectionError: No server answered within ``startup_timeout``.
        """
        tasks = [asyncio.create_task(self._ready(r.server)) for r in self.pool.replicas]
        error: APIError | None = None
        try:
            # One server that answers is enough to begin.
            for done in asyncio.as_completed(tasks):
                try:
                    return await done
                except APIError as e:
                    error = e
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert error is not None
        raise error

    async def _ready(self, server: Server) -> ServedModel:
        model = await server.model(self._opts.model, timeout=self._opts.startup_timeout)
        with plain_errors(server.base_url):
            await server.openai.models.list()  # opens the connection that replies will use
        await server.opens_thought(model.id, fields(self._opts).get("chat_template_kwargs", {}))
        senses = [silence()] if self._opts.audio_input != "off" else []
        if self._opts.image_input:
            senses.append(await asyncio.to_thread(blank))
        for part in senses:
            message = {"role": "user", "content": [part]}
            await server.complete({"model": model.id, "messages": [message], "max_tokens": 1})
        return model

    async def _prewarm_impl(self) -> None:
        if self._fallback is not None:
            self._fallback.prewarm()
        try:
            await self.ready()
        except APIError as e:
            # LiveKit drops what a prewarm raises.
            logger.error("no server is ready", extra={"reason": e.message})

    def chat(
        self,
        *,
        chat_ctx: ChatContext,
        tools: list[Tool] | None = None,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        parallel_tool_calls: NotGivenOr[bool] = NOT_GIVEN,
        tool_choice: NotGivenOr[ToolChoice] = NOT_GIVEN,
        response_format: NotGivenOr[
            completion_create_params.ResponseFormat | type[llm_utils.ResponseFormatT]
        ] = NOT_GIVEN,
        structured_outputs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
        continue_final_message: bool = False,
        priority: NotGivenOr[int] = NOT_GIVEN,
        extra_kwargs: NotGivenOr[dict[str, Any]] = NOT_GIVEN,
    ) -> LLMStream:
        """Begin a reply.

        Args:
            chat_ctx: The conversation.
            tools: Tools that the model may call.
            conn_options: Retries, and the seconds for which the stream may pause.
            parallel_tool_calls: Whether the model may call several tools at once, in place of the
                constructor's choice.
            tool_choice: Which tools the model may or must call, in place of the constructor's
                choice.
            response_format: A JSON schema, or a Pydantic model, that the reply has to follow.
            structured_outputs: vLLM's other constraints: ``{"regex": …}``, ``{"choice": […]}`` or
                ``{"grammar": …}``.
            continue_final_message: Whether the last message is the beginning of the reply: a
                starter that is being spoken already, or a reply that was interrupted. Only what
                follows is given out.
            priority: Priority of this request, in place of the constructor's.
            extra_kwargs: Further fields of the request body; ``extra_headers`` is kept apart.

        Raises:
            ValueError: There is no assistant message to continue.
        """
        extra = dict(extra_kwargs) if is_given(extra_kwargs) else {}
        if is_given(priority):
            extra["priority"] = priority
        if tools:
            extra |= tool_fields(
                tool_choice if is_given(tool_choice) else self._opts.tool_choice,
                parallel_tool_calls
                if is_given(parallel_tool_calls)
                else self._opts.parallel_tool_calls,
            )
        if is_given(response_format):
            extra["response_format"] = llm_utils.to_openai_response_format(response_format)  # type: ignore[arg-type]
        if is_given(structured_outputs):
            extra["structured_outputs"] = structured_outputs

        def choice(number: int, model: LLM) -> Choice:
            def answered(url: str) -> None:
                self._answered, self.answered_by = model, url

            return Choice(
                number=number,
                model=model._opts.model,
                pool=model.pool,
                summarizer=model.summarizer,
                circuit=model._circuit,
                build=lambda: build(
                    model._opts,
                    chat_ctx,
                    (tools or []) if model._takes_tools else [],
                    extra,
                    timeout=conn_options.timeout,
                    continue_final=continue_final_message,
                ),
                answered=answered,
            )

        return LLMStream(
            self,
            choices=[choice(i, one) for i, one in enumerate((self, self._fallback)) if one],
            chat_ctx=chat_ctx,
            tools=tools or [],
            conn_options=conn_options,
        )

    async def warm(
        self, chat_ctx: ChatContext, tools: list[Tool] | None = None
    ) -> RequestReport | None:
        """Send a conversation ahead, so that the server has its prefix cached.

        While the user is still speaking, the prompt and the history can be processed already; the
        reply then costs only what was said last. Cancelling this stops the work at once.

        Args:
            chat_ctx: The conversation so far, with or without the words being spoken.
            tools: The same tools as the reply will be given.

        Returns:
            A report of the request, or None if the server failed, which is logged.
        """
        if self._fallback is not None and self._circuit.open:
            return await self._fallback.warm(chat_ctx, tools)
        extra = {} if self._opts.priority is None else {"priority": self._opts.priority + 1}
        request = build(self._opts, chat_ctx, tools or [], extra, timeout=_TIMEOUT, warm=True)
        replica = self.pool.choose(request.conversation)
        assert replica is not None  # nothing was tried yet

        async def send() -> RequestReport | None:
            attempt = Attempt(
                replica, request, Reply(), give=lambda _: None, summarizer=self.summarizer
            )
            await attempt.run()
            return attempt.report

        try:
            report = await replica.adapting(send)
        except APIError as e:
            logger.warning("prefix not warmed", extra={"reason": e.message})
            return None
        self.emit("request_finished", report)
        return report

    async def aclose(self) -> None:
        """Stop background work and close the HTTP client, unless it is yours.

        May be called twice.
        """
        await super().aclose()
        if self.summarizer is not None:
            await self.summarizer.aclose()
        await self.pool.aclose()
        if self._fallback is not None:
            await self._fallback.aclose()
        if self._owns_client:
            await self._http.aclose()

    async def _summarize(self, messages: list[Message]) -> str:
        replica = self.pool.choose(None)
        assert replica is not None  # nothing was tried yet
        server = replica.server

        async def send() -> str:
            model = await server.model(self._opts.model, timeout=_TIMEOUT)
            body = fields(self._opts) | {
                "model": model.id,
                "messages": messages,
                "temperature": 0.0,
                "max_tokens": SUMMARY_TOKENS,
            }
            body.pop("priority", None)
            if self._opts.priority is not None and replica.priorities:
                body["priority"] = self._opts.priority + 2
            return await server.complete(replica.fields.without(body))

        return await replica.adapting(send)
