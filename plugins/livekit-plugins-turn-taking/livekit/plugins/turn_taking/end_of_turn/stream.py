"""A stream of a voice-activity detector that costs no more than its windows."""

from __future__ import annotations

from livekit.agents import vad
from livekit.agents.utils import aio


class Stream(vad.VADStream):
    """Hands its events straight to its one reader.

    LiveKit's own streams have two: the other one adds up how long inferences took, for a metric
    once a second that nobody here reads. To share events between the two takes a lock, a task and
    four turns of the event loop for each window of 32 ms.
    """

    def __init__(self, detector: vad.VAD) -> None:
        super().__init__(detector)
        self._metrics_task.cancel()
        self._event_aiter = self._event_ch

    async def aclose(self) -> None:
        """Close the stream; may be called twice."""
        self._input_ch.close()
        await aio.cancel_and_wait(self._task, self._metrics_task)
        self._event_ch.close()
        await self._tee_aiter.aclose()
