"""Who has the floor: the parts of turn-taking, around one session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    AgentStateChangedEvent,
    NotGivenOr,
    inference,
    llm,
    stt,
    tts,
)
from livekit.agents.voice import room_io

from .barge_in.policy import BargeInPolicy, WordsFirst
from .barge_in.tracker import OverlapTracker
from .end_of_turn import smart_turn
from .end_of_turn.detector import Endpointer
from .end_of_turn.policy import EndpointingPolicy
from .end_of_turn.state import Wait
from .handling import fixed, turn_handling
from .microphone import Microphone
from .options import TurnOptions
from .playback.buffer import Samples
from .playback.history import History
from .playback.output import SAMPLE_RATE, Loudspeaker
from .playback.spoken_text import SpokenText

HEARING = room_io.AudioInputOptions(frame_size_ms=20)
"""How a session hears: LiveKit's 50 ms a frame are 30 ms more to wait for a voice."""


class Floor:
    """The turn-taking of one session.

    Args:
        room: The room in which the agent speaks; None for a session whose audio output is not a
            room's, which then plays through the output that it is given.
        options: Thresholds and waits.
        policy: Judges sounds over the agent's speech; :class:`.WordsFirst` if None.
        wait: Tells how long a pause has to be to end the user's turn;
            :class:`.EndpointingPolicy` if None.
    """

    def __init__(
        self,
        room: rtc.Room | None,
        options: TurnOptions | None = None,
        *,
        policy: BargeInPolicy | None = None,
        wait: Wait | None = None,
    ) -> None:
        self._turns = turns = options or TurnOptions()
        self._telling = 0  # how many wait for a pause
        self.microphone = Microphone(
            inference.VAD(
                model="silero",
                activation_threshold=turns.vad_threshold,
                min_silence_duration=turns.min_silence,
            )
        )
        self.endpointer = Endpointer(
            self.microphone,
            wait=wait or EndpointingPolicy(shortest=turns.min_delay, longest=turns.max_delay),
            judge=smart_turn.load(),
            threshold=turns.vad_threshold,
        )
        self.loudspeaker = Loudspeaker(room, quiet=turns.ducked) if room else None
        self.script = SpokenText()
        self.overlap = OverlapTracker(
            self,
            policy or WordsFirst(held=turns.min_interruption),
            doubt=turns.false_interruption_timeout,
            threshold=turns.vad_threshold,
            ear=turns.first_words,
        )
        self.microphone.listen(self.overlap.on_voice)

    @property
    def shortest(self) -> float:
        """Silence after a reported pause with which a turn is over at the soonest, in seconds."""
        return self._turns.min_delay

    def session(
        self,
        *,
        tts: tts.TTS[Any],
        stt: NotGivenOr[stt.STT[Any]] = NOT_GIVEN,
        llm: NotGivenOr[llm.LLM[Any]] = NOT_GIVEN,
        **options: Any,
    ) -> AgentSession[Any]:
        """Make the session whose turns these are.

        Args:
            tts: The voice.
            stt: The ear, if there is one.
            llm: The thinker, if there is one.
            **options: What else LiveKit's session takes, of what has nothing to do with turns.
        """
        session: AgentSession[Any] = AgentSession(
            stt=stt,
            llm=llm,
            tts=tts,
            vad=self.endpointer,
            turn_handling=turn_handling(self._turns),
            # Captions and history follow the plugin's timed words, not an estimate.
            use_tts_aligned_transcript=True,
            # The plugin reads markdown and emoji itself; LiveKit's filters would hold text back.
            tts_text_transforms=None,
            aec_warmup_duration=None,  # an echo is known by its sound, at any time
            **options,
        )
        if self.loudspeaker:
            session.output.audio = self.loudspeaker
        self._session = session
        self._memory = History(session, self.script)
        session.on("agent_state_changed", self._on_agent)
        return session

    @contextmanager
    def telling_pauses(self) -> Iterator[None]:
        """Have the session told of every pause, for something that is to be said in one.

        A turn goes on through its pauses otherwise. The session itself waits for its end
        meanwhile, as long as for an unfinished sentence.
        """
        self._telling += 1
        if self._telling == 1:
            self._session.update_options(endpointing_opts=fixed(self._turns.max_delay))
            self.endpointer.tell_pauses(True)
        try:
            yield
        finally:
            self._telling -= 1
            if not self._telling:
                self.endpointer.tell_pauses(False)
                self._session.update_options(endpointing_opts=fixed(0.0))

    def duck(self, ducked: bool) -> None:
        """Lower the agent's voice, or raise it again."""
        if self.loudspeaker:
            self.loudspeaker.duck(ducked)

    def stop(self) -> bool:
        """End the agent's speech, its engines included; False if that is not allowed."""
        speech, output = self._session.current_speech, self._session.output.audio
        if speech is None or not speech.allow_interruptions:
            return False
        if output:
            output.pause()  # LiveKit closes the engines first, and clears the output then
        self._session.interrupt()
        return True

    def resume(self) -> None:
        """Go on from where the agent was stopped."""
        self._memory.resume()

    def played(self, seconds: float) -> Samples:
        """Return what was played last."""
        if self.loudspeaker:
            return self.loudspeaker.played.last(seconds)
        return np.zeros(round(seconds * SAMPLE_RATE), np.int16)

    def spoken(self) -> Sequence[str]:
        """Return the agent's words of the last seconds, and of the next."""
        return self.script.around(self.loudspeaker.position) if self.loudspeaker else ()

    async def aclose(self) -> None:
        """Close every part, once the session is closed."""
        if self.loudspeaker:
            await self.loudspeaker.aclose()

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        self.overlap.on_agent(event.new_state == "speaking")
        if event.new_state == "listening":
            self.overlap.on_listening()
