"""Who has the floor: the parts of turn-taking, around one session."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias
from weakref import WeakValueDictionary

from livekit import rtc
from livekit.agents import (
    NOT_GIVEN,
    AgentSession,
    AgentStateChangedEvent,
    NotGivenOr,
    llm,
    stt,
    tts,
    vad,
)
from livekit.agents.utils import is_given
from livekit.agents.voice import TranscriptSynchronizer, room_io

from .barge_in import hunch
from .barge_in.policy import BargeInPolicy, WordsFirst
from .barge_in.tracker import Judged, OverlapTracker
from .barge_in.transcript_gate import TranscriptGate
from .end_of_turn.detector import Endpointer, TurnEnd
from .end_of_turn.policy import EndpointingPolicy
from .handling import fixed, turn_handling
from .options import TurnOptions
from .playback.buffer import Samples
from .playback.captions import follow_times
from .playback.history import History
from .playback.output import Loudspeaker
from .playback.sink import SAMPLE_RATE, RoomTrack, Sink
from .playback.speech import AgentSpeech
from .playback.spoken_text import SpokenText

HEARING = room_io.AudioInputOptions(frame_size_ms=20)
"""How a session hears: LiveKit's 50 ms a frame are 30 ms more to wait for a voice."""


_FLOORS: WeakValueDictionary[int, Floor] = WeakValueDictionary()
"""Those that there are, by the identity of their session, which each keeps alive."""

Stage: TypeAlias = Literal["asked", "text", "audio"]
"""How far a reply is: the model is asked, there is text of it, there is sound of it. A reply that
is begun before the turn is certain may be dropped and begun anew."""


