"""A call over a media stream with scripted engines: its turns are taken as in any other call."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast, get_args

import aiohttp
import av
import numpy as np
import pytest
import uvicorn
from livekit.agents import llm, tts, vad
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, TimedString
from numpy.typing import NDArray

from agent import settings
from agent.bridge import Engines, create_app, media_call
from agent.bridge.media_choice import Choose
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.models import locate
from agent.phone_settings import PhoneSettings, PhoneTool
from agent.post_call import Outbox
from agent.post_call_settings import PostCallSettings
from agent.settings import (
    BridgeSettings,
    ConductSettings,
    Language,
    Settings,
    SilenceSettings,
    StreamProvider,
)
from agent.stack.ports import free
from agent.telephony.night import NightMessage
from harness.agents import saying
from harness.asgi import served
from harness.media_stream import NUMBER, RATE
from harness.recording import Samples
from harness.resample import resampled
from harness.scripted import RATE as VOICE_RATE
from harness.scripted import Stt
from tests.room.instant import Replies

from .provider import Provider, TelnyxProvider, VonageProvider, calling

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

WORD = 0.2
"""Seconds of each word of the voice."""
STREAM_URL, STREAM_TOKEN = "wss://voice.example.com/media-streams", "12345"


class Voice(tts.TTS[str]):
    """Says each word in the same time, as a tone, and says when."""

    def __init__(self) -> None:
        super().__init__(
            capabilities=tts.TTSCapabilities(streaming=True, aligned_transcript=True),
            sample_rate=VOICE_RATE,
            num_channels=1,
        )
        self.said: list[str] = []

    def synthesize(self, text: str, **_: Any) -> tts.ChunkedStream:
        return self._synthesize_with_stream(text)

    def stream(self, **_: Any) -> tts.SynthesizeStream:
        return Speech(tts=self, conn_options=DEFAULT_API_CONNECT_OPTIONS)


class Speech(tts.SynthesizeStream):
    _tts: Voice

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(
            request_id="r",
            sample_rate=VOICE_RATE,
            num_channels=1,
            mime_type="audio/pcm",
            stream=True,
        )
        output_emitter.start_segment(segment_id="s")
        text = "".join([piece async for piece in self._input_ch if isinstance(piece, str)])
        self._tts.said.append(text)
        self._mark_started()
        at = np.arange(round(WORD * VOICE_RATE)) / VOICE_RATE
        tone = (np.sin(2 * np.pi * 300 * at) * 12_000).astype(np.int16)
        for i, word in enumerate(text.split()):
            timed = TimedString(f"{word} ", start_time=i * WORD, end_time=(i + 1) * WORD)
            output_emitter.push_timed_transcript([timed])
            output_emitter.push(tone.tobytes())
        output_emitter.end_segment()


class Model(Replies):
    """Has read every prompt."""

    def __init__(self, *answers: str | llm.FunctionToolCall) -> None:
        super().__init__(*answers)
        self.closed = False
        self.offered: set[str] = set()
        """Names of the tools that it was given last."""

    def chat(self, *, tools: Any = None, **options: Any) -> llm.LLMStream:
        self.offered = {tool.info.name for tool in tools or []}
        return super().chat(tools=tools, **options)

    async def warm(self, *_: object) -> None: ...


@dataclass
class Bridge:
    """A bridge whose calls have engines that do what the test says."""

    address: str
    stt: Stt
    llm: Model
    tts: Voice
    opened: list[Language | None] = field(default_factory=list)
    """The language of each call."""
    closed: int = 0
    stop: Callable[[], Awaitable[None]] | None = None
    """Has it say goodbye, as a signal does."""

    def call(
        self, language: str | None = "en", kind: type[Provider] = Provider
    ) -> AbstractAsyncContextManager[Provider]:
        return calling(self.address, STREAM_URL, STREAM_TOKEN, language=language, kind=kind)

    @property
    def history(self) -> list[str]:
        """What the model was asked last: the user's after a ``>``."""
        messages = self.llm.asked[-1].messages()
        return [
            ("> " if message.role == "user" else "") + (message.text_content or "")
            for message in messages
            if message.role in ("user", "assistant")
        ]

    async def asked(self, times: int) -> None:
        """Wait until the model was asked so many things."""
        async with asyncio.timeout(20):
            while len({str(c.messages()[-1].text_content) for c in self.llm.asked}) < times:
                await asyncio.sleep(0.02)


