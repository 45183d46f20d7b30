"""One request to one server: what is sent, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import APIConnectionError, APIError, APITimeoutError, llm, utils

from .._server.errors import plain_errors
from .._server.server import ServedModel
from .._text import Joiner, whole_deep
from ..log import logger
from . import reasons
from .chunks import CallPiece, Chunk, Usage, read
from .context import Fitted, estimate
from .dialects import SpeechFilter
from .messages import Message
from .pool import Replica
from .report import RequestReport
from .request import Request
from .resumption import Resumption
from .spoken import SentenceLimit
from .summary import SUMMARY_TOKENS, Summarizer, with_notes
from .text_calls import schemas_of
from .tool_calls import ToolCallAssembler

# A stream that said "[DONE]" without a reason.
_DONE = "done"


class BegunAnewError(APIError):
    """A server that was to go on with a reply began another one."""


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
        self._usage: Usage | None = None
        self._queue_time: float | None = None
        self._finish_reason: str | None = None
        self._arrived = False  # whether there was anything of a reply, thoughts included
        self._called = False
        self._chunks = 0
        self._unspoken = 0
        self._whole = Joiner()
        self._data = bool(request.body.keys() & {"response_format", "structured_outputs"})
        self._speech = self._new_filter()
        most = max(1, request.max_tokens - reply.tokens)
        self._limit = SentenceLimit(None if self._data else most)
        self._calls = ToolCallAssembler(schemas_of(request.tools))
        self._resumed = Resumption("")
        # A template strips the end of the text that is continued: its space is not said twice.
        self._join = False

    async def run(self) -> None:
        """Stream the reply to its end.

        Raises:
            APIError: The stream broke off; what was passed on is in the reply.
        """
        outcome = "failed"
        try:
            try:
                async with asyncio.timeout(self._request.first_token_timeout) as deadline:
                    await self._ask(deadline)
            except TimeoutError:
                raise APITimeoutError(
                    f"{self._server.base_url} sent nothing within the deadline."
                ) from None
            except APIError:
                if self._finish_reason is None or reasons.failed(self._finish_reason):
                    raise  # else the reply was whole, and only the connection's end failed
            outcome = self._end()
        except asyncio.CancelledError:
            outcome = "aborted"
            raise
        finally:
            self._report(outcome)

    async def _ask(self, deadline: asyncio.Timeout) -> None:
        """Stream the reply, with the deadline moved on by every sign of it."""
        request = self._request
        self._model = await self._server.model(
            request.model, timeout=request.timeout, wait=not request.hurried
        )
        body = await self._body()
        if "continue_final_message" not in body:
            self._speech = self._new_filter(
                open=await self._server.opens_thought(self._model.id, self._template)
            )
        self._sent = self._clock()
        if request.patient:
            deadline.reschedule(self._sent + request.first_token_timeout)
        with plain_errors(self._server.base_url, self._id):
            await self._stream(body, deadline)

    def _new_filter(self, *, open: bool = False) -> SpeechFilter:
        request = self._request
        callable_ = request.body.get("tool_choice") != "none"
        tools = schemas_of(request.tools) if callable_ else {}
        return SpeechFilter(open=open, tools=tools, data=self._data)

    @property
    def _template(self) -> dict[str, Any]:
        kwargs = self._request.body.get("chat_template_kwargs")
        return kwargs if isinstance(kwargs, dict) else {}

    def give_up(self) -> None:
        """Report the calls that the end of the stream cut off, instead of asking again."""
        self._call(self._calls.finish(cut_off=True), self._id)

    async def _body(self) -> dict[str, Any]:
        request = self._request
        messages = request.messages
        body = dict(whole_deep(request.body))  # options may hold halves of characters, too
        if not self._replica.priorities:
            body.pop("priority", None)
        written = self._reply.text
        if written.strip() or request.continue_final:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
            if request.continue_final:
                written = str(messages[-1]["content"]) + written
                messages = messages[:-1]
            self._join = written != written.rstrip()
            self._resumed = Resumption(written)
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
        return self._replica.fields.without(body)

    async def _stream(self, body: dict[str, Any], deadline: asyncio.Timeout) -> None:
        request = self._request
        headers = {"X-Request-Id": self._id}
        if request.conversation:
            # By this vllm-router keeps a conversation on one server; else by the id above.
            headers["X-Session-ID"] = request.conversation
        stream = await self._server.stream(body, headers=headers | request.headers)
        self._connected = self._clock()
        async with stream:
            async for event in stream:
                self._take(read(event))
                if self._limit.reached:
                    return
                # Reasoning that the server hides may take as long as the first token.
                wait = request.timeout if self._first else request.first_token_timeout
                deadline.reschedule(self._clock() + wait)
        # One that never says why it ends has said the same twice when it is whole.
        through = (stream.done and self._arrived) or self._resumed.nothing_new
        if self._finish_reason is None and through:
            self._finish_reason = _DONE

    def _take(self, chunk: Chunk) -> None:
        tokens = self._spoken_tokens(chunk)
        if chunk.queue_time is not None:
            self._queue_time = chunk.queue_time
        self._finish_reason = chunk.finish_reason or self._finish_reason
        if chunk.whole and self._arrived:
            return  # the message that was streamed, once more
        self._arrived = self._arrived or bool(chunk.text or chunk.reasons or chunk.calls)
        if chunk.reasons:
            self._speech.settle()
        text = self._speech.feed(self._whole.feed(chunk.text)) if chunk.text else ""
        self._speak(self._limit.feed(self._new_in(text), tokens), chunk.id)
        if chunk.calls:
            self._called = True
            self._call(self._calls.add(chunk.calls), chunk.id)

    def _new_in(self, text: str) -> str:
        """What was not said in an earlier attempt."""
        new = self._resumed.feed(text) if text else ""
        if self._resumed.begun_anew:
            raise BegunAnewError(
                f"{self._server.base_url} cannot go on with a reply that broke off: it began "
                "another one, which is not said.",
                retryable=False,
            )
        return new

    def _spoken_tokens(self, chunk: Chunk) -> int:
        """Tokens of the reply without its reasoning; a chunk is one if the server tells none."""
        self._chunks += bool(chunk.text)
        before = self._counted
        if chunk.usage is not None and (chunk.usage.completion is not None or not self._usage):
            self._usage = chunk.usage
        counted = self._counted
        if before is None or counted is None:
            return self._chunks
        if self._chunks == 0:
            self._unspoken = counted
        return max(self._chunks, counted - self._unspoken)

    @property
    def _counted(self) -> int | None:
        return self._usage.completion if self._usage else None

    def _end(self) -> str:
        reason = "sentence" if self._limit.reached else self._finish_reason
        if reason is None or reasons.failed(reason):
            raise APIConnectionError(
                f"{self._server.base_url} stopped in the middle of a reply "
                f"(request {self._id}, finish_reason {reason})."
            )
        known = reason.lower()
        limited = known == "sentence" or reasons.limited(reason)
        if not limited and not reasons.ordinary(reason):
            logger.warning(
                "reply ended without a reason that is known",
                extra={"request_id": self._id, "finish_reason": reason},
            )
        # vLLM reports "tool_calls" for a call that the limit cut off, as for a whole one.
        spent = self._counted is not None and self._counted >= self._most
        cut_off = limited or (known == "tool_calls" and spent)
        rest = self._speech.feed(self._whole.finish()) + self._speech.finish(cut_off=cut_off)
        rest = self._new_in(rest) + self._resumed.finish()
        text = self._limit.feed(rest, self._chunks) + self._limit.finish(cut_off=cut_off)
        self._speak(text, self._id)
        self._call(self._calls.finish(cut_off=cut_off), self._id)
        self._call(self._written_calls(), self._id)
        self._learn(cut_off)
        if self._request.warm:
            return reason
        if cut_off:
            logger.info("reply ended at its limit", extra={"request_id": self._id, "by": reason})
        if not self._reply.text and not self._reply.calls:
            logger.warning(
                "reply without words",
                extra={"request_id": self._id, "finish_reason": reason},
            )
        return reason

    def _written_calls(self) -> list[llm.FunctionToolCall]:
        """The calls in the text, which stand there instead of real ones or beside them."""
        written = self._speech.calls
        if not written:
            return []
        logger.warning(
            "tool calls in the text: start the server with a tool-call parser for its model",
            extra={"request_id": self._id, "carried_out": not self._called},
        )
        if self._called:
            return []
        assembler = ToolCallAssembler()
        pieces = [CallPiece(i, "", name, arguments) for i, (name, arguments) in enumerate(written)]
        return assembler.add(pieces) + assembler.finish(cut_off=False)

    def _learn(self, cut_off: bool) -> None:
        """Whether the template opens a thought, where the server cannot be asked."""
        if self._speech.closed_unopened:
            self._server.learn_thought(self._model.id, self._template, opens=True)
        elif self._speech.stayed_open and not cut_off:
            self._server.learn_thought(self._model.id, self._template, opens=False)

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
            usage = Usage()
        # Every server counts when asked to; one that was cut off had no time to.
        completion = self._chunks if self._counted is None else self._counted
        if usage is not None:
            self._reply.tokens += completion
            if usage.prompt and not self._has_media():
                self._fitter.learn(self._fitted.estimate, usage.prompt)
            self._give(_usage_chunk(self._id, usage, self._reply.tokens))
        self.report = RequestReport(
            purpose="warm" if self._request.warm else "reply",
            request_id=self._id,
            url=self._server.base_url,
            model=self._model.id,
            finish_reason=outcome,
            connect_time=self._connected - self._sent if self._connected else None,
            ttft=self._first - self._sent if self._first else None,
            duration=self._clock() - self._sent,
            queue_time=self._queue_time / 1000 if self._queue_time is not None else None,
            prompt_tokens=usage.prompt if usage else 0,
            cached_tokens=usage.cached if usage else 0,
            completion_tokens=completion if usage else 0,
            left_out=len(self._fitted.left_out),
        )

    def _has_media(self) -> bool:
        return any(isinstance(m.get("content"), list) for m in self._fitted.messages)


def _usage_chunk(chunk_id: str, usage: Usage, completion_tokens: int) -> llm.ChatChunk:
    return llm.ChatChunk(
        id=chunk_id,
        usage=llm.CompletionUsage(
            completion_tokens=completion_tokens,
            prompt_tokens=usage.prompt,
            prompt_cached_tokens=usage.cached,
            reasoning_tokens=usage.reasoning,
            total_tokens=usage.prompt + completion_tokens,
        ),
    )
