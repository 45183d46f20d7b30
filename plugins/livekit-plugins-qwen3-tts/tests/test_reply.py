"""The pipeline of a reply in virtual time: what is asked when, and what is heard."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from livekit.agents import APIConnectionError
from livekit.agents.types import TimedString
from livekit.plugins.qwen3_tts.client import AlignedWord, OnWords
from livekit.plugins.qwen3_tts.measure import pieces
from livekit.plugins.qwen3_tts.patience import Patience
from livekit.plugins.qwen3_tts.playback import Pace
from livekit.plugins.qwen3_tts.reply import Reply
from livekit.plugins.qwen3_tts.style import Style
from livekit.plugins.qwen3_tts.timing import SpokenWord

from .conftest import RATE, quiet, tone


@dataclass
class Listener:
    """Takes what LiveKit's emitter would, with the moment it came."""

    pushes: list[tuple[float, bytes]] = field(default_factory=list)
    words: list[SpokenWord] = field(default_factory=list)

    def push(self, data: bytes) -> None:
        self.pushes.append((asyncio.get_running_loop().time(), data))

    def push_timed_transcript(self, delta_text: list[TimedString]) -> None:
        for word in delta_text:
            assert isinstance(word, SpokenWord)
            self.words.append(word)

    @property
    def pcm(self) -> np.ndarray[Any, Any]:
        return np.frombuffer(b"".join(data for _, data in self.pushes), dtype="<i2")

    @property
    def text(self) -> str:
        return "".join(self.words)

    @property
    def most_ahead(self) -> float:
        """The most seconds of audio that lay ahead of playback."""
        end = most = 0.0
        for at, data in self.pushes:
            end = max(end, at) + len(data) / RATE / 2
            most = max(most, end - at)
        return most

    @property
    def holes(self) -> list[float]:
        """How long playback ran dry, each time it did."""
        found, end = [], self.pushes[0][0]
        for at, data in self.pushes:
            if at > end + 1e-6:
                found.append(at - end)
            end = max(end, at) + len(data) / RATE / 2
        return found


@dataclass
class Server:
    """A voice of a set speed: `first` seconds to the first audio, `rtf` from there on."""

    first: float = 0.1
    rtf: float = 0.2
    seconds: float = 0.22
    step: float = 0.32
    edges: float = 0.0
    asked: list[tuple[float, str, Style]] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    """What was written before each unit that was asked for."""
    running: int = 0
    most_running: int = 0
    breaks: dict[int, float] = field(default_factory=dict)
    """Unit number -> seconds of audio after which it breaks off; 0 refuses it."""

    async def speak(
        self, text: str, before: str, style: Style, on_words: OnWords | None = None
    ) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        number = len(self.asked)
        self.asked.append((loop.time(), text, style))
        self.before.append(before)
        self.running += 1
        self.most_running = max(self.running, self.most_running)
        try:
            if self.breaks.get(number) == 0:
                raise APIConnectionError("refused")
            await asyncio.sleep(self.first)
            length = self.seconds * sum(c.isalnum() for c in text)
            sound = quiet(self.edges) + tone(length) + quiet(self.edges)
            size = round(self.step * RATE) * 2
            done = 0.0
            for start in range(0, len(sound), size):
                part = sound[start : start + size]
                await asyncio.sleep(len(part) / RATE / 2 * self.rtf if start else 0)
                yield part
                done += len(part) / RATE / 2
                if done >= self.breaks.get(number, 1e9):
                    raise APIConnectionError("broke off")
        finally:
            self.running -= 1

    @property
    def texts(self) -> list[str]:
        return [text for _, text, _ in self.asked]


def make(server: Server, **options: Any) -> tuple[Reply, Listener, Pace]:
    listener, pace = Listener(), options.pop("pace", Pace())
    options = {"max_ahead": 12.0, **options}
    return Reply(speak=server.speak, sink=listener, pace=pace, **options), listener, pace


LONG = (
    "你好，我是你的小助手。今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。"
    "你觉得怎么样？如果你愿意，我们也可以去看一场电影，或者找一家安静的书店坐一坐。"
    "晚上的时候，我们还可以在河边走一走，看看城市的灯光，聊一聊最近发生的有趣的事情。"
)