Serve = Callable[..., AbstractAsyncContextManager[Bridge]]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    monkeypatch.setenv("PARLEY_BRIDGE__STREAM_URL", STREAM_URL)
    monkeypatch.setenv("PARLEY_BRIDGE__STREAM_TOKEN", STREAM_TOKEN)

    @contextlib.asynccontextmanager
    async def serve(
        *answers: str | llm.FunctionToolCall,
        hears: tuple[str, ...] = (),
        greeting: str | None = "",
        choose: Callable[[Settings, AgentDefinition], Choose | None] = lambda *_: None,
        **changes: Any,
    ) -> AsyncIterator[Bridge]:
        agent = load_agent("parley") if greeting is None else saying(load_agent("parley"), greeting)
        profile = settings.load("gpu").model_copy(update=changes)
        port = free()["web"]
        bridge = Bridge(
            f"ws://127.0.0.1:{port}/media-streams",
            Stt(*hears, streaming=False),
            Model(*answers),
            Voice(),
        )

        @contextlib.asynccontextmanager
        async def open_call(
            _: Settings, language: Language | None, detector: vad.VAD
        ) -> AsyncIterator[Engines]:
            bridge.opened.append(language)
            try:
                yield cast(Engines, bridge)
            finally:
                bridge.closed += 1

        app = create_app(profile, agent, cast(Engines, bridge), open_call, choose(profile, agent))
        bridge.stop = app.state.streams.say_goodbye
        config = uvicorn.Config(
            app,
            port=port,
            log_level="warning",
            ws="wsproto",
        )
        async with served(config):
            yield bridge

    return serve


@pytest.fixture(scope="module")
def voice() -> Samples:
    """A person's voice: the words do not matter to a recogniser that has a script."""
    import soundfile

    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    return resampled(samples[round(0.3 * rate) : round(2.3 * rate)], rate, RATE)


def loud(provider: Provider, since: float = 0.0) -> float:
    """Seconds of sound that the caller heard."""
    return float(np.count_nonzero(peaks(provider, since) > 200)) / 50


