"""The speech server, and the way it takes audio."""

from __future__ import annotations

import asyncio

import aiohttp

from .._server import http
from .._server.server import STARTUP_TIMEOUT, ServedModel, Server
from ..log import logger
from .realtime import RealtimeTransport
from .recognition import Transport
from .transcriptions import TranscriptionsTransport

# A server that has /v1/realtime greets at once.
PROBE_TIMEOUT = 5.0


class Connection:
    """One server, with its model and its interface found out once and remembered.

    Args:
        base_url: Address of the server; see :class:`Server`.
        model: Served name; the first that the server lists when None.
        api_key: Bearer token; see :class:`Server`.
        realtime: Whether to use ``/v1/realtime``; None asks the server whether it has it.

    Raises:
        ValueError: The address is not an HTTP address.
    """

    def __init__(
        self,
        base_url: str | None,
        *,
        model: str | None,
        api_key: str | None,
        realtime: bool | None,
    ) -> None:
        self._model = model
        self._realtime = realtime
        self._http = http.client()
        self._server = Server(base_url, api_key=api_key, http_client=self._http)
        self._websockets: aiohttp.ClientSession | None = None
        self._chosen: Transport | None = None

    @property
    def model(self) -> str:
        """The served name; "unknown" until the server has been asked, unless one was chosen."""
        known = self._server.known(self._model)
        return known.id if known else self._model or "unknown"

    @property
    def url(self) -> str:
        """The server's address."""
        return self._server.base_url

    @property
    def streams(self) -> bool:
        """Whether text comes while the audio is still being sent, as far as is known."""
        return self._chosen is not None and self._chosen.streams

    async def ready(self) -> ServedModel:
        """Wait until the server has loaded, and learn its model and its interface.

        Raises:
            APIStatusError: The key, the address or the model is wrong.
            APIConnectionError: The server did not answer in time.
        """
        await self.transport()
        return await self._served()

    async def transport(self, within: float = STARTUP_TIMEOUT, *, wait: bool = True) -> Transport:
        """The interface to use.

        Args:
            within: Seconds to wait for an answer; as long as a large model loads by default.
            wait: Whether to ask again a server that is loading or not there.

        Raises:
            APIStatusError: The key, the address or the model is wrong.
            APIConnectionError: The server did not answer in time.
        """
        if self._chosen is not None:
            return self._chosen
        begun = asyncio.get_running_loop().time()
        # Somebody more patient may be asking already: that costs a request, and no wait for it.
        model = await self._server.model(self._model, timeout=within, wait=wait)
        left = within - (asyncio.get_running_loop().time() - begun)
        chosen = await self._choose(model.id, left)
        self._chosen = self._chosen or chosen
        return self._chosen

    def forget(self) -> None:
        """Ask the server anew next time: it may have come back with another model."""
        self._chosen = None
        self._server.forget()

    async def aclose(self) -> None:
        """Close the HTTP and WebSocket connections. May be called twice."""
        await self._http.aclose()
        if self._websockets is not None:
            await self._websockets.close()

    async def _served(self) -> ServedModel:
        return await self._server.model(self._model, timeout=STARTUP_TIMEOUT)

    async def _choose(self, model: str, within: float) -> Transport:
        if self._realtime is not False:
            if self._websockets is None:
                self._websockets = aiohttp.ClientSession()
            realtime = RealtimeTransport(
                self._server, session=self._websockets, model=model, asked=self._model
            )
            if self._realtime or await realtime.is_offered(min(PROBE_TIMEOUT, within)):
                logger.info("speech to text over /v1/realtime", extra={"model": model})
                return realtime
        logger.info("speech to text over /v1/audio/transcriptions", extra={"model": model})
        return TranscriptionsTransport(
            self._server, http_client=self._http, model=model, asked=self._model
        )
