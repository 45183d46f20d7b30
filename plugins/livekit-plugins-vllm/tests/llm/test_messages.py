"""Contexts as chat templates want them."""

from __future__ import annotations

import base64
import io
import wave
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import llm
from livekit.plugins.vllm import TurnAudio
from livekit.plugins.vllm._llm.audio import input_audio
from livekit.plugins.vllm._llm.messages import render


def context(*messages: tuple[str, Any]) -> llm.ChatContext:
    made = llm.ChatContext()
    for role, content in messages:
        made.add_message(role=role, content=content)  # type: ignore[arg-type]
    return made


def frame(seconds: float, rate: int = 48_000, channels: int = 1) -> rtc.AudioFrame:
    samples = int(seconds * rate)
    return rtc.AudioFrame(bytes(2 * samples * channels), rate, channels, samples)


def sound_of(part: dict[str, Any]) -> tuple[int, int, float]:
    data = base64.b64decode(part["input_audio"]["data"])
    with wave.open(io.BytesIO(data)) as wav:
        return wav.getframerate(), wav.getnchannels(), wav.getnframes() / wav.getframerate()


def test_there_is_one_system_message_and_it_comes_first() -> None:
    made = context(
        ("system", "Be brief."), ("developer", "Be kind."), ("user", "Hi"), ("system", "Say bye.")
    )
    assert render(made) == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        {"role": "user", "content": "Hi\n<instructions>\nSay bye.\n</instructions>"},
    ]


def test_roles_take_turns() -> None:
    made = context(
        ("user", "Wait,"),
        ("user", "I mean"),
        ("assistant", "Yes?"),
        ("assistant", "Go on."),
        ("assistant", ""),
        ("user", "never mind"),
    )
    assert render(made) == [
        {"role": "user", "content": "Wait,\nI mean"},
        {"role": "assistant", "content": "Yes?\nGo on."},
        {"role": "user", "content": "never mind"},
    ]


def test_there_is_always_a_user() -> None:
    assert render(context(("system", "Greet the caller.")))[-1]["role"] == "user"


def test_the_same_context_gives_the_same_bytes() -> None:
    made = context(("system", "Be brief."), ("user", "Hi"), ("assistant", "Yes?"), ("user", "So"))
    assert render(made) == render(made.copy())
    longer = made.copy()
    longer.add_message(role="assistant", content="So it is.")
    assert render(longer)[: len(render(made))] == render(made)


@pytest.mark.parametrize(
    ("audio", "kinds"),
    [("off", None), ("beside", ["input_audio", "text"]), ("instead", ["input_audio"])],
)
def test_only_the_last_turn_is_heard(audio: Any, kinds: list[str] | None) -> None:
    heard = llm.AudioContent(frame=[frame(0.5), frame(0.5)])
    made = context(("user", ["first", heard]), ("assistant", "Yes."), ("user", ["second", heard]))
    messages = render(made, audio=audio)
    assert messages[0]["content"] == "first"
    last = messages[-1]["content"]
    assert ([part["type"] for part in last] if kinds else last) == (kinds or "second")


def test_only_the_last_image_is_seen() -> None:
    image = llm.ImageContent(image="https://example.com/a.jpg")
    made = context(("user", ["Look", image]), ("assistant", "Yes."), ("user", ["And this?", image]))
    messages = render(made)
    assert messages[0]["content"] == "Look"
    assert [part["type"] for part in messages[-1]["content"]] == ["image_url", "text"]


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (16_000, 1), (44_100, 2)])
def test_sound_is_resampled(rate: int, channels: int) -> None:
    part = input_audio([frame(0.5, rate, channels)] * 2)
    assert part is not None
    found, mono, seconds = sound_of(part)
    assert (found, mono) == (16_000, 1)
    assert seconds == pytest.approx(1.0, abs=0.01)


def test_sound_is_bounded() -> None:
    part = input_audio([frame(1.0, 16_000)] * 45)
    assert part is not None
    assert sound_of(part)[2] == 30.0


def test_no_sound_is_no_part() -> None:
    assert input_audio([]) is None
    assert render(context(("user", ["Hi", llm.AudioContent(frame=[])])), audio="beside") == [
        {"role": "user", "content": "Hi"}
    ]


def seconds_of(made: llm.ChatContext) -> list[float]:
    """How much sound each message has."""
    messages = [item for item in made.items if item.type == "message"]
    sounds = [[p for p in m.content if isinstance(p, llm.AudioContent)] for m in messages]
    return [sum(f.duration for sound in of for f in sound.frame) for of in sounds]


def test_a_turn_begins_a_little_before_its_speech_and_is_bounded() -> None:
    heard = TurnAudio(max_seconds=2.0)
    made = context(("user", ["Hi"]))
    for _ in range(10):
        heard.push(frame(0.2))
    assert heard.attach(made) is made  # nobody has spoken
    heard.begin()
    assert seconds_of(heard.attach(made)) == pytest.approx([0.8])
    for _ in range(10):
        heard.push(frame(0.2))
    heard.begin()  # the second sentence of the same turn
    assert seconds_of(heard.attach(made)) == pytest.approx([2.0])


def test_a_turn_is_heard_until_the_next_begins() -> None:
    heard = TurnAudio()
    heard.begin()
    heard.push(frame(1.0))
    heard.end()
    heard.push(frame(0.5))  # the agent speaks
    made = context(("user", ["one"]), ("assistant", "Yes."), ("user", ["two"]))
    # Asked again after a tool call, say.
    assert seconds_of(heard.attach(made)) == pytest.approx([0.0, 0.0, 1.0])
    assert seconds_of(made) == [0.0, 0.0, 0.0]
    heard.begin()
    assert seconds_of(heard.attach(made)) == pytest.approx([0.0, 0.0, 0.5])
