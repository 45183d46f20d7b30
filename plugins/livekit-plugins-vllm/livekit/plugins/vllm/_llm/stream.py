"""A reply, in as many attempts as it takes."""

from __future__ import annotations

import asyncio
from typing import Literal

from livekit.agents import APIConnectOptions, APIError, llm

from .._server.errors import BusyError
from ..log import logger
from .attempt import Attempt, BegunAnewError, Reply
from .pool import Replica, ServerPool, is_own_refusal
from .request import Request
from .summary import Summarizer

# How long a server may ask to be left alone ("Retry-After") before the reply is given up.
_MOST_PATIENCE = 10.0
# A prompt refused as too long is estimated 25 % longer each time: four make 2.4 times.
MOST_ADAPTATIONS = 4


class LLMStream(llm.LLMStream):
    """A reply from a vLLM server.

    Closing it, or cancelling the task that reads it, closes the HTTP stream at once, and the
    server stops generating. A failure before the first word is tried again, on another server if
    there is one. After it the reply is continued where it broke off; no word is repeated.
    """

    def __init__(
        self,
        vllm: llm.LLM[Literal["request_finished"]],
        *,
        pool: ServerPool,
        summarizer: Summarizer | None,
        request: Request,
        chat_ctx: llm.ChatContext,
        tools: list[llm.Tool],
        conn_options: APIConnectOptions,
    ) -> None:
        super().__init__(vllm, chat_ctx=chat_ctx, tools=tools, conn_options=conn_options)
        self._vllm = vllm
        self._pool = pool
        self._summarizer = summarizer
        self._request = request
        self._reply = Reply()
        self._adaptations = 0

    async def _run(self) -> None:
        # LiveKit calls this again, after a pause, for as long as the error is retryable.
        tried: set[Replica] = set()
        while True:
            replica = self._pool.choose(self._request.conversation, tried)
            assert replica is not None  # _remedy does not ask for another when none is left
            attempt = Attempt(
                replica,
                self._request,
                self._reply,
                give=self._event_ch.send_nowait,
                summarizer=self._summarizer,
            )
            replica.in_flight += 1
            try:
                await attempt.run()
            except APIError as error:
                if self._reply.calls:
                    # The result of the call leads to the next reply; a repeat would call twice.
                    logger.warning("reply broke off after a tool call", exc_info=error)
                    attempt.give_up()
                    return
                if not await self._remedy(error, replica, tried):
                    raise
            else:
                replica.refused_model = None
                return
            finally:
                replica.in_flight -= 1
                if attempt.report is not None:
                    self._vllm.emit("request_finished", attempt.report)

    async def _remedy(self, error: APIError, replica: Replica, tried: set[Replica]) -> bool:
        """Change what was wrong, and return whether to try again at once."""
        if self._adaptations < MOST_ADAPTATIONS and replica.adapt(error):
            self._adaptations += 1
            return True
        tried.add(replica)
        left = len(tried) < len(self._pool.replicas)
        if not error.retryable:
            if left and (is_own_refusal(error) or isinstance(error, BegunAnewError)):
                self._pool.refused(replica)
                return True
            return False
        self._pool.failed(replica)
        if left:
            return True
        if isinstance(error, BusyError):
            if error.retry_after > _MOST_PATIENCE:
                error.retryable = False
            else:
                await asyncio.sleep(error.retry_after)
        return False