async def hold(server: Server, text: str, **options: Any) -> tuple[Listener, Pace]:
    reply, listener, pace = make(server, **options)
    reply.push(text)
    reply.end()
    await reply.run()
    return listener, pace


def test_the_words_join_to_the_text_in_order(in_virtual_time: Any) -> None:
    listener, _ = in_virtual_time(hold(Server(), LONG))
    assert listener.text == LONG
    for one, two in pairwise(listener.words):
        assert one.start_time <= one.end_time <= two.start_time <= two.end_time
    assert listener.words[-1].end_time == pytest.approx(listener.pcm.size / RATE, abs=1e-6)


def test_first_audio_comes_as_soon_as_the_server_has_it(in_virtual_time: Any) -> None:
    server = Server(first=0.1)
    listener, _ = in_virtual_time(hold(server, LONG))
    assert listener.pushes[0][0] == pytest.approx(0.1)
    assert server.texts[0] == "你好，"


def test_two_units_at_the_server_and_no_more(in_virtual_time: Any) -> None:
    server = Server()
    listener, _ = in_virtual_time(hold(server, LONG * 3))
    assert server.most_running == 2
    assert not listener.holes


@pytest.mark.parametrize("max_ahead", [6.0, 12.0, 20.0])
def test_audio_ahead_of_playback_is_bounded(in_virtual_time: Any, max_ahead: float) -> None:
    # A server fifty times as fast as real time, and a text of two minutes.
    server = Server(first=0.02, rtf=0.02)
    listener, _ = in_virtual_time(hold(server, LONG * 5, max_ahead=max_ahead))
    # Lengths are estimated before they are known: pauses come on top.
    assert max_ahead / 2 < listener.most_ahead < max_ahead + 1.5
    assert not listener.holes
    assert listener.text == LONG * 5


def test_units_grow_with_the_audio_queued(in_virtual_time: Any) -> None:
    server = Server(first=0.02, rtf=0.05)
    in_virtual_time(hold(server, LONG * 3))
    starter, *_, long1, long2 = (len(text) for text in server.texts[:6])
    assert starter <= 6
    assert min(long1, long2) >= 20


def test_joins_are_faded_and_the_inside_is_untouched(in_virtual_time: Any) -> None:
    server = Server()  # its takes begin and end at full swing
    listener, _ = in_virtual_time(hold(server, "今天天气很好。我们去公园散步。"))
    pcm = listener.pcm.astype(int)
    # The tone itself moves by 565 a sample at most; a click would be a jump of up to 9,830.
    assert np.abs(np.diff(pcm)).max() < 700
    assert abs(pcm[0]) < 200
    assert abs(pcm[-1]) < 200


def test_silence_at_the_edges_becomes_the_pause_of_the_mark(in_virtual_time: Any) -> None:
    text = "今天天气很好。我们去公园散步。"
    for edges in (0.0, 0.1, 1.0):
        server = Server(edges=edges)
        listener, _ = in_virtual_time(hold(server, text))
        starts = [w.start_time for w in listener.words if w in ("我",)]
        ends = [w.end_time for w in listener.words if w == "好。"]
        loud = np.flatnonzero(np.abs(listener.pcm.astype(int)) > 200)
        gaps = np.diff(loud)[np.diff(loud) > 0.05 * RATE] / RATE
        assert gaps == pytest.approx([0.3], abs=0.04), edges
        assert 0 <= starts[0] - ends[0] <= 0.31


def test_a_fast_server_is_never_held(in_virtual_time: Any) -> None:
    server = Server(first=0.05, rtf=0.1)

    async def two() -> Listener:
        _, pace = await hold(server, LONG)
        await asyncio.sleep(60)
        begun = asyncio.get_running_loop().time()
        listener, _ = await hold(server, LONG, pace=pace)
        assert listener.pushes[0][0] - begun == pytest.approx(0.05)
        return listener

    assert not in_virtual_time(two()).holes


