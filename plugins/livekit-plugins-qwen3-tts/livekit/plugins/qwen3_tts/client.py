"""One speech request over HTTP: raw PCM in, errors mapped to LiveKit's three kinds.

The client is aiohttp because a job of LiveKit already holds one session of it, and because
closing a response that is still being read closes its socket at once: the server sees the
disconnect and stops generating. A pool that drains or keeps such a connection would not.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, NoReturn

import aiohttp
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from .log import logger

SAMPLE_RATE = 24_000
NUM_CHANNELS = 1
BYTES_PER_SECOND = SAMPLE_RATE * NUM_CHANNELS * 2

# What other formats begin with; the chance that raw PCM starts like one is one in billions.
_NOT_PCM = {
    b"RIFF": "a WAV file",
    b"OggS": "an Ogg stream",
    b"fLaC": "a FLAC file",
    b"ID3\x03": "an MP3 file",
    b"ID3\x04": "an MP3 file",
    b"data": "server-sent events",
    b"even": "server-sent events",
    b'{"er': "a JSON error",
    b'{"de': "a JSON error",
    b"<!DO": "an HTML page",
    b"<htm": "an HTML page",
}


class RefusedError(APIStatusError):
    """The server refused a request.

    Attributes:
        retry_after: Seconds for which it wants to be left alone, None if it does not say.
    """

    retry_after: float | None = None


@dataclass(frozen=True)
class Deadlines:
    """How long each step of a request may take, in seconds."""

    connect: float
    first_byte: float
    between_bytes: float
    limit: float = inf
    """For all of it up to the first byte, over all servers."""

    def within(self, limit: float) -> Deadlines:
        """Return these deadlines, none longer than `limit` seconds."""
        return Deadlines(
            connect=min(self.connect, limit),
            first_byte=min(self.first_byte, limit),
            between_bytes=min(self.between_bytes, limit),
            limit=min(self.limit, limit),
        )


@dataclass(frozen=True)
class AlignedWord:
    """A word as the forced aligner found it, in seconds from the beginning of the audio."""

    text: str
    start: float
    end: float


OnWords = Callable[[list[AlignedWord]], None]


class SpeechClient:
    """Speaks vllm-omni's `/audio/speech` to one base URL.

    Args:
        session: Returns the HTTP session to use; LiveKit's own lives as long as its job.
        base_url: The server's URL, ending in `/v1`.
        headers: Sent with every request.
    """

    def __init__(
        self,
        session: Callable[[], aiohttp.ClientSession],
        base_url: str,
        headers: Mapping[str, str],
    ) -> None:
        self._session = session
        self._base_url = base_url
        self._headers = headers

    async def speech(
        self,
        body: Mapping[str, Any],
        deadlines: Deadlines,
        on_words: OnWords | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the PCM of one request as it comes, in whole samples.

        Args:
            body: The fields of the request; the response format is added here.
            deadlines: The longest wait for each step.
            on_words: Takes the words of the server's forced aligner, which has to see all of the
                audio before any is sent; with None the audio is streamed.

        Yields:
            Signed 16-bit little-endian mono at 24 kHz; a half sample at the end of a network
            chunk is carried over to the next.

        Raises:
            APIConnectionError: The server could not be reached or broke off.
            APITimeoutError: A deadline passed.
            APIStatusError: The server refused the request; its own sentence is the message.
            APIError: The answer is not raw PCM.
        """
        # `stream: true` alone would give base64 in server-sent events: vllm-omni streams raw
        # bytes for stream_format "audio".
        request = {**body, "response_format": "pcm"}
        request |= {"word_timestamps": True} if on_words else {"stream_format": "audio"}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=deadlines.connect)
        response: aiohttp.ClientResponse | None = None
        step = "the first byte"
        try:
            loop = asyncio.get_running_loop()
            wait = min(deadlines.connect + deadlines.first_byte, deadlines.limit)
            first_byte_at = loop.time() + wait
            async with asyncio.timeout_at(first_byte_at):
                response = await self._session().post(
                    f"{self._base_url}/audio/speech",
                    json=request,
                    headers=self._headers,
                    timeout=timeout,
                )
                if response.status != 200:
                    await self._refused(response)
                self._check_type(response)
                if on_words:
                    on_words(_aligned(response.headers.get("X-Word-Timestamps")))
                chunk = await response.content.readany()
            self._check_magic(chunk)
            carry = b""
            step = "more audio"
            while chunk:
                chunk = carry + chunk
                whole = len(chunk) & ~1
                carry = chunk[whole:]
                if whole:
                    yield chunk[:whole]
                async with asyncio.timeout(deadlines.between_bytes):
                    chunk = await response.content.readany()
        except aiohttp.ConnectionTimeoutError as e:
            raise APITimeoutError(
                f"TTS server {self._base_url} cannot be reached within {deadlines.connect:g} s"
            ) from e
        except TimeoutError:
            # Its cause is the cancellation that enforced the deadline, which tells nobody anything.
            raise APITimeoutError(
                f"TTS server {self._base_url} took too long to send {step}"
            ) from None
        except aiohttp.ClientConnectorError as e:
            raise APIConnectionError(
                f"TTS server {self._base_url} cannot be reached: is it running?"
            ) from e
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(f"TTS server {self._base_url} broke off its answer") from e
        finally:
            if response is not None:
                response.close()

    async def get_json(self, path: str, within: float) -> Any:
        """Return the decoded answer to a GET below the base URL, None if there is no such page.

        Raises:
            APIConnectionError: The server could not be reached, or did not answer with JSON.
            APITimeoutError: The answer took longer than `within` seconds.
            APIStatusError: The server refused, for example for want of an API key.
        """
        try:
            async with (
                asyncio.timeout(within),
                self._session().get(f"{self._base_url}{path}", headers=self._headers) as response,
            ):
                if response.status in (404, 405):
                    return None
                if response.status != 200:
                    await self._refused(response)
                return await response.json(content_type=None)
        except TimeoutError:
            raise APITimeoutError(f"TTS server {self._base_url} does not answer {path}") from None
        except ValueError as e:
            raise APIConnectionError(f"TTS server {self._base_url} sent no JSON at {path}") from e
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(
                f"TTS server {self._base_url} cannot be reached: is it running?"
            ) from e

    async def post_form(self, path: str, form: Callable[[], aiohttp.FormData]) -> None:
        """Post a form below the base URL.

        Raises:
            APIConnectionError: The server could not be reached.
            APIStatusError: The server refused.
        """
        try:
            async with self._session().post(
                f"{self._base_url}{path}", data=form(), headers=self._headers
            ) as response:
                if response.status >= 300:
                    await self._refused(response)
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(
                f"TTS server {self._base_url} cannot be reached: is it running?"
            ) from e

    async def _refused(self, response: aiohttp.ClientResponse) -> NoReturn:
        try:
            answer = await response.json(content_type=None)
        except ValueError:
            answer = None
        error = answer.get("error", answer) if isinstance(answer, dict) else answer
        reason = error.get("message") or error.get("detail") if isinstance(error, dict) else error
        refused = RefusedError(
            f"TTS server {self._base_url} refused with {response.status}: "
            f"{reason or response.reason}",
            status_code=response.status,
            request_id=response.headers.get("x-request-id"),
            body=answer,
            # Other refusals mean that the same request will fail again.
            retryable=response.status >= 500 or response.status in (408, 425, 429),
        )
        refused.retry_after = _seconds(response.headers.get("Retry-After"))
        raise refused

    def _check_type(self, response: aiohttp.ClientResponse) -> None:
        kind = response.content_type
        if kind not in ("audio/pcm", "audio/raw", "audio/l16", "application/octet-stream"):
            raise self._wrong_format(kind)

    def _check_magic(self, chunk: bytes) -> None:
        if found := _NOT_PCM.get(chunk[:4]):
            raise self._wrong_format(found)

    def _wrong_format(self, found: str) -> APIError:
        return APIError(
            f"TTS server {self._base_url} sent {found} where raw PCM was asked for: "
            "use a server that honours stream_format=audio, such as vllm-omni 0.24 or later",
            retryable=False,
        )


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after) if retry_after else None
    except ValueError:  # an HTTP date, which no inference server sends
        return None
    return seconds if seconds is not None and 0 <= seconds < inf else None


def _aligned(header: str | None) -> list[AlignedWord]:
    """Return the words in vllm-omni's header; none if it was too long to be sent."""
    try:
        return [
            AlignedWord(str(word["word"]), word["start_ms"] / 1000, word["end_ms"] / 1000)
            for word in json.loads(header or "[]")
        ]
    except (ValueError, TypeError, KeyError):
        logger.warning("unreadable word timestamps", extra={"header": header})
        return []
