"""The events of a streamed chat, whatever the server puts around them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
from openai._streaming import ServerSentEvent, SSEDecoder

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Decoder(SSEDecoder):
    """Reads events, be they marked, damaged or one whole answer in their place."""

    async def aiter_bytes(self, iterator: AsyncIterator[bytes]) -> AsyncIterator[ServerSentEvent]:
        begun = b""
        async for chunk in iterator:
            begun += chunk
            if len(begun) > 2 and begun.removeprefix(_BYTE_ORDER_MARK).strip():
                break
        begun = begun.removeprefix(_BYTE_ORDER_MARK).lstrip()
        if begun.startswith(b"{"):
            # The server does not stream.
            whole_answer = begun + b"".join([chunk async for chunk in iterator])
            yield ServerSentEvent(data=whole_answer.decode("utf-8", "replace"))
            yield ServerSentEvent(data="[DONE]")
            return

        async def all_of_it() -> AsyncIterator[bytes]:
            yield begun
            async for chunk in iterator:
                yield chunk

        async for event in super().aiter_bytes(all_of_it()):
            yield event

    def _decode_lines(self, lines: Iterator[bytes]) -> Iterator[ServerSentEvent]:
        for line in lines:
            # A byte that is no text costs its character, not the reply.
            if event := self.decode(line.decode("utf-8", "replace")):
                yield event


class ChatStream(openai.AsyncStream[object]):
    """The events of a chat as plain data, and whether the server said that it was through."""

    done = False

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._decoder = _Decoder()

    async def _iter_events(self) -> AsyncIterator[ServerSentEvent]:
        async for event in super()._iter_events():
            self.done = self.done or event.data.startswith("[DONE]")
            if event.data.strip():  # an empty one keeps the connection alive
                yield event
