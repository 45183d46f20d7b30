"""Who has the floor: the parts of turn-taking, around one session."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

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
from livekit.agents.utils import is_given
from livekit.agents.voice import room_io

from .barge_in.policy import BargeInPolicy, WordsFirst
from .barge_in.tracker import Judged, OverlapTracker
from .end_of_turn import smart_turn
from .end_of_turn.detector import Endpointer
from .end_of_turn.policy import EndpointingPolicy
from .end_of_turn.state import Wait
from .handling import fixed, turn_handling
from .microphone import Microphone
from .options import TurnOptions
from .playback.history import History
from .playback.output import Loudspeaker
from .playback.speech import AgentSpeech
from .playback.spoken_text import SpokenText

HEARING = room_io.AudioInputOptions(frame_size_ms=20)
"""How a session hears: LiveKit's 50 ms a frame are 30 ms more to wait for a voice."""


class Floor(rtc.EventEmitter[Literal["judged"]]):
    """A session, and the turn-taking in it.

    ``judged`` is emitted with a :class:`.Judged` for each sound over the agent's speech.

    Args:
        room: The room in which the agent speaks; None for a session whose audio output is not a
            room's, which then plays through the output that it is given.
        options: Thresholds and waits.
        stt: Recognises what is said.
        llm: Answers.
        tts: Speaks.
        policy: Judges sounds over the agent's speech; :class:`.WordsFirst` if None.
        wait: Tells how long a pause has to be to end the user's turn;
            :class:`.EndpointingPolicy` if None.
        **session_options: What else LiveKit's session takes, of what has nothing to do with turns.

    Raises:
        ModelError: The model file has not been downloaded.
    """

    def __init__(
        self,
        room: rtc.Room | None,
        options: TurnOptions | None = None,
        *,
        stt: NotGivenOr[stt.STT[Any]] = NOT_GIVEN,
        llm: NotGivenOr[llm.LLM[Any]] = NOT_GIVEN,
        tts: NotGivenOr[tts.TTS[Any]] = NOT_GIVEN,
        policy: BargeInPolicy | None = None,
        wait: Wait | None = None,
        **session_options: Any,
    ) -> None:
        super().__init__()
        self._options = options = options or TurnOptions()
        self._telling = 0  # how many wait for a pause
        self.microphone = Microphone(
            inference.VAD(
                model="silero",
                activation_threshold=options.vad_threshold,
                min_silence_duration=options.min_silence,
            )
        )
        """The one detector of the person who is listened to; whoever needs a voice shares it."""
        self._endpointer = Endpointer(
            self.microphone,
            wait=wait
            or EndpointingPolicy(
                shortest=options.min_delay,
                longest=options.max_delay,
                words=not is_given(stt) or stt.capabilities.streaming,
            ),
            judge=smart_turn.load(),
            threshold=options.vad_threshold,
        )
        self._loudspeaker = Loudspeaker(room, quiet=options.ducked) if room else None
        self._text = SpokenText()
        self.session: AgentSession[Any] = AgentSession(
            stt=stt,
            llm=llm,
            tts=tts,
            vad=self._endpointer,
            turn_handling=turn_handling(options),
            # Captions and history follow the voice's timed words, not an estimate.
            use_tts_aligned_transcript=True,
            # The voice reads markdown and emoji itself; LiveKit's filters would hold text back.
            tts_text_transforms=None,
            aec_warmup_duration=None,  # an echo is known by its sound, at any time
            **session_options,
        )
        """The conversation, to be started by whoever made the floor."""
        if self._loudspeaker:
            self.session.output.audio = self._loudspeaker
        history = History(self.session, self._text)
        self._speech = AgentSpeech(self.session, self._loudspeaker, self._text, history)
        self._overlap = OverlapTracker(
            self._speech,
            policy or WordsFirst(held=options.min_interruption),
            doubt=options.false_interruption_timeout,
            threshold=options.vad_threshold,
            ear=options.first_words,
        )
        self._overlap.on("judged", self._on_judged)
        self.microphone.listen(self._overlap.on_voice)
        # After the history's own handler: it is written before the tracker learns of the silence.
        self.session.on("agent_state_changed", self._on_agent)

    @property
    def shortest(self) -> float:
        """Silence after a reported pause with which a turn is over at the soonest, in seconds."""
        return self._options.min_delay

    @contextmanager
    def telling_pauses(self) -> Iterator[None]:
        """Have the session told of every pause, for something that is to be said in one.

        A turn goes on through its pauses otherwise. The session itself waits for its end
        meanwhile, as long as for an unfinished sentence.
        """
        self._telling += 1
        if self._telling == 1:
            self.session.update_options(endpointing_opts=fixed(self._options.max_delay))
            self._endpointer.tell_pauses(True)
        try:
            yield
        finally:
            self._telling -= 1
            if not self._telling:
                self._endpointer.tell_pauses(False)
                self.session.update_options(endpointing_opts=fixed(0.0))

    def on_answer(self, take: Callable[[stt.SpeechEvent], None]) -> Callable[[], None]:
        """Have a function called with what was held back and turns out to be the user's turn.

        Returns:
            What ends it.
        """
        self._overlap.on("answered", take)
        return lambda: self._overlap.off("answered", take)

    def transcribed(self, event: stt.SpeechEvent) -> list[stt.SpeechEvent]:
        """Take an event of the recogniser, and return those that are the user's turn."""
        self._endpointer.heard(event)
        return self._overlap.on_transcript(event)

    def written(self, text: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass on the text of a reply as it is written, and remember it."""
        return self._text.write(text)

    def playing(self, words: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass on the words of a reply as it is played, and remember when each is."""
        return self._text.play(words)

    async def aclose(self) -> None:
        """Close the loudspeaker, once the session is closed; may be called twice."""
        if self._loudspeaker:
            await self._loudspeaker.aclose()

    def _on_judged(self, judged: Judged) -> None:
        self.emit("judged", judged)

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        self._overlap.on_agent(event.new_state == "speaking")
        if event.new_state == "listening":
            self._overlap.on_listening()