class Floor(rtc.EventEmitter[Literal["judged", "turn_ended", "recognised", "reply"]]):
    """A session, and the turn-taking in it.

    ``judged`` is emitted with a :class:`.Judged` for each sound over the agent's speech,
    ``turn_ended`` with a :class:`.TurnEnd` for each end of a turn, ``recognised`` with each event
    of the recogniser, whether or not it becomes the user's turn, and ``reply`` with a
    :data:`Stage` as a reply comes to it.

    Args:
        output: Where the agent speaks: a room, or a :class:`.Sink` of another kind; None for a
            session that plays through an output of LiveKit's, which cannot be lowered.
        options: Thresholds and waits.
        stt: Recognises what is said.
        llm: Answers.
        tts: Speaks.
        policy: Judges sounds over the agent's speech; :class:`.WordsFirst` if None. No network is
            asked for another one but a :class:`.WantsHunches`.
        endpointer: Ends the user's turns; if None one that is loaded with these options. Make it
            first where the recogniser takes a detector, and give it to both.
        **session_options: What else LiveKit's session takes, of what has nothing to do with turns.

    Raises:
        ModelError: The model file has not been downloaded.
    """

    def __init__(
        self,
        output: rtc.Room | Sink | None,
        options: TurnOptions | None = None,
        *,
        stt: NotGivenOr[stt.STT[Any]] = NOT_GIVEN,
        llm: NotGivenOr[llm.LLM[Any]] = NOT_GIVEN,
        tts: NotGivenOr[tts.TTS[Any]] = NOT_GIVEN,
        policy: BargeInPolicy | None = None,
        endpointer: Endpointer | None = None,
        **session_options: Any,
    ) -> None:
        super().__init__()
        self._options = options = options or TurnOptions()
        self._telling = 0  # how many wait for a pause
        self._speaking = False  # in a reply
        self._aside = False  # in words that belong to no reply
        self._endpointer = endpointer or Endpointer.load(
            options,
            wait=EndpointingPolicy(
                shortest=options.min_delay,
                longest=options.max_delay,
                words=not is_given(stt) or stt.capabilities.streaming,
            ),
        )
        self._endpointer.on_end(self._on_end)
        self._words = self._endpointer.words
        self.microphone = self._endpointer.microphone
        """Whoever needs the voice of the one who is listened to hears it here."""
        sink = (
            # A stop is for a sound that was heard for a while before.
            RoomTrack(output, hurry=lambda: self._overlap.sound is not None)
            if isinstance(output, rtc.Room)
            else output
        )
        self._loudspeaker = Loudspeaker(sink, quiet=options.ducked) if sink else None
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
        _FLOORS[id(self.session)] = self
        self._captions: TranscriptSynchronizer | None = None
        if self._loudspeaker:
            self.session.output.audio = self._loudspeaker
            if sink is output:
                # In a room the session brings this itself: it tells history how far a reply came.
                self._captions = TranscriptSynchronizer(
                    next_in_chain_audio=self._loudspeaker, next_in_chain_text=None
                )
                self.session.output.audio = self._captions.audio_output
                self.session.output.transcription = self._captions.text_output
        self._history = History(self._text)
        self._speech = AgentSpeech(self.session, self._loudspeaker, self._text, self._history)
        self._overlap = OverlapTracker(
            self._speech,
            policy or WordsFirst(held=options.min_interruption, hunches=options.hunches),
            doubt=options.false_interruption_timeout,
            threshold=options.vad_threshold,
            stt_latency=options.first_words,
            guess=hunch.guess if options.hunches else None,
        )
        self._overlap.on("judged", self._on_judged)
        self._gate = TranscriptGate(self._overlap)
        self._deafen = self.microphone.listen(self._on_voice)
        self.session.on("agent_state_changed", self._on_agent)

    @staticmethod
    def of(session: AgentSession[Any]) -> Floor:
        """The turn-taking of a session.

        Raises:
            LookupError: It was made without a floor.
        """
        try:
            return _FLOORS[id(session)]
        except KeyError:
            raise LookupError("this session was made without a Floor") from None

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
        self._gate.on("answered", take)
        return lambda: self._gate.off("answered", take)

    def transcribed(self, event: stt.SpeechEvent) -> list[stt.SpeechEvent]:
        """Take an event of the recogniser, and return those that are the user's turn."""
        self.emit("recognised", event)
        self._words.transcribed(event)
        return self._gate.on_transcript(event)

    def replying(self, stage: Stage) -> None:
        """Learn how far a reply is."""
        self.emit("reply", stage)

    def written(self, text: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass on the text of a reply as it is written, and remember it."""
        return self._text.write(text)

    def playing(self, words: AsyncIterable[str]) -> AsyncIterator[str]:
        """Pass on the words of a reply as it is played, and remember when each is."""
        return self._text.play(words)

    @property
    def sounding(self) -> bool:
        """Whether the agent has something to play now; False where LiveKit's output plays it."""
        return self._loudspeaker is not None and self._loudspeaker.sounding

    def say_aside(self, sound: Samples, text: str = "") -> bool:
        """Play a sound that belongs to no reply; see :meth:`.Loudspeaker.say_aside`.

        Args:
            sound: What is played.
            text: Its words, if it has any: what is heard over them is judged as over a reply.

        Returns:
            Whether it will be heard: not where the session plays through an output of LiveKit's.
        """
        if self._loudspeaker is None or not self._loudspeaker.say_aside(sound):
            return False
        if text:
            self._text.aside(text, sound.size / SAMPLE_RATE)
            self._aside = True
            self._tell_overlap()
        return True

    def end_aside(self) -> None:
        """Play no more of a sound that belongs to no reply; nothing happens if there is none."""
        if self._loudspeaker:
            self._loudspeaker.end_aside()

    async def aclose(self) -> None:
        """Hear no more, once the session is closed, and play no more; may be called twice."""
        self._deafen()
        await self._overlap.aclose()
        if self._captions:
            await self._captions.aclose()
        if self._loudspeaker:
            await self._loudspeaker.aclose()

    def _tell_overlap(self) -> None:
        """Have the judge of overlaps know whether the agent is heard, and in what."""
        if self._aside and not (self._loudspeaker and self._loudspeaker.aside):
            self._aside = False
        self._overlap.on_agent(self._speaking or self._aside, aside=not self._speaking)

    def _on_voice(self, event: vad.VADEvent) -> None:
        self._tell_overlap()  # nobody tells of the end of an aside
        self._overlap.on_voice(event)
        self._gate.on_voice()

    def _on_end(self, end: TurnEnd) -> None:
        self.emit("turn_ended", end)

    def _on_judged(self, judged: Judged) -> None:
        self.emit("judged", judged)

    def _on_agent(self, event: AgentStateChangedEvent) -> None:
        # The session puts its captions in front of the output when it starts: whatever is in front
        # as the agent begins to speak tells how the speech ended.
        self._history.watch(self.session.output.audio)
        if (voice := self.session.tts) and voice.capabilities.aligned_transcript:
            follow_times(self.session.output.audio)
        self._speaking = event.new_state == "speaking"
        self._tell_overlap()
        if event.new_state == "listening":
            self._gate.on_listening()
