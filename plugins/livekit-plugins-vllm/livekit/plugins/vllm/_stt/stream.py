"""The live stream: voice activity cuts the audio into utterances, each of which is recognised."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from typing import Any

from livekit.agents import APIConnectOptions, APIError, stt, vad
from livekit.agents.types import NOT_GIVEN, NotGivenOr
from livekit.agents.utils import aio, is_given

from .._server.circuit import wait_before_second
from ..log import logger
from .lasting import LastingRecognition, Routes
from .outage import MOST_KEPT, Kept, Outage
from .recognition import BYTES_PER_SECOND, SAMPLE_RATE, RecognitionOptions
from .schedule import VOICE_ON, DecodeScheduler
from .utterance import Utterance

# Weight of the newest measurement in the expected decode time.
_DECODE_TIME_WEIGHT = 0.3
# Samples in the largest window of a detector: 32 ms at 16 kHz, Silero's only size.
MAX_WINDOW = 512
# Seconds of voice that a detector may need to confirm an onset.
MAX_ONSET = 0.5
# Seconds without audio after which the microphone is taken to be off.
STALL = 1.0
# Seconds between attempts when the first few have failed.
RETRY_INTERVAL = 1.0
# Utterances in a row that a server may refuse before it is taken to refuse them all.
MOST_REFUSALS = 3


@dataclass(frozen=True)
class Segmentation:
    """How a stream cuts and decodes; all in seconds.

    Attributes:
        speculate_after: Silence after which the utterance is decoded although its end is not yet
            confirmed; ``None`` waits for the confirmation.
        interim_interval: Audio between decodes while speech goes on; 0 for none.
        first_word: Whether a first word is asked for early, too.
        pre_roll: Audio kept from before the onset of the voice.
        max_utterance: Longer speech is cut at the next pause, or without one a fifth later:
            Whisper hears 30 s at once.
    """

    speculate_after: float | None
    interim_interval: float
    first_word: bool
    pre_roll: float
    max_utterance: float


class SpeechStream(stt.RecognizeStream):
    """Live recognition with START_OF_SPEECH, INTERIM, PREFLIGHT, FINAL and END_OF_SPEECH.

    PREFLIGHT is the transcript at a pause that is not yet confirmed to be the end: AgentSession
    starts to generate on it. FINAL follows END_OF_SPEECH, at once if the early decode already
    covers all that was said; it is sent empty when nothing was.

    What is said while the server does not answer is kept, the last minute of it, and recognised
    when it does. Each attempt that fails is an ``error`` event of the STT. When one utterance has
    failed as often as ``conn_options`` allows, the stream fails in the next pause of the speech,
    as LiveKit demands, once; the next stream, which AgentSession opens by itself, takes over what
    was kept, and does not fail before the server has answered again.
    """

    def __init__(
        self,
        *,
        owner: stt.STT[Any],
        routes: Routes,
        outage: Outage,
        vad: vad.VAD,
        segmentation: Segmentation,
        language: str | None,
        prompt: str | None,
        conn_options: APIConnectOptions,
    ) -> None:
        # Retries happen per utterance with its audio; the base class would start from nothing.
        super().__init__(
            stt=owner,
            conn_options=APIConnectOptions(max_retry=0, timeout=conn_options.timeout),
            sample_rate=SAMPLE_RATE,
        )
        self._routes = routes
        self._outage = outage
        self._vad = vad
        self._segmentation = segmentation
        self._options = RecognitionOptions(language, prompt, conn_options.timeout)
        self._attempts = conn_options
        self._turn = asyncio.Lock()
        self._decode_time: float | None = None
        self._onset = bytearray()  # the newest audio while nobody speaks
        self._pushed = 0  # samples given to the detector
        self._heard = 0  # samples the detector is through with
        self._flush_at: int | None = None
        self._current: Utterance | None = None
        self._ended: aio.Chan[Utterance] = aio.Chan()
        self._unfinished: list[Utterance] = []  # in the order of speech
        self._quiet = asyncio.Event()  # whether nobody speaks
        self._quiet.set()
        self._stall: asyncio.TimerHandle | None = None
        self._refusals = 0  # in a row

    def update_options(
        self,
        *,
        language: NotGivenOr[str | None] = NOT_GIVEN,
        prompt: NotGivenOr[str | None] = NOT_GIVEN,
    ) -> None:
        """Change what is expected, from the next utterance on.

        Args:
            language: ISO 639-1 code, or ``None`` to detect the language.
            prompt: Names and spelling to expect, or ``None``.
        """
        if is_given(language):
            self._options = replace(self._options, language=language)
        if is_given(prompt):
            self._options = replace(self._options, prompt=prompt)

    async def _run(self) -> None:
        voice = self._vad.stream()
        tasks = [
            asyncio.create_task(self._forward(voice), name="vllm.STT.forward"),
            asyncio.create_task(self._listen(voice), name="vllm.STT.listen"),
            asyncio.create_task(self._finish(), name="vllm.STT.finish"),
        ]
        for earlier in self._outage.take():
            self._take_over(earlier)
        try:
            await asyncio.gather(*tasks)
        except APIError:
            self._routes.forget()
            self._outage.told = True
            self._outage.keep(kept for u in self._unfinished if (kept := u.kept))
            raise
        finally:
            if self._stall is not None:
                self._stall.cancel()
            await aio.cancel_and_wait(*tasks)
            await voice.aclose()
            await asyncio.gather(*(utterance.aclose() for utterance in self._unfinished))

    async def _forward(self, voice: vad.VADStream) -> None:
        """Give the audio to the voice activity detector."""
        async for item in self._input_ch:
            if isinstance(item, self._FlushSentinel):
                voice.flush()
                self._flush_at = self._pushed
                self._flush_if_heard()
            else:
                self._pushed += item.samples_per_channel
                voice.push_frame(item)
        voice.end_input()

    async def _listen(self, voice: vad.VADStream) -> None:
        """Cut utterances as the detector says."""
        async for event in voice:
            match event.type:
                case vad.VADEventType.INFERENCE_DONE:
                    self._on_window(event, voice)
                case vad.VADEventType.START_OF_SPEECH:
                    self._on_start(event)
                case vad.VADEventType.END_OF_SPEECH:
                    self._end_speech(event.silence_duration)
        self._end_speech(0.0)
        self._ended.close()

    async def _finish(self) -> None:
        """Wait for the final transcripts in the order of speech; raise if one can't be had."""
        async for utterance in self._ended:
            try:
                await utterance.wait()
            except APIError:
                await self._quiet.wait()  # what is being said now is kept whole
                raise
            await utterance.aclose()
            self._unfinished.remove(utterance)

    def _on_window(self, event: vad.VADEvent, voice: vad.VADStream) -> None:
        pcm = b"".join(bytes(frame.data) for frame in event.frames)
        samples = len(pcm) // 2
        self._heard += samples
        if self._current is None and event.speaking and event.probability >= VOICE_ON:
            # The speech before a flush went on after it: a detector that others share does not
            # begin anew, or began before the flush had come to us.
            self._on_start(replace(event, speech_duration=0.0))
        if self._current is None:
            self._onset += pcm
            del self._onset[: -_bytes(self._segmentation.pre_roll + MAX_ONSET)]
        else:
            self._current.window(pcm, probability=event.probability, seconds=samples / SAMPLE_RATE)
            self._cut_if_overlong()
            self._watch_stall(voice)
        self._flush_if_heard()

    def _on_start(self, event: vad.VADEvent) -> None:
        if self._current is not None:
            return
        audio = bytes(self._onset[-_bytes(self._segmentation.pre_roll + event.speech_duration) :])
        self._onset.clear()
        self._event_ch.send_nowait(
            stt.SpeechEvent(
                type=stt.SpeechEventType.START_OF_SPEECH,
                speech_start_time=time.time() - event.speech_duration,
            )
        )
        self._begin(audio, voiced=event.speech_duration)

    def _begin(self, audio: bytes, *, voiced: float) -> None:
        seconds = len(audio) / BYTES_PER_SECOND
        begins = self.start_time_offset + self._heard / SAMPLE_RATE - seconds
        self._current = self._utterance(audio, self._options, voiced=voiced, begins=begins)
        self._quiet.clear()

    def _take_over(self, kept: Kept) -> None:
        """Recognise what an earlier stream could not."""
        utterance = self._utterance(
            kept.audio,
            replace(kept.options, timeout=self._options.timeout),
            voiced=kept.voiced,
            begins=kept.begins,
        )
        utterance.end(speech_end_time=kept.speech_end_time)
        self._ended.send_nowait(utterance)

    def _utterance(
        self, audio: bytes, options: RecognitionOptions, *, voiced: float, begins: float
    ) -> Utterance:
        def on_partial(text: str) -> None:
            utterance.partial(text)

        streams = self._routes.order[0].connection.streams
        utterance = Utterance(
            LastingRecognition(
                self._routes,
                options,
                first_wait=wait_before_second(self._attempts),
                on_partial=on_partial,
            ),
            DecodeScheduler(
                speculate_after=self._segmentation.speculate_after,
                interim_interval=0.0 if streams else self._segmentation.interim_interval,
                first_word=self._segmentation.first_word,
                decode_time=self._decode_time,
                audio=len(audio) / BYTES_PER_SECOND,
                voiced=voiced,
            ),
            turn=self._turn,
            begins=begins,
            language=options.language,
            emit=self._event_ch.send_nowait,
            failed=self._on_failed,
            decoded=self._on_decoded,
            refused=self._on_refused,
        )
        if audio:
            utterance.push(audio)
        self._unfinished.append(utterance)
        return utterance

    def _end_speech(self, silence: float) -> None:
        """End the current utterance, and with it the speech.

        Args:
            silence: Seconds since the last voice.
        """
        if self._current is not None:
            speech_end_time = time.time() - silence
            self._event_ch.send_nowait(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.END_OF_SPEECH, speech_end_time=speech_end_time
                )
            )
            self._end_utterance(self._current, speech_end_time)

    def _end_utterance(self, utterance: Utterance, speech_end_time: float) -> None:
        if self._stall is not None:
            self._stall.cancel()
        self._current = None
        self._quiet.set()
        utterance.end(speech_end_time=speech_end_time)
        self._ended.send_nowait(utterance)
        waiting = [u for u in self._unfinished if u.kept]
        while waiting and sum(u.seconds for u in waiting) > MOST_KEPT:
            logger.warning("speech lost", extra={"seconds": round(waiting[0].seconds, 1)})
            waiting.pop(0).give_up()

    def _cut_if_overlong(self) -> None:
        utterance = self._current
        assert utterance is not None
        limit = self._segmentation.max_utterance
        if utterance.seconds >= limit * 1.2 or (utterance.seconds >= limit and utterance.paused):
            self._end_utterance(utterance, time.time())
            self._begin(b"", voiced=0.0)

    def _flush_if_heard(self) -> None:
        """Apply a flush once the detector is through with the audio before it.

        It drops less than one window then, and starts afresh.
        """
        if self._flush_at is not None and self._heard > self._flush_at - MAX_WINDOW:
            self._heard, self._flush_at = self._flush_at, None
            self._end_speech(0.0)

    def _watch_stall(self, voice: vad.VADStream) -> None:
        """End the speech when the audio stops in the middle of it: a muted microphone."""
        if self._stall is not None:
            self._stall.cancel()
        pushed = self._pushed

        def on_stall() -> None:
            # Less than a window, and what a detector that others share is late by, may be left.
            if self._pushed - pushed >= STALL / 2 * SAMPLE_RATE:
                self._watch_stall(voice)  # the detector is behind, not the microphone
            elif self._current is not None:
                voice.flush()
                self._end_speech(STALL)

        self._stall = asyncio.get_running_loop().call_later(STALL, on_stall)

    def _on_refused(self, error: APIError) -> bool:
        """Whether the stream goes on without an utterance that the server refused."""
        self._refusals += 1
        if self._refusals >= MOST_REFUSALS and not self._outage.told:
            return False
        self._emit_error(error, recoverable=True)
        return True

    def _on_failed(self, error: APIError, before: int) -> float | None:
        """Seconds after which a confirmed decode is tried again; None to fail.

        Args:
            error: Why it failed.
            before: How often it failed before.
        """
        self._outage.failed()
        spent = before >= self._attempts.max_retry
        # A stream whose input has ended is waited for: it has to end, too.
        if spent and (not self._outage.told or self._input_ch.closed):
            return None
        self._emit_error(error, recoverable=True)
        return RETRY_INTERVAL if spent else self._attempts._interval_for_retry(before)

    def _on_decoded(self, seconds: float) -> None:
        self._refusals = 0
        self._outage.recovered()
        known = seconds if self._decode_time is None else self._decode_time
        self._decode_time = known + _DECODE_TIME_WEIGHT * (seconds - known)


def _bytes(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE) * 2
