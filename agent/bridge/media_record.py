"""What is kept of a call over a media stream: LiveKit does it for the calls of its jobs alone."""

from __future__ import annotations

import logging
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import Any

from livekit.agents import AgentSession
from livekit.agents.voice.io import AudioInput
from livekit.agents.voice.recorder_io import RecorderIO
from livekit.agents.voice.report import SessionReport

from agent.post_call import About, OutboxError, hand_over
from agent.post_call_settings import PostCallSettings

logger = logging.getLogger("parley")


class StreamRecord:
    """The record of one call, and its recording if there is to be one.

    Args:
        session: The conversation; its output is in place.
        stream: The provider's identifier of the stream.
        settings: The ``post_call`` section of its profile or of its agent.
        agent: Folder or file of the agent, whose model sums the call up.
    """

    def __init__(
        self, session: AgentSession[Any], stream: str, settings: PostCallSettings, agent: str
    ) -> None:
        self._session, self._stream = session, stream
        self._settings, self._agent = settings, agent
        self._recorder: RecorderIO | None = None
        self._folder: Path | None = None

    async def hear(self, caller: AudioInput) -> AudioInput:
        """Begin the recording, before the session starts; nothing happens without one.

        Args:
            caller: What the caller says.

        Returns:
            What the session is to listen to.

        Raises:
            OSError: The recording cannot be begun; the call can go on without it.
        """
        line = self._session.output.audio
        if not self._settings.recording or line is None:
            return caller
        self._folder = Path(tempfile.mkdtemp(prefix="parley-call-"))
        recorder = RecorderIO(agent_session=self._session)
        heard, played = recorder.record_input(caller), recorder.record_output(line)
        await recorder.start(output_path=self._folder / "audio.ogg")
        self._recorder, self._session.output.audio = recorder, played
        return heard

    async def hand_over(self, about: About) -> None:
        """Put the record into the outbox, once the session is closed.

        Args:
            about: What the session does not know of the call.
        """
        try:
            if self._recorder:
                await self._recorder.aclose()
            said = self._session.history.copy()
            await hand_over(self._report(), self._settings, about, said, self._agent)
        except (OutboxError, OSError) as e:
            logger.error("the record of a call is lost", extra={"reason": str(e)})
        finally:
            if self._folder:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _report(self) -> SessionReport:
        """What ``JobContext.make_session_report`` makes of the session of a job."""
        session, recorder = self._session, self._recorder
        return SessionReport(
            job_id=f"MS_{uuid.uuid4().hex}",
            room_id="",
            room=self._stream,
            options=session.options,
            events=session._recorded_events,
            chat_history=session.history.copy(),
            audio_recording_path=recorder.output_path if recorder else None,
            audio_recording_started_at=recorder.recording_started_at if recorder else None,
            started_at=session._started_at,
            model_usage=session.usage.model_usage,
        )