@pytest.mark.parametrize("rtf", [0.15, 0.3, 0.8, 1.1])
def test_the_start_buffer_is_learnt(in_virtual_time: Any, rtf: float) -> None:
    # As vllm-omni ships: 80 ms of audio first, then nothing until 2 s more have been made.
    @dataclass
    class Stock(Server):
        async def speak(
            self, text: str, before: str, style: Style, on_words: OnWords | None = None
        ) -> AsyncGenerator[bytes, None]:
            self.asked.append((0, text, style))
            sound = tone(0.22 * sum(c.isalnum() for c in text))
            sizes = [0.08] + [2.0] * 20
            for seconds in sizes:
                part, sound = sound[: round(seconds * RATE) * 2], sound[round(seconds * RATE) * 2 :]
                if part:
                    await asyncio.sleep(len(part) / RATE / 2 * rtf)
                    yield part

    text = "今天的天气真的非常好我们可以一起去公园里面散步"

    async def replies() -> list[Listener]:
        pace = Pace()
        return [(await hold(Stock(), text, pace=pace))[0] for _ in range(6)]

    first, *_, last = in_virtual_time(replies())

    assert first.holes
    # What is left is less than the pause of a comma.
    assert max(last.holes, default=0.0) < 0.1


def test_a_unit_that_breaks_off_goes_on_from_its_last_word(in_virtual_time: Any) -> None:
    text = "你好。今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。"
    server = Server(breaks={2: 2.0})
    listener, _ = in_virtual_time(hold(server, text))
    assert listener.text == text
    starter, second, broken, rest = server.texts
    assert (starter, second) == ("你好。", "今天天气很好，")
    assert broken.endswith(rest)
    # What was written before each tells how it is read, the rest's included.
    assert server.before == ["", starter, starter + second, text.removesuffix(rest)]
    # Two seconds at 0.22 a character: nine characters were heard whole.
    assert len(broken) - len(rest) == pytest.approx(9, abs=1)


def test_a_unit_that_breaks_off_again_and_again_is_said_word_by_word(in_virtual_time: Any) -> None:
    text = "你好。今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。"
    server = Server(breaks=dict.fromkeys(range(1, 9), 0.5))
    listener, _ = in_virtual_time(hold(server, text))
    assert listener.text == text
    assert server.running == 0


def test_units_of_which_no_word_is_heard_fail_the_reply(in_virtual_time: Any) -> None:
    text = "你好。今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。"
    server = Server(step=0.08, breaks=dict.fromkeys(range(1, 9), 0.05))
    with pytest.raises(APIConnectionError):
        in_virtual_time(hold(server, text))
    assert server.running == 0
    assert len(server.asked) <= 5


def test_the_rest_of_a_reply_waits_for_a_server_that_is_restarted(in_virtual_time: Any) -> None:
    text = "你好。今天天气很好，我们可以一起去公园散步，然后再去喝一杯咖啡。"

    async def main() -> tuple[Listener, float]:
        # The third request breaks off after a second; the next two are refused.
        server = Server(breaks={2: 1.0, 3: 0.0, 4: 0.0, 5: 0.0})
        clock = asyncio.get_running_loop().time
        begun = clock()
        listener, _ = await hold(server, text, patience=Patience([0.1, 2.0, 2.0]))
        return listener, clock() - begun

    listener, took = in_virtual_time(main())
    assert listener.text == text
    assert took >= 2.1


def test_a_whole_sentence_does_not_wait_for_the_next(in_virtual_time: Any) -> None:
    server = Server()

    async def main() -> None:
        reply, listener, _ = make(server)
        running = asyncio.ensure_future(reply.run())
        reply.push("Tokyo is large. Many people live there.")
        await asyncio.sleep(8)
        assert listener.text == "Tokyo is large. Many people live there."
        reply.push(" It is old. It cost 3.")
        await asyncio.sleep(8)
        # A figure may go on, and so may "Dr.".
        assert listener.text.endswith(" It is old.")
        reply.push("50 and Dr.")
        await asyncio.sleep(8)
        assert "Dr." not in listener.text
        reply.push(" Lee paid.")
        reply.end()
        await running
        assert listener.text.endswith(" It cost 3.50 and Dr. Lee paid.")

    in_virtual_time(main())