def peaks(provider: Provider, since: float = 0.0) -> NDArray[Any]:
    """The peak of every 20 ms that the caller heard."""
    sound = np.abs(provider.sound(since).astype(np.int32))
    found: NDArray[np.int32] = sound[: sound.size // 160 * 160].reshape(-1, 160).max(axis=1)
    return found


async def until_loud(provider: Provider, seconds: float, since: float = 0.0) -> None:
    async with asyncio.timeout(20):
        while loud(provider, since) < seconds:
            await asyncio.sleep(0.01)


LONG = " ".join(f"word{i}" for i in range(20)) + "."


async def test_a_backchannel_over_the_reply_does_not_stop_it(serve: Serve, voice: Samples) -> None:
    async with (
        serve(LONG, "Yes.", hears=("Tell me a story.", "Mm-hm.")) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 1.0)
        caller.say(voice[: RATE * 4 // 10])
        await caller.quiet(1.5)
        assert loud(caller) == pytest.approx(20 * WORD, abs=0.2)
        assert caller.clears == []
        # It was lowered meanwhile.
        assert np.count_nonzero((peaks(caller) > 3000) & (peaks(caller) < 4500)) > 5


async def test_an_interruption_stops_it_and_the_history_holds_what_was_played(
    serve: Serve, voice: Samples
) -> None:
    async with (
        serve(LONG, "Yes.", hears=("Tell me a story.", "Stop, please.")) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 1.0)
        caller.say(voice)
        await bridge.asked(2)
        await caller.quiet(1.0)
        (cleared,) = caller.clears
        heard = loud(caller) - WORD  # and "Yes."
        kept = bridge.history[1].rstrip("—").split()
    assert bridge.history[0] == "> Tell me a story."
    assert bridge.history[2] == "> Stop, please."
    assert LONG.split()[: len(kept)] == kept
    # The word that was cut does not count; what was on its way when it was cut is not known.
    assert heard / WORD - 2 <= len(kept) <= heard / WORD + 0.1
    assert cleared < caller.now


async def test_the_agents_own_backchannel_is_heard_in_the_stream(
    serve: Serve, voice: Samples
) -> None:
    conduct = ConductSettings(backchannel_after=1.0)
    async with (
        serve("And then?", hears=("Yesterday I went to the",), conduct=conduct) as bridge,
        bridge.call() as caller,
    ):
        async with asyncio.timeout(10):
            while "Mm-hm." not in bridge.tts.said:  # it is prepared
                await asyncio.sleep(0.01)
        caller.say(voice)
        async with asyncio.timeout(20):
            while not (aloud := np.flatnonzero(peaks(caller) > 11_000)).size:
                await asyncio.sleep(0.01)
        assert bridge.tts.said[-1] == "And then?"
        before = peaks(caller)[: aloud[0] - 1]
        # At half the volume.
        assert 5 <= np.count_nonzero((before > 5000) & (before < 7000)) <= 12


async def test_a_tool_is_used(serve: Serve, voice: Samples) -> None:
    call = llm.FunctionToolCall(
        name="calculate", arguments='{"expression": "6 * 7"}', call_id="call"
    )
    async with (
        serve(call, hears=("What is six times seven?",)) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await caller.quiet(1.0)
        assert bridge.tts.said == ["42"]


def tool(name: str, arguments: str) -> llm.FunctionToolCall:
    return llm.FunctionToolCall(name=name, arguments=arguments, call_id="call")


async def test_the_model_can_hang_up_where_the_settings_let_it(
    serve: Serve, voice: Samples
) -> None:
    call = tool("hang_up", '{"goodbye": "Bye now."}')
    phone = PhoneSettings(tools=["hang_up"])
    async with (
        serve(call, hears=("That was all, thank you.",), phone=phone) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        async with asyncio.timeout(20):
            await caller.ended
        assert bridge.tts.said == ["Bye now."]
        assert loud(caller) == pytest.approx(2 * WORD, abs=0.1)


async def test_the_model_is_offered_what_a_stream_can_do_and_nothing_else(
    serve: Serve, voice: Samples
) -> None:
    everything = get_args(PhoneTool)
    phone = PhoneSettings(tools=list(everything))
    async with serve("Yes.", hears=("Hello?",), phone=phone) as bridge, bridge.call() as caller:
        caller.say(voice)
        await bridge.asked(1)
    assert bridge.llm.offered & {*everything} == {"hang_up", "ask_for_digits", "hold"}


async def test_digits_are_asked_for_and_keyed_in(serve: Serve, voice: Samples) -> None:
    call = tool("ask_for_digits", '{"question": "Which order is it?", "least": 2, "most": 4}')
    phone = PhoneSettings(tools=["ask_for_digits"])
    async with (
        serve(call, hears=("Where is it?",), phone=phone) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 0.3)
        for key in "42#":
            await caller.press(key)
        async with asyncio.timeout(20):
            while "42" not in bridge.tts.said:  # the result, which this model says as it is
                await asyncio.sleep(0.02)
        assert bridge.tts.said == ["Which order is it?", "42"]
        # They were no words of the caller's own.
        assert [line for line in bridge.history if line.startswith(">")] == ["> Where is it?"]


async def test_a_key_is_a_yes_to_a_tool_of_the_agent_that_was_chosen(
    serve: Serve, voice: Samples, tmp_path: Path
) -> None:
    (tmp_path / "agent.yaml").write_text('{"name": "Tea", "instructions": "Sell.", "greeting": ""}')
    (tmp_path / "tools.py").write_text(
        "from agent.authoring import confirm\n@confirm('Shall I order tea?')\n"
        "def order() -> str:\n    'Order tea.'\n    return 'Ordered.'\n"
    )
    tea = load_agent(str(tmp_path))
    async with (
        serve(
            tool("order", "{}"), hears=("Some tea.",), choose=lambda own, _: lambda _: (tea, own)
        ) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 0.3)
        await caller.press("1")
        async with asyncio.timeout(20):
            while "Ordered." not in bridge.tts.said:
                await asyncio.sleep(0.02)
        assert bridge.tts.said[0] == "Shall I order tea? Say yes, or press 1."


async def test_music_is_played_until_the_caller_speaks(serve: Serve, voice: Samples) -> None:
    call = tool("hold", '{"seconds": 60}')
    phone = PhoneSettings(tools=["hold"])
    async with (
        serve(call, "Good.", hears=("One moment, please.", "I have it."), phone=phone) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 2.0)
        assert bridge.tts.said == []
        caller.say(voice)
        async with asyncio.timeout(20):
            while "Good." not in bridge.tts.said:
                await asyncio.sleep(0.02)
        await caller.quiet(1.0)
        assert bridge.history[-1] == "> I have it."


async def test_who_hangs_up_while_they_are_held_is_not_waited_for(
    serve: Serve, voice: Samples
) -> None:
    call = tool("hold", '{"seconds": 60}')
    phone = PhoneSettings(tools=["hold"])
    async with serve(call, hears=("One moment.",), phone=phone) as bridge:
        async with bridge.call() as caller:
            caller.say(voice)
            await until_loud(caller, 0.5)
        async with asyncio.timeout(30):
            while not bridge.closed:
                await asyncio.sleep(0.01)


async def test_keys_are_an_answer(serve: Serve) -> None:
    async with serve("Thank you.", greeting=LONG) as bridge, bridge.call() as caller:
        await until_loud(caller, 0.5)
        for key in "42#":
            await caller.press(key)
        await bridge.asked(1)
        assert bridge.history[-1] == "> (I keyed in 4 2 on my phone.)"
        async with asyncio.timeout(30):
            while not caller.clears:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("changes", "named", "language", "greeting"),
    [
        ({"language": "zh"}, None, "zh", "你好"),
        ({"language": "zh"}, "en", "en", "Hello"),
        ({"language": "zh", "phone": PhoneSettings(language="en")}, None, "en", "Hello"),
        ({}, None, None, "Hello"),
    ],
)
async def test_the_language_is_that_of_the_stream_or_of_the_settings(
    serve: Serve, changes: dict[str, Any], named: str | None, language: str | None, greeting: str
) -> None:
    async with serve(greeting=None, **changes) as bridge, bridge.call(named) as caller:
        await until_loud(caller, 0.1)
        assert bridge.opened == [language]
        assert bridge.tts.said[0].startswith(greeting)


async def test_more_calls_than_the_settings_take_are_refused(serve: Serve) -> None:
    async with serve(greeting="Hello.", max_rooms=1) as bridge:
        async with bridge.call() as caller:
            await until_loud(caller, 0.1)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with bridge.call():
                    pass
            assert refused.value.status == 503
        async with asyncio.timeout(30):
            while not bridge.closed:
                await asyncio.sleep(0.01)
        async with bridge.call() as caller:
            await until_loud(caller, 0.1)
    assert bridge.closed == 2


async def test_a_caller_who_says_nothing_is_asked_and_left(serve: Serve) -> None:
    silence = SilenceSettings(ask_after=0.5, leave_after=0.5)
    conduct = ConductSettings(phone_silence=silence)
    async with serve(conduct=conduct) as bridge, bridge.call() as caller:
        async with asyncio.timeout(15):
            await caller.ended
        assert bridge.tts.said[0] == "Are you still there?"
        assert len(bridge.tts.said) == 2
        # All of the goodbye was heard.
        assert loud(caller) == pytest.approx(
            sum(WORD * len(t.split()) for t in bridge.tts.said), abs=0.1
        )


async def test_a_call_ends_at_its_limit(serve: Serve) -> None:
    phone = PhoneSettings(max_minutes=2 / 60, warning=2.0)
    async with serve(phone=phone) as bridge, bridge.call() as caller:
        async with asyncio.timeout(10):
            await caller.ended
        assert bridge.tts.said == ["Just so you know, this call has to end shortly."]


async def test_the_sound_of_another_track_is_not_the_callers(serve: Serve, voice: Samples) -> None:
    async with (
        serve("No.", hears=("Can you hear me?",)) as bridge,
        bridge.call() as caller,
    ):
        caller.track = "outbound"
        caller.say(voice)
        await asyncio.sleep(4.0)
        assert bridge.stt.lasted == []
        assert bridge.llm.asked == []


async def test_a_call_leaves_its_record_and_its_recording(
    serve: Serve, voice: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = PostCallSettings(folder=tmp_path / "calls", summary=False, numbers=True, recording=True)
    async with serve("Yes.", hears=("Do you hear me?",), post_call=kept) as bridge:
        async with bridge.call() as caller:
            await until_loud(caller, 0.5)
            caller.say(voice)
            await bridge.asked(1)
            await caller.quiet(1.0)
            await caller.hang_up()
        async with asyncio.timeout(30):
            while not bridge.closed:
                await asyncio.sleep(0.01)
    outbox = Outbox()
    (parcel,) = await outbox.waiting()
    await outbox.aclose()
    record = parcel.record
    announced = "This call is recorded."
    assert (record["agent"], record["channel"], record["room"]) == ("parley", "media_stream", "MZ0")
    assert record["caller"] == {"number": NUMBER, "visitor": None}
    assert record["language"] == "en"
    assert record["end"] == "CR_PARTICIPANT_DISCONNECTED"
    assert [line["text"] for line in record["transcript"]] == [announced, "Do you hear me?", "Yes."]
    sound = tmp_path / "state" / "recordings" / f"{parcel.id}.ogg"
    with av.open(sound) as file:
        stereo = np.concatenate([each.to_ndarray() for each in file.decode(audio=0)], axis=1)
    heard, said = (np.abs(channel).max() for channel in stereo)
    assert heard > 0.01
    assert said > 0.1
    left = await asyncio.to_thread(os.listdir, tmp_path)
    assert not [name for name in left if name.startswith("parley-call-")]


@pytest.mark.parametrize(
    ("provider", "kind"), [("telnyx", TelnyxProvider), ("vonage", VonageProvider)]
)
async def test_a_call_by_way_of_another_provider_is_the_same(
    serve: Serve, voice: Samples, provider: StreamProvider, kind: type[Provider]
) -> None:
    heard = ("Tell me a story.", "Stop, please.")
    said = {"stream_url": STREAM_URL, "stream_token": STREAM_TOKEN, "stream_provider": provider}
    bridge_settings = BridgeSettings.model_validate(said)
    async with (
        serve(LONG, "Yes.", "Thank you.", hears=heard, bridge=bridge_settings) as bridge,
        bridge.call(kind=kind) as caller,
    ):
        caller.say(voice)
        await until_loud(caller, 1.0)
        caller.say(voice)
        await bridge.asked(2)
        await caller.quiet(1.0)
        assert len(caller.clears) == 1
        assert bridge.history[-1] == "> Stop, please."
        # At half or twice its rate it would have lasted 1 s, or 4 and more.
        assert 1.7 < bridge.stt.lasted[0] < 4.0
        assert caller.marks > 50
        for key in "42#":
            await caller.press(key)
        await bridge.asked(3)
        assert bridge.history[-1] == "> (I keyed in 4 2 on my phone.)"
        await caller.quiet(0.5)
        await caller.hang_up()
        async with asyncio.timeout(30):
            while not bridge.closed:
                await asyncio.sleep(0.01)


CLOSING = "Sorry, we have to stop here. Please try again later. Goodbye!"


async def test_a_bridge_that_stops_ends_its_calls_after_a_word(
    serve: Serve, voice: Samples
) -> None:
    async with (
        serve(LONG, greeting="Hello.", hears=("Tell me a story.",)) as bridge,
        bridge.call() as silent,
        bridge.call() as asking,
    ):
        await until_loud(silent, WORD)
        asking.say(voice)
        await bridge.asked(1)
        since = silent.marks
        assert bridge.stop
        stopping = asyncio.create_task(cast(Any, bridge.stop)())
        async with asyncio.timeout(20):
            await asyncio.gather(silent.ended, asking.ended, stopping)
        assert bridge.tts.said.count(CLOSING) == 2
        assert bridge.tts.said[-1] == CLOSING
        # All of it was sent, a mark behind each 20 ms, and none of it taken back.
        assert silent.marks - since >= round(WORD * len(CLOSING.split()) * 50)
        assert silent.clears == []
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with bridge.call():
                pass
        assert refused.value.status == 503


async def test_at_night_a_message_is_said_and_no_model_is_asked(
    serve: Serve, voice: Samples
) -> None:
    never = {"zone": "Europe/London", "open": {}}
    night = {"outside": "office", "says": {"en": "We are closed now. Goodbye!"}, "callback": True}
    phone = PhoneSettings.model_validate({"hours": {"office": never}, "night": night})
    async with (
        serve("Never said.", hears=("Hello?",), phone=phone) as bridge,
        bridge.call() as caller,
    ):
        caller.say(voice)
        async with asyncio.timeout(20):
            await caller.ended
        assert bridge.tts.said == ["We are closed now. Goodbye!"]
        # All of it was sent, a mark behind each 20 ms, and none of it taken back.
        assert caller.marks >= round(5 * WORD * 50)
        assert caller.clears == []
        assert bridge.llm.asked == []


@pytest.mark.parametrize(("key", "noted", "last"), [("1", 1, "It is noted"), ("2", 0, "Shall we")])
async def test_at_night_who_presses_1_is_called_back(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, key: str, noted: int, last: str
) -> None:
    notes: list[None] = []

    async def note() -> None:
        notes.append(None)

    # A stream has nobody to tell: a room's callback is put in its place.
    monkeypatch.setattr(
        media_call, "NightMessage", lambda night, call: NightMessage(night, call, None, note)
    )
    never = {"zone": "Europe/London", "open": {}}
    night = {"outside": "office", "says": {"en": "We are closed."}, "callback": True}
    phone = PhoneSettings.model_validate({"hours": {"office": never}, "night": night})
    async with serve("Never said.", phone=phone) as bridge, bridge.call() as caller:
        async with asyncio.timeout(20):
            while not any("call you back" in text for text in bridge.tts.said):
                await asyncio.sleep(0.02)
        await caller.press(key)
        async with asyncio.timeout(20):
            await caller.ended
        assert len(notes) == noted
        assert bridge.tts.said[-1].startswith(last)
        assert bridge.llm.asked == []
