"""Speech to text on a vLLM server, or one with the same interfaces."""

from __future__ import annotations

import asyncio
import weakref
from functools import partial
from typing import Literal

import numpy as np
from livekit import rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    APIConnectOptions,
    APIError,
    LanguageCode,
    inference,
    stt,
    vad,
)
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.utils import AudioBuffer, aio, is_given

from ._server.circuit import wait_before_second
from ._server.server import ServedModel
from ._stt.connection import Connection
from ._stt.guards import IMPOSSIBLE, UNVOICED, is_silence
from ._stt.lasting import LastingRecognition, Routes
from ._stt.outage import Outage
from ._stt.recognition import (
    BYTES_PER_SECOND,
    SAMPLE_RATE,
    RecognitionOptions,
    Transcript,
    believable,
    doubt,
)
from ._stt.stream import Segmentation, SpeechStream
from ._stt.voice import voiced_seconds
from .log import logger

# Long enough that a model hears something, short enough for a CPU: what the first request sends.
PREWARM_SECONDS = 0.5
# The first request of a process compiles and loads: up to 11 s on a CPU.
PREWARM_CONNECT = APIConnectOptions(timeout=30.0)


class STT(stt.STT[Literal["stt_availability_changed", "server_answered", "server_failed"]]):
    """Streaming speech to text over ``/v1/realtime`` or ``/v1/audio/transcriptions``.

    Over the latter it cuts the speech itself and decodes early: the text is asked for at the first
    short pause and used if the pause was the end. No ``StreamAdapter`` is needed.

    Emits ``stt_availability_changed`` with LiveKit's ``stt.AvailabilityChangedEvent`` when what was
    said cannot be recognised, and again when it can, beside an ``error`` for each attempt that
    failed; ``server_answered`` with an :class:`Answered` for each transcript, interim ones
    included, and ``server_failed`` with a :class:`Failed` for each server that fails at one though
    the other may answer.

    Args:
        base_url: Address of the server; ``None`` reads ``VLLM_BASE_URL``, else vLLM's default port.
        model: The model's name on the server; ``None`` takes the first that it lists.
        language: BCP-47 tag of what is spoken ("zh", "en-US"); ``None`` lets the server detect
            it, which costs a Whisper some 0.5 s on a CPU.
        prompt: Names and spelling to expect. ``None`` gives Whisper a line of simplified Chinese
            when the language is Chinese, and else nothing.
        api_key: Bearer token; ``None`` reads ``VLLM_API_KEY``.
        realtime: Whether to use ``/v1/realtime``; ``None`` uses it if the server offers it.
        vad: Voice activity detector; ``None`` runs a Silero with ``min_silence``. Given one, the
            plugin runs none of its own: audio is cut by its events alone. To share a detector
            that already runs on the microphone, pass one whose further streams repeat the events
            of the first, such as ``Endpointer`` of livekit-plugins-turn-taking: another stream of
            a plain detector would detect everything twice. Each ``INFERENCE_DONE`` must carry the
            probability and the window's audio as it was pushed, which is what is recognised.
        min_silence: Seconds of silence that confirm the end of speech. Ignored if ``vad`` is
            given: the detector has its own.
        speculate_after: Seconds of silence after which to decode before the end is confirmed;
            ``None`` for never. Silero itself lags the voice by some 0.1 s. On 42 s of English
            and Mandarin 5 of 22 decodes were thrown away at 0.096, 6 of 23 at 0.064, 4 of 21 at
            0.128.
        interim_interval: Seconds between interim decodes while somebody speaks, where the server
            doesn't stream; 0 for none. Left out as long as a decode takes more than half of it.
        first_word: Whether to decode until there is a word, which stops an agent that is spoken
            over, after 0.25 s of voice and then 0.1 s after each other, for the first 2 s of voice,
            as long as a decode takes 0.5 s at most. In every utterance: whether the agent speaks is
            not known here. Where the server does not say how sure it is, the word counts once two
            of them in a row have it. Needs interim decodes.
        pre_roll: Seconds of audio to include from before the onset of the voice.
        max_utterance: Seconds after which speech is cut at the next pause.
        fallback: Recognises an utterance that this server fails at, with the same audio; of its
            settings those of the server are used. It is closed with this one.

    Raises:
        ValueError: The address is not an HTTP address, or ``speculate_after`` is not shorter than
            ``min_silence``.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        model: str | None = None,
        language: str | None = None,
        prompt: str | None = None,
        api_key: str | None = None,
        realtime: bool | None = None,
        vad: vad.VAD | None = None,
        min_silence: float = 0.3,
        speculate_after: float | None = 0.096,
        interim_interval: float = 0.5,
        first_word: bool = True,
        pre_roll: float = 0.3,
        max_utterance: float = 24.0,
        fallback: STT | None = None,
    ) -> None:
        super().__init__(
            capabilities=stt.STTCapabilities(
                streaming=True, interim_results=True, manual_flush=True
            )
        )
        if speculate_after is not None and vad is None and speculate_after >= min_silence:
            raise ValueError(
                f"speculate_after ({speculate_after:g} s) must be shorter than min_silence "
                f"({min_silence:g} s); None turns it off"
            )
        self._language = _iso(language)
        self._prompt = prompt
        self._vad = vad or inference.VAD(model="silero", min_silence_duration=min_silence)
        self._segmentation = Segmentation(
            speculate_after=speculate_after,
            interim_interval=interim_interval,
            first_word=first_word,
            pre_roll=pre_roll,
            max_utterance=max_utterance,
        )
        self._connection = Connection(base_url, model=model, api_key=api_key, realtime=realtime)
        self._fallback = fallback
        second = [fallback._connection] if fallback else []
        self._routes = Routes(
            [self._connection, *second],
            on_answered=partial(self.emit, "server_answered"),
            on_failed=partial(self.emit, "server_failed"),
        )
        self._outage = Outage(self._on_availability)
        self._measuring: inference.VAD | None = None
        self._prewarming: asyncio.Task[None] | None = None
        self._streams: weakref.WeakSet[SpeechStream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The name of the model that answered last; "unknown" until the server has been asked."""
        return self._routes.last.connection.model

    @property
    def provider(self) -> str:
        """The kind of server."""
        return "vLLM"

    @property
    def answered_by(self) -> str:
        """Address of the server that answered last, be it the fallback's."""
        return self._routes.last.connection.url

    def update_options(
        self,
        *,
        language: NotGivenOr[str | None] = NOT_GIVEN,
        prompt: NotGivenOr[str | None] = NOT_GIVEN,
    ) -> None:
        """Change what is expected, from the next utterance on, in every open stream too.

        Args:
            language: BCP-47 tag, or ``None`` to detect it.
            prompt: Names and spelling to expect, or ``None``.
        """
        if is_given(language):
            self._language = _iso(language)
        if is_given(prompt):
            self._prompt = prompt
        for stream in self._streams:
            stream.update_options(
                language=self._language if is_given(language) else NOT_GIVEN, prompt=prompt
            )

    def stream(
        self,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> SpeechStream:
        """Open a live stream.

        Args:
            language: Instead of the one set here, until the next ``update_options``.
            conn_options: ``timeout`` is the deadline of each request; a confirmed utterance is
                tried ``max_retry`` + 1 times before the stream fails, which keeps its audio for
                the next one.
        """
        stream = SpeechStream(
            owner=self,
            routes=self._routes,
            outage=self._outage,
            vad=self._vad,
            segmentation=self._segmentation,
            language=_iso(language) if is_given(language) else self._language,
            prompt=self._prompt,
            conn_options=conn_options,
        )
        self._streams.add(stream)
        return stream

    async def ready(self) -> ServedModel:
        """Wait until the server has loaded, and learn its model and what it offers.

        Raises:
            APIStatusError: The key, the address or the model is wrong.
            APIConnectionError: The server did not answer in time.
        """
        return await self._connection.ready()

    def prewarm(self) -> None:
        """Find out what the servers offer and open the connections with a tiny request."""
        if self._fallback is not None:
            self._fallback.prewarm()
        if self._prewarming is None:
            self._prewarming = asyncio.create_task(self._prewarm(), name="vllm.STT.prewarm")

    async def aclose(self) -> None:
        """Close the streams and the connections to the server. May be called twice."""
        if self._prewarming is not None:
            await aio.cancel_and_wait(self._prewarming)
        await asyncio.gather(*(stream.aclose() for stream in list(self._streams)))
        await self._connection.aclose()
        if self._fallback is not None:
            await self._fallback.aclose()

    async def _recognize_impl(
        self,
        buffer: AudioBuffer,
        *,
        language: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions,
    ) -> stt.SpeechEvent:
        spoken = _iso(language) if is_given(language) else self._language
        pcm = _pcm(buffer)
        if is_silence(pcm):
            heard = Transcript("", LanguageCode(spoken or ""))
        else:
            heard = await self._recognize(pcm, spoken, conn_options, self._routes)
            heard = believable(heard, voiced=await self._voiced(heard, pcm))
        return stt.SpeechEvent(
            type=stt.SpeechEventType.FINAL_TRANSCRIPT,
            request_id=heard.request_id,
            alternatives=[
                stt.SpeechData(
                    language=heard.language, text=heard.text, confidence=heard.confidence
                )
            ],
        )

    async def _voiced(self, heard: Transcript, pcm: bytes) -> float | None:
        """Seconds of voice, measured only if a decision hangs on them."""
        # Who has recorded something to be recognised has chosen it: only odd words are in doubt.
        if doubt(heard, voiced=0.0) in (None, IMPOSSIBLE, UNVOICED):
            return None
        # A detector that was given may be a running one's, which hears another sound.
        self._measuring = self._measuring or inference.VAD(model="silero")
        return await voiced_seconds(pcm, self._measuring)

    async def _recognize(
        self, pcm: bytes, language: str | None, conn_options: APIConnectOptions, routes: Routes
    ) -> Transcript:
        recognition = LastingRecognition(
            routes,
            RecognitionOptions(
                language=language, prompt=self._prompt, timeout=conn_options.timeout
            ),
            first_wait=wait_before_second(conn_options),
        )
        try:
            recognition.push(pcm)
            return await recognition.decode()
        finally:
            await recognition.aclose()

    def _on_availability(self, available: bool) -> None:
        self.emit("stt_availability_changed", stt.AvailabilityChangedEvent(self, available))

    async def _prewarm(self) -> None:
        silence = bytes(round(PREWARM_SECONDS * BYTES_PER_SECOND))
        try:
            routes = Routes([self._connection])  # the second choice warms up by itself
            await self._recognize(silence, self._language, PREWARM_CONNECT, routes)
        except APIError as e:
            logger.warning("speech to text is not ready", extra={"error": str(e)})


def _iso(language: str | None) -> str | None:
    """ISO 639-1 code of a BCP-47 tag: what the interface takes."""
    return LanguageCode(language).language if language else None


def _pcm(buffer: AudioBuffer) -> bytes:
    """Any frames as PCM16, 16 kHz, mono."""
    frame = rtc.combine_audio_frames(buffer)
    samples = np.frombuffer(frame.data, dtype=np.int16)
    if frame.num_channels > 1:
        samples = samples.reshape(-1, frame.num_channels).mean(axis=1).astype(np.int16)
    if frame.sample_rate == SAMPLE_RATE:
        return samples.tobytes()
    resampler = rtc.AudioResampler(
        frame.sample_rate, SAMPLE_RATE, quality=rtc.AudioResamplerQuality.HIGH
    )
    mono = rtc.AudioFrame(samples.tobytes(), frame.sample_rate, 1, len(samples))
    return b"".join(bytes(f.data) for f in (*resampler.push(mono), *resampler.flush()))
