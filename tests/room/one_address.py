"""OpenAI's API at one address, by the three engines of this machine.

The engines have an address each, and models and voices of their own names. Who uses OpenAI's
plugin as its documentation shows it knows of one address only (``OPENAI_BASE_URL``), and asks for
OpenAI's models and voices.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from harness.asgi import served

_PATIENCE = httpx.Timeout(60.0, connect=5.0)


class OneAddress:
    """The application.

    Args:
        llm_url: Base URL of the language model, ending in ``/v1``.
        stt_url: Base URL of the recogniser.
        tts_url: Base URL of the voice.
    """

    def __init__(self, *, llm_url: str, stt_url: str, tts_url: str) -> None:
        self._llm_url, self._stt_url, self._tts_url = llm_url, stt_url, tts_url
        self._client = httpx.AsyncClient(timeout=_PATIENCE, trust_env=False)
        self.spoken: list[str] = []
        """The texts that the voice was asked to say, in order."""
        self.app = Starlette(
            routes=[
                Route("/v1/chat/completions", self._chat, methods=["POST"]),
                Route("/v1/audio/transcriptions", self._transcription, methods=["POST"]),
                Route("/v1/audio/speech", self._speech, methods=["POST"]),
            ]
        )

    async def aclose(self) -> None:
        """Close the connections to the engines; may be called twice."""
        await self._client.aclose()

    async def _chat(self, request: Request) -> Response:
        asked = await request.json()
        del asked["model"]
        return await self._passed_on(f"{self._llm_url}/chat/completions", asked)

    async def _speech(self, request: Request) -> Response:
        text = (await request.json())["input"]
        self.spoken.append(text)
        # The answer says of itself that it is PCM, and OpenAI's plugin goes by that.
        asked = {"input": text, "response_format": "pcm", "stream_format": "audio"}
        return await self._passed_on(f"{self._tts_url}/audio/speech", asked)

    async def _transcription(self, request: Request) -> Response:
        async with request.form() as form:
            file = form["file"]
            assert isinstance(file, UploadFile)
            answer = await self._client.post(
                f"{self._stt_url}/audio/transcriptions",
                files={"file": (file.filename, await file.read(), file.content_type)},
                data={k: form[k] for k in ("language", "response_format") if k in form},
            )
        kind = answer.headers["content-type"]
        return Response(answer.content, answer.status_code, media_type=kind)

    async def _passed_on(self, url: str, asked: dict[str, object]) -> Response:
        """The engine's answer as it comes; who hangs up here hangs up there."""
        outgoing = self._client.build_request("POST", url, json=asked)
        answer = await self._client.send(outgoing, stream=True)

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in answer.aiter_raw():
                    yield piece
            finally:
                await answer.aclose()

        kind = answer.headers["content-type"]
        return StreamingResponse(body(), answer.status_code, media_type=kind)


@contextlib.asynccontextmanager
async def serve(engines: OneAddress, port: int) -> AsyncIterator[str]:
    """Serve it on this machine.

    Yields:
        Its base URL, ending in ``/v1``.
    """
    async with served(uvicorn.Config(engines.app, port=port, log_level="warning")):
        yield f"http://127.0.0.1:{port}/v1"
    await engines.aclose()
