"""Qwen3-TTS, streamed by vllm-omni or nari-qwen3-tts, as a LiveKit TTS."""

from __future__ import annotations

import asyncio
import os
import time
import weakref
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal

import aiohttp
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    AgentSession,
    APIConnectOptions,
    APIError,
    NotGivenOr,
    tts,
    utils,
)

from . import normalizer
from .client import (
    NUM_CHANNELS,
    SAMPLE_RATE,
    Deadlines,
    OnWords,
    SpeechClient,
)
from .measure import syllables
from .models import TaskType, TTSLanguages, TTSModels, TTSVoices, language_tag
from .options import TTSOptions, reference
from .patience import Patience
from .playback import ListenerTime, Pace
from .replicas import Replica, Replicas
from .reply import Reply
from .served import Answered, Failed, Told, kind_of
from .speaking import Choice, Speaker, speak_unit
from .spoken import to_be_spoken
from .streams import ChunkedStream, SynthesizeStream, UnitSent
from .style import MARKUP_INSTRUCTIONS, Style
from .unit import Sink

DEFAULT_BASE_URL = "http://127.0.0.1:8000/v1"


class TTS(tts.TTS[Literal["unit_sent", "server_answered", "server_failed"]]):
    """Qwen3-TTS behind the `/v1/audio/speech` of vllm-omni or nari-qwen3-tts.

    Emits `unit_sent` with a `UnitSent`, `server_answered` with an `Answered` as a server begins to
    speak a unit, and `server_failed` with a `Failed` where one fails though another may speak it,
    besides LiveKit's own events.
    """

    class Markup(tts.TTS.Markup):
        """Teaches the language model the style tag."""

        def llm_instructions(self, **_: Any) -> str | None:
            """Return what the language model is to know of the markup."""
            return MARKUP_INSTRUCTIONS

    def __init__(
        self,
        *,
        base_url: str | Sequence[str] = DEFAULT_BASE_URL,
        model: TTSModels | str | None = None,
        voice: TTSVoices | str | None = None,
        language: TTSLanguages | str | None = None,
        instructions: str | None = None,
        task_type: TaskType | None = None,
        ref_audio: str | Path | bytes | None = None,
        ref_text: str | None = None,
        x_vector_only_mode: bool | None = None,
        speaker_embedding: Sequence[float] | None = None,
        normalize: bool = True,
        word_timestamps: bool = False,
        extra_body: dict[str, Any] | None = None,
        api_key: str | None = None,
        max_ahead: float = 12.0,
        connect_timeout: float = 2.0,
        first_byte_timeout: float = 8.0,
        between_bytes_timeout: float = 3.0,
        http_session: aiohttp.ClientSession | None = None,
        fallback: TTS | None = None,
    ) -> None:
        """Create a Qwen3-TTS.

        Args:
            base_url: The server's URL, ending in `/v1`, or several of them, of either engine;
                units are balanced over these by the audio they still owe.
            model: The model to ask for; the server's first if None.
            voice: The speaker, or the name of an uploaded voice; the server's first if None.
            language: A BCP-47 tag ("zh", "en-US") or a name of Qwen3-TTS ("Chinese"); the model
                detects it from the text if None.
            instructions: The manner to speak in, in plain words, 500 characters at most; the 1.7B
                models follow it.
            task_type: The kind of checkpoint; if None the server knows, or "Base" when a voice is
                cloned.
            ref_audio: A voice to clone on a Base checkpoint: a file, its bytes, or a URL, of 1
                to 30 seconds.
            ref_text: What is said in `ref_audio`.
            x_vector_only_mode: Clone the timbre only, without the manner of `ref_audio`.
            speaker_embedding: A speaker embedding computed beforehand, in place of `ref_audio`.
            normalize: Write numbers, dates, units and the like out as words before synthesis.
            word_timestamps: Take the times of words from the server's forced aligner wherever a
                unit is made early enough to be received whole; needs vllm-omni 0.30 or later,
                started with `--forced-aligner`; nari-qwen3-tts has none.
            extra_body: More fields of the engine's request, such as `seed`; they win.
            api_key: Sent as a bearer token; the environment's QWEN3_TTS_API_KEY if None.
            max_ahead: Seconds of audio that may be made ahead of playback, at least 5. More gives
                longer units; less wastes less when the user interrupts.
            connect_timeout: Seconds that connecting to a server may take. No time-out is longer
                than `conn_options.timeout`.
            first_byte_timeout: Seconds that may pass from a request to its first audio.
            between_bytes_timeout: Seconds that may pass between two pieces of audio.
            http_session: The HTTP session to use; the LiveKit job's own if None.
            fallback: Speaks a unit, or the rest of one, at which these servers fail, or keep silent
                for 3 s, with its own model and voice; the language and the manner are this one's.
                It is left when they are well, and closed with this one.

        Raises:
            ValueError: A setting cannot work; the message says in one sentence how to mend it.
        """
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=SAMPLE_RATE,
            num_channels=NUM_CHANNELS,
        )
        urls = [base_url] if isinstance(base_url, str) else list(base_url)
        if not urls or not all(url.startswith(("http://", "https://")) for url in urls):
            raise ValueError(f"base_url is {base_url!r}: give one or more http(s) URLs")
        if max_ahead < 5.0:
            raise ValueError(f"max_ahead is {max_ahead}: a sentence needs at least 5 seconds")
        cloned = ref_audio is not None or speaker_embedding is not None
        self._opts = TTSOptions(
            model=model,
            voice=voice,
            language=language,
            instructions=instructions,
            task_type=task_type or ("Base" if cloned else None),
            ref_audio=reference(ref_audio),
            ref_text=ref_text,
            x_vector_only_mode=x_vector_only_mode,
            speaker_embedding=tuple(speaker_embedding) if speaker_embedding is not None else None,
            normalize=normalize,
            extra_body=tuple((extra_body or {}).items()),
        )
        self._max_ahead = max_ahead
        self._aligner = word_timestamps
        self._deadlines = Deadlines(connect_timeout, first_byte_timeout, between_bytes_timeout)
        self._http_session = http_session
        key = api_key if api_key is not None else os.environ.get("QWEN3_TTS_API_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._replicas = Replicas(
            [
                Replica(url, SpeechClient(self._session, url, headers))
                for url in (url.rstrip("/") for url in urls)
            ]
        )
        self._pace = Pace()
        self._speaker = Speaker(self._replicas, self._pace, connect_timeout)
        self.fallback = fallback
        """The second choice, if there is one."""
        self._answered = self
        self._loading: asyncio.Task[None] | None = None
        self._listener = ListenerTime(time.monotonic)
        self._streams: weakref.WeakSet[SynthesizeStream | ChunkedStream] = weakref.WeakSet()

    @property
    def model(self) -> str:
        """The model that spoke last: the one asked for, or the one its server was found to have."""
        return self._answered._own_model

    @property
    def _own_model(self) -> str:
        info = self._speaker.discovery.info
        return self._opts.model or next(iter(info.models if info else ()), "qwen3-tts")

    @property
    def provider(self) -> str:
        """The provider's name in metrics and traces."""
        return "qwen3-tts"

    @property
    def answered_by(self) -> str:
        """Address of the server that spoke last, be it the fallback's."""
        return self._answered._speaker.answered_by

    def update_options(
        self,
        *,
        model: NotGivenOr[TTSModels | str | None] = NOT_GIVEN,
        voice: NotGivenOr[TTSVoices | str | None] = NOT_GIVEN,
        language: NotGivenOr[TTSLanguages | str | None] = NOT_GIVEN,
        instructions: NotGivenOr[str | None] = NOT_GIVEN,
        normalize: NotGivenOr[bool] = NOT_GIVEN,
    ) -> None:
        """Change how the voice speaks, from the next unit of any reply on.

        Args:
            model: The model to ask for; None leaves the choice to the server.
            voice: The speaker; None leaves the choice to the server.
            language: The language to speak; None lets the model detect it.
            instructions: The manner to speak in; None for the model's own.
            normalize: Whether numbers and the like are written out as words.

        Raises:
            ValueError: Qwen3-TTS does not speak the language, or the instructions are too long.
        """
        self._opts = self._opts.updated(
            model=model,
            voice=voice,
            language=language,
            instructions=instructions,
            normalize=normalize,
        )
        if self.fallback:
            # The model and the voice are its own.
            self.fallback.update_options(
                language=language, instructions=instructions, normalize=normalize
            )

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> ChunkedStream:
        """Speak a text that is known in full."""
        stream = ChunkedStream(tts=self, input_text=text, conn_options=conn_options)
        self._streams.add(stream)
        return stream

    def stream(
        self,
        *,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
        voice: NotGivenOr[TTSVoices | str | None] = NOT_GIVEN,
        language: NotGivenOr[TTSLanguages | str | None] = NOT_GIVEN,
        instructions: NotGivenOr[str | None] = NOT_GIVEN,
    ) -> SynthesizeStream:
        """Speak a reply as its text comes.

        Args:
            conn_options: LiveKit's limits for the reply.
            voice: The voice of this reply, in place of the session's.
            language: The language of this reply.
            instructions: The manner of this reply.
        """
        stream = SynthesizeStream(
            tts=self,
            conn_options=conn_options,
            overrides={"voice": voice, "language": language, "instructions": instructions},
        )
        self._streams.add(stream)
        return stream

    async def upload_voice(
        self, name: str, audio: Path | bytes, *, consent: str, ref_text: str | None = None
    ) -> None:
        """Give every server a voice to clone, for `voice=name`, on a Base checkpoint.

        The server computes the speaker embedding once and keeps it, whereas `ref_audio` is sent
        with every unit.

        Args:
            name: What to call the voice.
            audio: A recording of 1 to 30 seconds, 10 MB at most.
            consent: The id of the speaker's consent, which vllm-omni asks for.
            ref_text: What is said in the recording; makes the clone closer.

        Raises:
            APIError: A server could not be reached or refused.
        """
        recording = audio if isinstance(audio, bytes) else await asyncio.to_thread(audio.read_bytes)

        def form() -> aiohttp.FormData:
            data = aiohttp.FormData({"name": name, "consent": consent})
            if ref_text:
                data.add_field("ref_text", ref_text)
            data.add_field(
                "audio_sample", recording, filename=f"{name}.wav", content_type="audio/wav"
            )
            return data

        for replica in self._replicas:
            await replica.client.post_form("/audio/voices", form)

    def follow(self, session: AgentSession[Any]) -> None:
        """Pace replies by what a session's listener hears.

        Otherwise audio counts as played from the moment it is made. A reply that LiveKit holds
        until the turn is decided, or pauses for what may be an interruption, then runs further
        ahead than `max_ahead`, by as long as it stands still.

        Args:
            session: The session that this TTS speaks in, before it is started.
        """
        self._listener.follow(session)

    def prewarm(self) -> None:
        """Connect to the servers, ask what they have and load the normaliser, in the background."""
        self._speaker.discovery.start()
        if self.fallback:
            self.fallback.prewarm()
        if self._opts.normalize and self._loading is None:
            self._loading = asyncio.create_task(
                asyncio.to_thread(normalizer.prewarm), name="qwen3_tts prewarm"
            )

    async def aclose(self) -> None:
        """Close every reply and its connection; may be called twice."""
        for stream in list(self._streams):
            await stream.aclose()
        self._streams.clear()
        await self._speaker.discovery.aclose()
        if self.fallback:
            await self.fallback.aclose()
        if self._loading:
            await utils.aio.cancel_and_wait(self._loading)

    @property
    def _heard(self) -> ListenerTime | None:
        """The listener's time, if a session tells it."""
        return self._listener if self._listener.told else None

    def _session(self) -> aiohttp.ClientSession:
        return self._http_session or utils.http_context.http_session()

    def _choice(self, overrides: dict[str, NotGivenOr[Any]], first: TTS) -> Choice:
        """This voice as one that may speak a unit of a reply of another, or of its own."""
        number = 0 if self is first else 1

        def where(replica: Replica) -> dict[str, Any]:
            return {
                "url": replica.base_url,
                "model": self._own_model,
                "choice": number,
                "server": self._replicas.place(replica),
            }

        def answered(replica: Replica, another_failed: bool) -> None:
            first._answered = self
            instead: Literal["server", "model"] | None = "server" if another_failed else None
            told = Answered(**where(replica), instead_of="model" if number else instead)
            first.emit("server_answered", told)

        def failed(replica: Replica, error: APIError) -> None:
            told = Failed(**where(replica), kind=kind_of(error), error=error)
            first.emit("server_failed", told)

        # The name of a voice is that of the first choice.
        given = {k: v for k, v in overrides.items() if self is first or k != "voice"}
        return Choice(self._speaker, self._opts.updated(**given), Told(answered, failed))

    def _reply(
        self,
        stream: SynthesizeStream | ChunkedStream,
        sink: Sink,
        conn_options: APIConnectOptions,
        overrides: dict[str, NotGivenOr[Any]],
        heard: ListenerTime | None = None,
        on_ask: Callable[[], None] = lambda: None,
    ) -> Reply:
        deadlines = self._deadlines.within(conn_options.timeout)
        language = language_tag(self._opts.updated(**overrides).language)
        normalize = normalizer.Normalizer(language).unit
        indices = count()
        # Figures take longer than the characters they are written with.
        spoken_syllables: dict[str, int] = {}

        def sent(text: str) -> None:
            self.emit("unit_sent", UnitSent(stream, text, next(indices)))

        def speak(
            text: str, before: str, style: Style, on_words: OnWords | None
        ) -> AsyncGenerator[bytes, None]:
            reading = partial(normalize, before=before) if self._opts.normalize else None
            spoken = to_be_spoken(text, reading)
            spoken_syllables[text] = syllables(spoken)
            choices = [one._choice(overrides, self) for one in (self, self.fallback) if one]
            return speak_unit(choices, spoken, style, deadlines, on_words, sent)

        return Reply(
            speak=speak,
            sink=sink,
            pace=self._pace,
            max_ahead=self._max_ahead,
            aligner=self._aligner,
            on_ask=on_ask,
            on_lost=lambda error: stream._emit_error(error, recoverable=True),
            patience=Patience(
                [conn_options._interval_for_retry(i) for i in range(conn_options.max_retry)]
            ),
            measure=lambda text: spoken_syllables.get(text) or syllables(text),
            heard=heard,
        )
