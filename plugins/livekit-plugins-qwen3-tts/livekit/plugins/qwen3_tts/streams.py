"""The streams of replies that LiveKit runs, and the event that tells of each unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from livekit.agents import APIConnectOptions, NotGivenOr, tts, utils

from .client import NUM_CHANNELS, SAMPLE_RATE
from .concurrency import run_together
from .reply import Reply

if TYPE_CHECKING:
    from .tts import TTS


class ChunkedStream(tts.ChunkedStream):
    """The sound of a text that was given in full."""

    _tts: TTS

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id=utils.shortuuid(),
            sample_rate=SAMPLE_RATE,
            num_channels=NUM_CHANNELS,
            mime_type="audio/pcm",
        )
        reply = self._tts._reply(self, output_emitter, self._conn_options, {})
        reply.push(self._input_text)
        reply.end()
        await reply.run()


class SynthesizeStream(tts.SynthesizeStream):
    """The sound of a reply whose text is still being written."""

    _tts: TTS

    def __init__(
        self, *, tts: TTS, conn_options: APIConnectOptions, overrides: dict[str, NotGivenOr[Any]]
    ) -> None:
        super().__init__(tts=tts, conn_options=conn_options)
        self._overrides = overrides

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        request_id = utils.shortuuid()
        output_emitter.initialize(
            request_id=request_id,
            sample_rate=SAMPLE_RATE,
            num_channels=NUM_CHANNELS,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id=request_id)
        reply = self._tts._reply(
            self,
            output_emitter,
            self._conn_options,
            self._overrides,
            heard=self._tts._heard,
            on_ask=self._mark_started,
        )
        await run_together(self._read(reply), reply.run())
        output_emitter.end_segment()

    async def _read(self, reply: Reply) -> None:
        async for data in self._input_ch:
            if isinstance(data, self._FlushSentinel):
                reply.flush()
            else:
                reply.push(data)
        reply.end()


@dataclass(frozen=True)
class UnitSent:
    """A unit of a reply that is being sent to a server: the event `unit_sent` of a `TTS`.

    A unit that is asked for again, on the same server or another, is reported once. The rest of a
    unit that broke off is a unit of its own.
    """

    stream: SynthesizeStream | ChunkedStream
    """The reply that the unit belongs to: one TTS can speak several at once."""
    text: str
    """What is to be spoken, with numbers and the like written out as words."""
    index: int
    """Number of the unit in its reply, from 0; begins anew if LiveKit retries a failed reply."""

    @property
    def starter(self) -> bool:
        """Whether it is the starter, the short first unit of a reply."""
        return self.index == 0
