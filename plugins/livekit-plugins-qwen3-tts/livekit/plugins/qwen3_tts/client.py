"""One speech request over HTTP: raw PCM in, errors mapped to LiveKit's three kinds.

The client is aiohttp because a job of LiveKit already holds one session of it, and because
closing a response that is still being read closes its socket at once: the server sees the
disconnect and stops generating. A pool that drains or keeps such a connection would not.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from math import inf
from typing import Any, NoReturn

import aiohttp
from livekit.agents import APIConnectionError, APIError, APIStatusError, APITimeoutError

from .dialect import DIALECTS, UnsupportedError
from .log import logger

SAMPLE_RATE = 24_000
NUM_CHANNELS = 1
BYTES_PER_SECOND = SAMPLE_RATE * NUM_CHANNELS * 2

# What other formats begin with; the chance that raw PCM starts like one is one in millions, and
# speech starts near silence, where every second byte is 0 or 255.
_NOT_PCM = (
    (re.compile(rb"RIFF|RF64"), "a WAV file"),
    (re.compile(rb"OggS"), "an Ogg stream"),
    (re.compile(rb"fLaC"), "a FLAC file"),
    (re.compile(rb"ID3[\x03\x04]"), "an MP3 file"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "a WebM file"),
    (re.compile(rb"....ftyp", re.S), "an MP4 file"),
    (re.compile(rb"FORM....AIF", re.S), "an AIFF file"),
    (re.compile(rb"caff\0"), "a CAF file"),
    (re.compile(rb"#!AMR"), "an AMR file"),
    (re.compile(rb"\.snd\0"), "an AU file"),
    (re.compile(rb"\x1f\x8b\x08"), "gzip data"),
    (re.compile(rb"\s*(?:data|event) ?:"), "server-sent events"),
    (re.compile(rb"\s*\{\s*\"[a-z_]{2}"), "a JSON error"),
    (re.compile(rb"\s*<(?:!doctype|html|\?xml)", re.I), "an HTML page"),
    (re.compile(rb"[\t\n\r -~]{16}|[\t\n\r -~]{4,15}\Z"), "text"),
)
# Bytes at the beginning by which they are told.
_TELLING = 16
_LONGEST_HEADER = 2**20
_RAW = (
    "audio/pcm",
    "audio/raw",
    "audio/l16",
    "audio/s16le",
    "audio/x-pcm",
    "audio/x-raw",
    "application/octet-stream",
    "binary/octet-stream",
)
_RATE = re.compile(r"\brate\s*=\s*\"?(\d+)", re.IGNORECASE)
# Whatever a header says: Python knows charsets that are none, and fails at them in ways of its own.
_JSON = "utf-8"
# Refusals that a moment cures.
_PASSING = (408, 409, 425, 429)
# nari-qwen3-tts says 422 where others say 404: another server may well have what is named.
_UNKNOWN_NAME = re.compile(r"unsupported (model|speaker|language):")


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
    """Speaks the `/audio/speech` of vllm-omni or nari-qwen3-tts to one base URL.

    Which of the two it is, is told by its answers, and may change from one request to the next.

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
        self._dialect = DIALECTS[0]

    async def speech(
        self,
        body: Mapping[str, Any],
        deadlines: Deadlines,
        on_words: OnWords | None = None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the PCM of one request as it comes, in whole samples.

        Args:
            body: The fields of the request, as vllm-omni names them; the response format is added
                here.
            deadlines: The longest wait for each step.
            on_words: Takes the words of the server's forced aligner, which has to see all of the
                audio before any is sent; with None the audio is streamed.

        Yields:
            Signed 16-bit little-endian mono at 24 kHz; a half sample at the end of a network
            chunk is carried over to the next.

        Raises:
            APIConnectionError: The server could not be reached or broke off.
            APITimeoutError: A deadline passed.
            APIStatusError: The server refused the request; its own sentence is the message. 501 if
                its engine cannot do what is asked for.
            APIError: The answer is not raw PCM.
        """
        response: aiohttp.ClientResponse | None = None
        step = "the first byte"
        try:
            loop = asyncio.get_running_loop()
            wait = min(deadlines.connect + deadlines.first_byte, deadlines.limit)
            first_byte_at = loop.time() + wait
            async with asyncio.timeout_at(first_byte_at):
                response = await self._ask(body, deadlines.connect, aligned=on_words is not None)
                self._check_type(response)
                if on_words:
                    on_words(_aligned(response.headers.get("X-Word-Timestamps")))
                chunk = await response.content.readany()
                while 0 < len(chunk) < _TELLING and (more := await response.content.readany()):
                    chunk += more
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

    async def _ask(
        self, body: Mapping[str, Any], connect: float, *, aligned: bool
    ) -> aiohttp.ClientResponse:
        """Return the engine's answer, asked for once more if it was asked as the other engine is.

        Raises:
            RefusedError: The server refused.
            APIError: It answers neither way with raw PCM.
        """
        unsupported: UnsupportedError | None = None
        sent = ""
        for dialect in sorted(DIALECTS, key=lambda one: one is not self._dialect):
            try:
                request = dialect.request(body, aligned=aligned)
            except UnsupportedError as e:
                unsupported = e
                continue
            response = await self._session().post(
                f"{self._base_url}/audio/speech",
                json=request,
                headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
                # The words of an aligned unit stand in one header, of which 8 kB are read by
                # default: 100 words.
                max_field_size=_LONGEST_HEADER,
            )
            good, sent = 200 <= response.status < 300, response.content_type
            keep = False
            try:
                refusal = None if good else await _decoded(response)
                if not dialect.foreign(response.status, sent, refusal):
                    self._dialect = dialect
                    if not good:
                        self._refused(response, refusal)
                    keep = True
                    return response
            finally:
                if not keep:
                    response.close()
        if unsupported is None:
            raise self._wrong_format(sent)
        raise self._unable(str(unsupported))

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
                    self._refused(response, await _decoded(response))
                return await response.json(content_type=None, encoding=_JSON)
        except TimeoutError:
            raise APITimeoutError(f"TTS server {self._base_url} does not answer {path}") from None
        except (ValueError, RecursionError) as e:
            raise APIConnectionError(f"TTS server {self._base_url} sent no JSON at {path}") from e
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(
                f"TTS server {self._base_url} cannot be reached: is it running?"
            ) from e

    async def post_form(self, path: str, form: Callable[[], aiohttp.FormData]) -> None:
        """Post a form below the base URL.

        Raises:
            APIConnectionError: The server could not be reached.
            APIStatusError: The server refused, or has no such page (501).
        """
        try:
            async with self._session().post(
                f"{self._base_url}{path}", data=form(), headers=self._headers
            ) as response:
                if response.status in (404, 405):
                    raise self._unable(f"has no {path}: it clones no voice")
                if response.status >= 300:
                    self._refused(response, await _decoded(response))
        except (aiohttp.ClientError, OSError) as e:
            raise APIConnectionError(
                f"TTS server {self._base_url} cannot be reached: is it running?"
            ) from e

    def _refused(self, response: aiohttp.ClientResponse, answer: Any) -> NoReturn:
        reason = _reason(answer)
        status = response.status
        if status == 499:
            # LiveKit takes 499 for the caller's own end of a request, and says nothing.
            status = 500
        elif status == 422 and _UNKNOWN_NAME.match(reason):
            status = 404
        refused = RefusedError(
            f"TTS server {self._base_url} refused with {response.status}: "
            f"{reason or response.reason}",
            status_code=status,
            request_id=response.headers.get("x-request-id"),
            body=answer,
        )
        # Other refusals mean that the same request will fail again.
        refused.retryable = refused.status_code >= 500 or response.status in _PASSING
        refused.retry_after = _seconds(response.headers.get("Retry-After"))
        raise refused

    def _unable(self, why: str) -> RefusedError:
        refused = RefusedError(f"TTS server {self._base_url} {why}", status_code=501)
        refused.retryable = False
        return refused

    def _check_type(self, response: aiohttp.ClientResponse) -> None:
        kind = response.content_type
        if kind not in _RAW:
            raise self._wrong_format(kind)
        rate = _RATE.search(response.headers.get("Content-Type", ""))
        if rate and rate.group(1) != str(SAMPLE_RATE):
            raise self._wrong_format(f"{kind} of {rate.group(1)[:9]} Hz")

    def _check_magic(self, chunk: bytes) -> None:
        begins = chunk[:_TELLING]
        if found := next((name for pattern, name in _NOT_PCM if pattern.match(begins)), None):
            raise self._wrong_format(found)

    def _wrong_format(self, found: str) -> APIError:
        return APIError(
            f"TTS server {self._base_url} sent {found} where raw PCM was asked for: "
            "use a server that honours stream_format=audio, such as vllm-omni 0.24 or later",
            retryable=False,
        )


async def _decoded(response: aiohttp.ClientResponse) -> Any:
    try:
        return await response.json(content_type=None, encoding=_JSON)
    except (ValueError, RecursionError):
        return None


def _reason(answer: Any) -> str:
    """Return what a refusal says; FastAPI lists the fields that are wrong."""
    error = answer.get("error", answer) if isinstance(answer, dict) else answer
    reason = error.get("message") or error.get("detail") if isinstance(error, dict) else error
    if isinstance(reason, list):
        wrong = (e for e in reason if isinstance(e, dict) and isinstance(e.get("loc"), list))
        reason = "; ".join(f"{(e['loc'] or ['body'])[-1]}: {e.get('msg')}" for e in wrong) or reason
    return str(reason or "")


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
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        logger.warning("unreadable word timestamps", extra={"header": header})
        return []
