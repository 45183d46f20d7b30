"""One utterance from the onset of the voice to its final transcript."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from livekit.agents import APIError, LanguageCode, stt

from ..log import logger
from .first_word import FirstWord
from .lasting import LastingRecognition, is_about_the_audio
from .outage import Kept
from .recognition import Transcript, believable, is_probable
from .schedule import MIN_VOICED, Action, Cancel, DecodeScheduler, Emit, Job, Start

_EVENTS = {
    "interim": stt.SpeechEventType.INTERIM_TRANSCRIPT,
    "preflight": stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
    "final": stt.SpeechEventType.FINAL_TRANSCRIPT,
    "nothing": stt.SpeechEventType.FINAL_TRANSCRIPT,
}


class Utterance:
    """Feeds audio to a recognition, decodes when the scheduler says so, and emits the events.

    Args:
        recognition: The recognition that takes the audio; closed with the utterance.
        scheduler: The policy that decides when to decode.
        turn: Lock held while decoding: a stream has one request at a time, in the order of speech.
        begins: Seconds of the stream's time at which the utterance's audio begins.
        language: The language asked for, which is also that of an empty transcript.
        emit: Called with each event.
        failed: Called with the error of a confirmed decode and the number of those before it;
            returns the seconds after which to try again, or None to fail.
        decoded: Called with the seconds that each completed decode took.
        refused: Called when the server refuses this audio; whether it is then taken as empty
            instead of failing.
    """

    def __init__(
        self,
        recognition: LastingRecognition,
        scheduler: DecodeScheduler,
        *,
        turn: asyncio.Lock,
        begins: float,
        language: str | None,
        emit: Callable[[stt.SpeechEvent], None],
        failed: Callable[[APIError, int], float | None],
        decoded: Callable[[float], None],
        refused: Callable[[APIError], bool],
    ) -> None:
        self._recognition = recognition
        self._scheduler = scheduler
        self._turn = turn
        self._begins = begins
        self._language = language
        self._emit_event = emit
        self._failed = failed
        self._decoded = decoded
        self._refused = refused
        self._tasks: set[asyncio.Task[None]] = set()
        self._decoding: asyncio.Task[None] | None = None
        self._first_word = FirstWord()
        self._transcript = Transcript("", LanguageCode(language or ""))
        self._partial = ""
        self._speech_end_time: float | None = None
        self._finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def seconds(self) -> float:
        """Audio heard so far."""
        return self._scheduler.audio

    @property
    def paused(self) -> bool:
        """Whether the voice is silent for the moment."""
        return self._scheduler.paused

    @property
    def kept(self) -> Kept | None:
        """What is left to be recognised; None if it is, or has not ended."""
        over = self._finished.done() and not self._finished.cancelled()
        if over and self._finished.exception() is None:
            return None
        if self._speech_end_time is None or self._scheduler.voiced < MIN_VOICED:
            return None
        return Kept(
            audio=self._recognition.audio,
            voiced=self._scheduler.voiced,
            begins=self._begins,
            speech_end_time=self._speech_end_time,
            options=self._recognition.options,
        )

    def push(self, pcm: bytes) -> None:
        """Add audio that the scheduler already counts: the pre-roll and the onset."""
        self._recognition.push(pcm)

    def window(self, pcm: bytes, *, probability: float, seconds: float) -> None:
        """Add one window of audio with its probability of voice."""
        self._recognition.push(pcm)
        self._apply(self._scheduler.window(probability, seconds))

    def end(self, *, speech_end_time: float) -> None:
        """The end of speech is confirmed.

        Args:
            speech_end_time: Time of the last voice, in seconds since the epoch.
        """
        self._speech_end_time = speech_end_time
        self._apply(self._scheduler.end())

    def give_up(self) -> None:
        """Take it for empty: there is no room to keep it any longer."""
        for task in self._tasks:
            task.cancel()
        self._emit("nothing", self._transcript)

    def partial(self, text: str) -> None:
        """The server streams: this is its text so far."""
        # A connection that was opened again begins anew: words that were shown stay.
        if not self._partial.startswith(text) and self._speech_end_time is None:
            self._partial = text
            # How sure an early decode was says nothing of words that came after it.
            self._emit("interim", replace(self._transcript, text=text, confidence=0.0))

    async def wait(self) -> None:
        """Wait until the final transcript has been emitted.

        Raises:
            APIError: The server refused it, or every attempt failed.
        """
        await self._finished

    async def aclose(self) -> None:
        """Cancel the decodes and close the recognition. May be called twice."""
        for task in self._tasks:
            # One cancelled before is closing its connection: a second would cut that short.
            if not task.cancelling():
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._finished.cancel()
        await self._recognition.aclose()

    def _apply(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Start(job):
                    self._decoding = asyncio.create_task(self._decode(job), name="vllm.STT.decode")
                    self._tasks.add(self._decoding)
                    self._decoding.add_done_callback(self._on_task_done)
                case Cancel():
                    assert self._decoding is not None
                    self._decoding.cancel()
                case Emit(kind):
                    self._emit(kind, self._transcript)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._finished.done():
            self._finished.set_exception(error)

    async def _decode(self, job: Job) -> None:
        async with self._turn:
            attempt = 0
            while True:
                started = time.monotonic()
                try:
                    heard = await self._recognition.decode()
                    break
                except APIError as e:
                    if not self._scheduler.confirmed(job):
                        logger.debug("early decode failed, left to the end", exc_info=e)
                        self._scheduler.failed(job)
                        return
                    if is_about_the_audio(e) and self._refused(e):
                        self._emit("nothing", self._transcript)
                        return
                    interval = self._failed(e, attempt)
                    if interval is None:
                        raise
                    attempt += 1
                    logger.warning(
                        "transcription failed, trying again",
                        extra={"attempt": attempt, "retry_in": interval, "error": str(e)},
                    )
                    await asyncio.sleep(interval)
            seconds = time.monotonic() - started
        self._decoded(seconds)
        self._transcript = believable(heard, voiced=self._scheduler.voiced)
        words = is_probable(self._transcript)
        whole = job.speculative or self._scheduler.confirmed(job)
        if self._scheduler.seeks_word and not whole:
            words = self._first_word.known(self._transcript)
            if not words and not self._transcript.confidence:
                # Whoever is told of it could not tell it from a word that is sure.
                self._transcript = replace(self._transcript, text="")
        self._apply(self._scheduler.done(job, words=words))
        logger.debug(
            "decoded",
            extra={
                "request": job.number,
                "audio_s": round(job.covers, 3),
                "decode_s": round(seconds, 3),
                "speculative": job.speculative,
                "characters": len(self._transcript.text),
            },
        )

    def _emit(self, kind: str, transcript: Transcript) -> None:
        final = kind in ("final", "nothing")
        # A final event is sent even when empty, so that whoever waits knows nothing was said.
        if transcript.text or final:
            self._emit_event(
                stt.SpeechEvent(
                    type=_EVENTS[kind],
                    request_id=transcript.request_id,
                    alternatives=[
                        stt.SpeechData(
                            language=transcript.language,
                            text=transcript.text if kind != "nothing" else "",
                            start_time=self._begins,
                            end_time=self._begins + self._scheduler.voice_end,
                            confidence=transcript.confidence,
                        )
                    ],
                    speech_end_time=self._speech_end_time,
                )
            )
        if not final:
            return
        if self._recognition.usage.audio_duration:
            self._emit_event(
                stt.SpeechEvent(
                    type=stt.SpeechEventType.RECOGNITION_USAGE,
                    request_id=transcript.request_id,
                    recognition_usage=self._recognition.usage,
                )
            )
        if not self._finished.done():
            self._finished.set_result(None)
