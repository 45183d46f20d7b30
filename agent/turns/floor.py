"""Who has the floor: the parts of turn-taking, around one session."""

from __future__ import annotations

from typing import Any

from livekit import rtc
from livekit.agents import NOT_GIVEN, AgentSession, NotGivenOr, inference, llm, stt, tts

from ..settings import TurnSettings
from .handling import turn_handling
from .loudspeaker import Loudspeaker
from .microphone import Microphone


class Floor:
    """The turn-taking of one session.

    Args:
        turns: Of the profile.
        room: Where the agent speaks; None on the console, which plays through LiveKit's output.
    """

    def __init__(self, turns: TurnSettings, room: rtc.Room | None) -> None:
        self._turns = turns
        self.microphone = Microphone(
            inference.VAD(
                model="silero",
                activation_threshold=turns.vad_threshold,
                min_silence_duration=turns.min_silence,
            )
        )
        self.loudspeaker = Loudspeaker(room, quiet=turns.ducked) if room else None

    def session(
        self,
        *,
        stt: stt.STT[Any],
        tts: tts.TTS[Any],
        llm: NotGivenOr[llm.LLM[Any]] = NOT_GIVEN,
        **options: Any,
    ) -> AgentSession[Any]:
        """Make the session whose turns these are.

        Args:
            stt: The ear.
            tts: The voice.
            llm: The thinker, if there is one.
            **options: What else LiveKit's session takes, of what has nothing to do with turns.
        """
        session: AgentSession[Any] = AgentSession(
            stt=stt,
            llm=llm,
            tts=tts,
            vad=self.microphone,
            turn_handling=turn_handling(self._turns),
            # Captions and history follow the plugin's timed words, not an estimate.
            use_tts_aligned_transcript=True,
            # The plugin reads markdown and emoji itself; LiveKit's filters would hold text back.
            tts_text_transforms=None,
            aec_warmup_duration=self._turns.echo_warmup or None,
            **options,
        )
        if self.loudspeaker:
            session.output.audio = self.loudspeaker
        return session

    async def aclose(self) -> None:
        """Close every part, once the session is closed."""
        if self.loudspeaker:
            await self.loudspeaker.aclose()