def test_a_reply_without_anything_to_say_is_no_failure(in_virtual_time: Any) -> None:
    server = Server()
    listener, _ = in_virtual_time(hold(server, "😀✨"))
    assert listener.text == "😀✨"
    assert listener.pcm.size


def test_styles_change_the_request_and_vanish_from_the_text(in_virtual_time: Any) -> None:
    server = Server()
    text = 'Sure. <style warm and slow>Take your time.</style> <style voice="Ryan">No!</style> Bye.'
    listener, _ = in_virtual_time(hold(server, text))
    asked = [(text.strip(), style.instructions, style.voice) for _, text, style in server.asked]
    assert ("Take your time.", "warm and slow", None) in asked
    assert ("No!", None, "Ryan") in asked
    assert ("Bye.", None, None) in asked
    assert listener.text == "Sure. Take your time. No! Bye."


def test_flush_speaks_what_is_pending(in_virtual_time: Any) -> None:
    server = Server()

    async def main() -> None:
        reply, listener, _ = make(server)
        running = asyncio.ensure_future(reply.run())
        reply.push("今天天")
        await asyncio.sleep(1)
        assert not listener.pushes
        reply.flush()
        await asyncio.sleep(1)
        assert listener.text == "今天天"
        reply.push("气很好。")
        reply.end()
        await running
        assert listener.text == "今天天气很好。"

    in_virtual_time(main())


def test_a_forced_aligner_is_asked_where_there_is_time(in_virtual_time: Any) -> None:
    aligned: list[str] = []

    @dataclass
    class Aligning(Server):
        async def speak(
            self, text: str, before: str, style: Style, on_words: OnWords | None = None
        ) -> AsyncGenerator[bytes, None]:
            chunks = super().speak(text, before, style)
            if on_words is None:
                async for part in chunks:
                    yield part
                return
            aligned.append(text)
            sound = b"".join([part async for part in chunks])
            # Every character takes as long as the first, but the first takes half of it all.
            letters = [c for c in text if c.isalnum()]
            half = len(sound) / RATE / 4
            step = half / max(1, len(letters) - 1)
            on_words(
                [AlignedWord(letters[0], 0.0, half)]
                + [
                    AlignedWord(c, half + i * step, half + (i + 1) * step)
                    for i, c in enumerate(letters[1:])
                ]
            )
            yield sound

    server = Aligning(first=0.02, rtf=0.05)
    listener, _ = in_virtual_time(hold(server, LONG, aligner=True))
    assert listener.text == LONG
    assert not listener.holes
    starter, *_, last = server.texts
    assert starter not in aligned
    assert last in aligned
    words = listener.words[-len(pieces(last)) :]
    first, whole = words[0], words[-1].end_time - words[0].start_time
    assert first.end_time - first.start_time == pytest.approx(whole / 2, rel=0.02)


@pytest.mark.parametrize("after", [0.0, 0.05, 0.15, 0.5, 2.0, 5.0])
def test_cancelling_closes_every_request_at_once(in_virtual_time: Any, after: float) -> None:
    server = Server()

    async def main() -> None:
        reply, listener, _ = make(server)
        reply.push(LONG)
        running = asyncio.ensure_future(reply.run())
        await asyncio.sleep(after)
        now = asyncio.get_running_loop().time()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.get_running_loop().time() == now
        assert server.running == 0
        heard = len(listener.pushes)
        await asyncio.sleep(10)
        assert len(listener.pushes) == heard

    in_virtual_time(main())


def test_a_slow_writer_is_followed(in_virtual_time: Any) -> None:
    server = Server()

    async def main() -> Listener:
        reply, listener, _ = make(server)
        running = asyncio.ensure_future(reply.run())
        for character in LONG:
            reply.push(character)
            await asyncio.sleep(0.02)
        reply.end()
        await running
        return listener

    listener = in_virtual_time(main())
    assert listener.text == LONG
    # The starter is asked for as its comma comes, the third character.
    assert server.asked[0][0] == pytest.approx(0.04)
    assert not listener.holes
