"""What one request took, beyond LiveKit's own ``LLMMetrics``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class RequestReport:
    """One request to a server, as its ``request_finished`` event reports it. Times in seconds.

    Attributes:
        purpose: "reply", or "warm" for a prefix sent ahead.
        request_id: The id of the request in vLLM's log.
        url: The server's address.
        model: The name of the model there.
        finish_reason: The server's reason, or "sentence" if the reply was ended at a sentence,
            "aborted" if its reader closed it, "failed" if the server broke it off.
        connect_time: Time until the response's headers: connection, HTTP, and the server's
            parsing. A new connection shows here and nowhere else.
        ttft: Time from sending to the first word or tool call; None if there was none.
        duration: Time from sending to the end.
        queue_time: Time spent waiting inside the server, if it was started with
            ``--enable-per-request-metrics``.
        prompt_tokens: Length of the prompt.
        cached_tokens: How much of it the prefix cache had, if the server was started with
            ``--enable-prompt-tokens-details``.
        completion_tokens: Length of the reply.
        left_out: Messages that did not fit into the context.
    """

    purpose: Literal["reply", "warm"]
    request_id: str
    url: str
    model: str
    finish_reason: str
    connect_time: float | None
    ttft: float | None
    duration: float
    queue_time: float | None
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    left_out: int

    @property
    def tokens_per_second(self) -> float | None:
        """Speed of the generation after its first token."""
        if self.ttft is None or self.completion_tokens < 2 or self.duration <= self.ttft:
            return None
        return (self.completion_tokens - 1) / (self.duration - self.ttft)

    @property
    def cached_share(self) -> float:
        """Share of the prompt that the prefix cache had, 0 to 1."""
        return self.cached_tokens / self.prompt_tokens if self.prompt_tokens else 0.0
