"""A user who changes the language, or does nothing else."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.rtc.event_emitter import EventEmitter

from agent.language import PAUSE, LanguageSwitch
from agent.settings import LANGUAGE_ATTRIBUTE, Language
from harness.virtual_time import in_virtual_time, now


class Room(EventEmitter[str]):
    """Tells what a participant's client says of itself."""

    def choose(self, language: str) -> None:
        attributes = {LANGUAGE_ATTRIBUTE: language}
        self.emit(
            "participant_attributes_changed", attributes, SimpleNamespace(attributes=attributes)
        )


class Followed:
    def __init__(self, takes: float = 0.0) -> None:
        self.languages: list[tuple[float, Language]] = []
        self.takes = takes

    async def __call__(self, language: Language) -> None:
        self.languages.append((now(), language))
        await asyncio.sleep(self.takes)


def switch(room: Room, followed: Followed) -> LanguageSwitch:
    return LanguageSwitch(cast(rtc.Room, room), followed)


@in_virtual_time
async def test_a_change_is_followed_at_once() -> None:
    room, followed = Room(), Followed()
    following = switch(room, followed)
    room.choose("zh")
    await asyncio.sleep(10)
    room.choose("en")
    await asyncio.sleep(10)
    assert followed.languages == [(0.0, "zh"), (10.0, "en")]
    await following.aclose()
    await following.aclose()


@pytest.mark.parametrize("gap", [0.0, 0.001, 0.05])
@in_virtual_time
async def test_of_two_hundred_flips_the_last_is_followed_and_few_others(gap: float) -> None:
    room, followed = Room(), Followed(takes=0.3)
    following = switch(room, followed)
    for flip in range(200):
        room.choose("en" if flip % 2 else "zh")
        await asyncio.sleep(gap)
    await asyncio.sleep(10)
    assert followed.languages[-1][1] == "en"
    assert len(followed.languages) <= 2 + 200 * gap / (PAUSE + 0.3)
    await following.aclose()


@pytest.mark.parametrize("name", ["", "sv", "EN", "en\x00", "x" * 100_000])
@in_virtual_time
async def test_what_names_no_language_is_not_followed(name: str) -> None:
    room, followed = Room(), Followed()
    following = switch(room, followed)
    room.choose(name)
    await asyncio.sleep(10)
    assert followed.languages == []
    await following.aclose()


@in_virtual_time
async def test_a_change_that_fails_does_not_end_the_following() -> None:
    room, languages = Room(), list[Language]()

    async def follow(language: Language) -> None:
        languages.append(language)
        if len(languages) == 1:
            raise ConnectionError("the model is away")

    following = LanguageSwitch(cast(Any, room), follow)
    room.choose("zh")
    await asyncio.sleep(10)
    room.choose("en")
    await asyncio.sleep(10)
    assert languages == ["zh", "en"]
    await following.aclose()
