"""One request to one server: what is sent, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import APIConnectionError, APIError, llm, utils
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionChunk

from .._server.errors import plain_errors
from .._server.server import ServedModel
from ..log import logger
from .context import Fitted, estimate
from .messages import Message
from .pool import Replica
from .report import RequestReport
from .request import Request
from .spoken import SentenceLimit, ThoughtFilter
from .summary import SUMMARY_TOKENS, Summarizer, with_notes
from .tool_calls import ToolCallAssembler

# Whatever else ends a stream ("abort", "error", nothing) is a failure of the server.
_FINISHED = ("stop", "length", "tool_calls", "function_call", "content_filter", "repetition")


@dataclass
class Reply:
    """What has arrived so far, over all attempts.

    Attributes:
        text: Text already passed on, and so not to be said again.
        tokens: Tokens generated for it.
        calls: Number of tool calls passed on.
    """

    text: str = ""
    tokens: int = 0
    calls: int = 0


class Attempt:
    """Sends the request to one server and passes on what may be spoken.

    Args:
        replica: The server.
        request: The request.
        reply: The reply of earlier attempts, which this one continues.
        give: Called with each chunk for the caller.
        summarizer: Notes of the turns that no longer fit; None for no notes.
    """

    def __init__(
        self,
        replica: Replica,
        request: Request,
        reply: Reply,
        *,
        give: Callable[[llm.ChatChunk], None],
        summarizer: Summarizer | None = None,
    ) -> None:
        self._replica = replica
        self._server = replica.server
        self._fitter = replica.fitter
        self._request = request
        self._reply = reply
        self._give = give
        self._summarizer = summarizer
        self.report: RequestReport | None = None
        self._id = utils.shortuuid("voice-")
        self._clock = asyncio.get_running_loop().time
        self._sent = self._clock()
        self._connected: float | None = None
        self._first: float | None = None
        self._model = ServedModel("")
        self._fitted = Fitted([], 0, [], 0)
        self._most = 0  # tokens that this attempt may generate
        self._usage: CompletionUsage | None = None
        self._timings: dict[str, Any] = {}
        self._finish_reason: str | None = None
        self._chunks = 0
        self._unspoken = 0
        self._thoughts = ThoughtFilter()
        data = request.body.keys() & {"response_format", "structured_outputs"}
        self._limit = SentenceLimit(None if data else max(1, request.max_tokens - reply.tokens))
        self._calls = ToolCallAssembler()
        # A template strips the end of the text that is continued: its space is not said twice.
        self._join = False

    async def run(self) -> None:
        """Stream the reply to its end.

        Raises:
            APIError: The stream broke off; what was passed on is in the reply.
        """
        request = self._request
        self._model = await self._server.model(request.model, timeout=request.timeout)
        body = await self._body()
        if "continue_final_message" not in body:
            template = body.get("chat_template_kwargs", {})
            open_thought = await self._server.opens_thought(self._model.id, template)
            self._thoughts = ThoughtFilter(open=open_thought)
        outcome = "failed"
        self._sent = self._clock()
        try:
            try:
                with plain_errors(self._server.base_url, self._id):
                    await self._stream(body)
            except APIError:
                if self._finish_reason not in _FINISHED:
                    raise  # otherwise the reply was complete, and only its connection's end failed
            outcome = self._end()
        except asyncio.CancelledError:
            outcome = "aborted"
            raise
        finally:
            self._report(outcome)

    def give_up(self) -> None:
        """Report the calls that the end of the stream cut off, instead of asking again."""
        self._call(self._calls.finish(cut_off=True), self._id)

    async def _body(self) -> dict[str, Any]:
        request = self._request
        messages = request.messages
        body = dict(request.body)
        if not self._replica.priorities:
            body.pop("priority", None)
        written = self._reply.text
        if written.strip() or request.continue_final:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
            if request.continue_final:
                written = str(messages[-1]["content"]) + written
                messages = messages[:-1]
            self._join = written != written.rstrip()
            messages = [*messages, {"role": "assistant", "content": written.rstrip()}]
        shape: dict[str, Any] = {
            key: body[key]
            for key in ("chat_template_kwargs", "continue_final_message", "add_generation_prompt")
            if key in body
        }

        async def count(messages: list[Message]) -> int | None:
            return await self._server.count_tokens(
                {"model": self._model.id, "messages": messages, "tools": request.tools, **shape}
            )

        max_tokens = max(1, request.max_tokens - self._reply.tokens)
        self._fitted = fitted = await self._fitter.fit(
            messages,
            request.tools,
            max_model_len=self._model.max_model_len,
            max_tokens=max_tokens + (SUMMARY_TOKENS if self._summarizer else 0),
            count=count,
        )
        if self._summarizer and request.conversation and fitted.left_out:
            notes = self._summarizer.notes(request.conversation, fitted.left_out)
            if notes:
                noted = with_notes(fitted.messages, notes)
                length = estimate(noted, request.tools)
                self._fitted = replace(fitted, messages=noted, estimate=length)
        body |= {
            "model": self._model.id,
            "messages": self._fitted.messages,
            "stream": True,
            # In every chunk, so that an interrupted reply has its usage too.
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        }
        self._most = 1 if request.warm else min(max_tokens, fitted.max_tokens)
        body["max_tokens"] = self._most
        if request.tools:
            body["tools"] = request.tools
        return body

    async def _stream(self, body: dict[str, Any]) -> None:
        request = self._request
        async with asyncio.timeout(request.first_token_timeout) as deadline:
            headers = {"X-Request-Id": self._id}
            if request.conversation:
                # vllm-router keeps a conversation on one server by this, or else by the id above.
                headers["X-Session-ID"] = request.conversation
            stream = await self._server.stream(body, headers=headers | request.headers)
            self._connected = self._clock()
            async with stream:
                async for chunk in stream:
                    self._take(chunk)
                    if self._limit.reached:
                        return
                    # Reasoning that the server hides may take as long as the first token.
                    wait = request.timeout if self._first else request.first_token_timeout
                    deadline.reschedule(self._clock() + wait)

    def _take(self, chunk: ChatCompletionChunk) -> None:
        tokens = self._spoken_tokens(chunk)
        self._timings = getattr(chunk, "metrics", None) or self._timings
        for choice in chunk.choices:
            self._finish_reason = choice.finish_reason or self._finish_reason
            delta = choice.delta
            if delta is None:
                continue
            if getattr(delta, "reasoning", None) or getattr(delta, "reasoning_content", None):
                self._thoughts.settle()
            text = self._thoughts.feed(delta.content) if delta.content else ""
            self._speak(self._limit.feed(text, tokens), chunk.id)
            if delta.tool_calls:
                self._call(self._calls.add(delta.tool_calls), chunk.id)

    def _spoken_tokens(self, chunk: ChatCompletionChunk) -> int:
        """Tokens of the reply without its reasoning; one per chunk if the server gives no count."""
        speaks = any(choice.delta and choice.delta.content for choice in chunk.choices)
        self._chunks += speaks
        before = self._usage
        if chunk.usage is not None:
            self._usage = chunk.usage
        if before is None or self._usage is None:
            return self._chunks
        if self._chunks == 0:
            self._unspoken = self._usage.completion_tokens
        return max(self._chunks, self._usage.completion_tokens - self._unspoken)

    def _end(self) -> str:
        reason = "sentence" if self._limit.reached else self._finish_reason
        if reason != "sentence" and reason not in _FINISHED:
            raise APIConnectionError(
                f"{self._server.base_url} stopped in the middle of a reply "
                f"(request {self._id}, finish_reason {reason})."
            )
        # vLLM reports "tool_calls" for a call that the limit cut off, as for a whole one.
        spent = self._usage is not None and self._usage.completion_tokens >= self._most
        cut_off = reason in ("length", "sentence") or (reason == "tool_calls" and spent)
        rest = self._thoughts.finish(cut_off=cut_off)
        text = self._limit.feed(rest, self._chunks) + self._limit.finish(cut_off=cut_off)
        self._speak(text, self._id)
        self._call(self._calls.finish(cut_off=cut_off), self._id)
        if self._request.warm:
            return str(reason)
        if cut_off:
            logger.info("reply ended at its limit", extra={"request_id": self._id, "by": reason})
        if not self._reply.text and not self._reply.calls:
            logger.warning(
                "reply without words",
                extra={"request_id": self._id, "finish_reason": reason},
            )
        return str(reason)

    def _speak(self, text: str, chunk_id: str) -> None:
        if self._join:
            text = text.lstrip()
        if not text:
            return
        self._join = False
        self._first = self._first or self._clock()
        self._reply.text += text
        self._give(
            llm.ChatChunk(id=chunk_id, delta=llm.ChoiceDelta(role="assistant", content=text))
        )

    def _call(self, calls: list[llm.FunctionToolCall], chunk_id: str) -> None:
        if not calls:
            return
        self._first = self._first or self._clock()
        self._reply.calls += len(calls)
        self._give(
            llm.ChatChunk(id=chunk_id, delta=llm.ChoiceDelta(role="assistant", tool_calls=calls))
        )

    def _report(self, outcome: str) -> None:
        usage = self._usage
        if usage is None and self._chunks:
            # Every server counts when asked to; one whose stream was cut off had no time to.
            usage = CompletionUsage(
                prompt_tokens=0, completion_tokens=self._chunks, total_tokens=self._chunks
            )
        if usage is not None:
            self._reply.tokens += usage.completion_tokens
            if usage.prompt_tokens and not self._has_media():
                self._fitter.learn(self._fitted.estimate, usage.prompt_tokens)
            self._give(_usage_chunk(self._id, usage, self._reply.tokens))
        queued = self._timings.get("queue_time_ms")
        self.report = RequestReport(
            purpose="warm" if self._request.warm else "reply",
            request_id=self._id,
            url=self._server.base_url,
            model=self._model.id,
            finish_reason=outcome,
            connect_time=self._connected - self._sent if self._connected else None,
            ttft=self._first - self._sent if self._first else None,
            duration=self._clock() - self._sent,
            queue_time=queued / 1000 if queued is not None else None,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            cached_tokens=_cached(usage),
            completion_tokens=usage.completion_tokens if usage else 0,
            left_out=len(self._fitted.left_out),
        )

    def _has_media(self) -> bool:
        return any(isinstance(m.get("content"), list) for m in self._fitted.messages)


def _usage_chunk(chunk_id: str, usage: CompletionUsage, completion_tokens: int) -> llm.ChatChunk:
    details = usage.completion_tokens_details
    return llm.ChatChunk(
        id=chunk_id,
        usage=llm.CompletionUsage(
            completion_tokens=completion_tokens,
            prompt_tokens=usage.prompt_tokens,
            prompt_cached_tokens=_cached(usage),
            reasoning_tokens=(details.reasoning_tokens or 0) if details else 0,
            total_tokens=usage.prompt_tokens + completion_tokens,
        ),
    )


def _cached(usage: CompletionUsage | None) -> int:
    details = usage.prompt_tokens_details if usage else None
    return (details.cached_tokens or 0) if details else 0
