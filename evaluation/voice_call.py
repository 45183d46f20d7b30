"""A caller in a real room: when they speak, what they say over the agent, what they measure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from livekit.agents import APIError

from agent.transcript import Said
from harness import caller as room_caller
from harness import sounds, speech
from harness.recording import Samples

from .caller import Caller, unsaid
from .saving import Wait
from .scenario import Moment, Scenario

ANSWER_WITHIN = 60.0
"""Seconds for an agent to come, to begin an answer, and to end one."""
QUIET = 1.2
"""Silence that ends an answer, in seconds; pauses between its parts are of 0.8."""
DECIDED = 1.5
"""Seconds after a sound over the agent within which it has decided what that was."""
_SPEAKING = 0.5
"""The agent is speaking if it was heard so many seconds ago."""
_GAP = 0.3
"""Silence after which it has stopped, in seconds."""
_BYSTANDER = -10.0
"""dB that somebody else in the room is below the caller."""


@dataclass(frozen=True)
class Voices:
    """The voice of a caller, and that of somebody beside them."""

    tts_url: str
    language: str

    async def own(self, text: str) -> Samples:
        """The caller, saying something."""
        return await self._say(text, 0, 0.0)

    async def other(self, text: str) -> Samples:
        """Somebody beside them, further away from the microphone."""
        return await self._say(text, 1, _BYSTANDER)

    async def _say(self, text: str, voice: int, level: float) -> Samples:
        names = speech.VOICES[self.language]
        sound = await speech.utterance(
            self.tts_url, text, language=self.language, voice=names[voice]
        )
        return sounds.at_level(sound, sounds.SPEECH + level)


class VoiceCall:
    """One call.

    Args:
        scenario: What happens in it.
        person: The caller in the room.
        mind: Knows what they say.
        voices: Speak for them.
        greeted: Whether the agent speaks first.
    """

    def __init__(
        self,
        scenario: Scenario,
        person: room_caller.Caller,
        mind: Caller,
        voices: Voices,
        *,
        greeted: bool,
    ) -> None:
        self._scenario, self._person, self._mind = scenario, person, mind
        self._voices, self._greeted = voices, greeted
        self._agent = ""
        self._before: list[Said] = []
        self._turns = 0
        self.waits: list[Wait] = []
        self.cut_offs = 0
        self.moments: list[tuple[str, str]] = []

    async def hold(self, most: int) -> str:
        """Speak until one of them has done; returns why that was too soon, or an empty text.

        Args:
            most: Turns after which the caller is taken not to come to an end.
        """
        said: str | None = "(the beginning)"
        try:
            await self._until(lambda: self._person.state == "listening" or self._speaking)
            self._agent = self._person.agent.identity if self._person.agent else ""
            if self._greeted:
                await self._listen(0, 0.0)
            while self._turns < most:
                said = await self._mind.says(self._before)
                if said is None:
                    return ""
                self._turns += 1
                await self._turn(self._turns, said)
                if self._gone:
                    return unsaid("the agent ended the call, and the caller had", self._mind)
        except TimeoutError:
            return f"nothing came within {ANSWER_WITHIN:g} s of {said!r}"
        except APIError as e:
            return f"a model failed: {e.message}"
        return unsaid(f"after {most} turns the caller had", self._mind)

    async def _turn(self, turn: int, said: str) -> None:
        person = self._person
        sound = await self._voices.own(said)
        for moment in self._scenario.caller.moments:
            if moment.silence and moment.turn == turn:
                await asyncio.sleep(moment.silence)
                await self._until(self._answered)
        start = person.now
        asked = await person.say(sound)
        self._before.append(Said(start, "caller", said))
        first = await self._listen(turn, start)
        if first is None:
            return
        if first < asked:
            self.cut_offs += 1
        else:
            self.waits.append((asked, first))

    async def _listen(self, reply: int, after: float) -> float | None:
        """Hear a reply out, or speak into it; returns its first sound, None if the agent left."""
        person = self._person
        await self._until(lambda: person.heard.first_sound(after) is not None)
        first = person.heard.first_sound(after)
        mine = [each for each in self._scenario.caller.moments if each.over]
        for moment in sorted(mine, key=lambda each: each.after):
            if first is None or moment.reply != reply:
                continue
            over = await self._over(moment, first)
            if over is not None and moment.interrupt:
                # That was a turn of theirs, and what comes now is the reply to it.
                self._turns += 1
                self._mind.interrupts()
                await self._listen(self._turns, over)
                return first
        await self._until(self._answered)
        if text := person.transcript(self._agent, after=after):
            self._before.append(Said(after, "agent", text))
        return first

    async def _over(self, moment: Moment, first: float) -> float | None:
        """Say something over the agent, and see what becomes of it.

        Returns:
            When both were silent after it; None if the agent was before, and nothing was said.
        """
        person = self._person
        speak = self._voices.other if moment.bystander else self._voices.own
        sound = await speak(moment.over)
        await self._until(lambda: person.now >= first + moment.after)
        kind = "interrupts" if moment.interrupt else "backchannel in"
        name = f"{kind} reply {moment.reply} after {moment.after:g} s"
        if not self._speaking:
            if not moment.bystander:
                self.moments.append((name, "the agent was not speaking any more"))
            return None
        records = len(person.turns)
        ended = await person.say(sound)
        if moment.interrupt:
            self._before.append(Said(ended, "caller", moment.interrupt))
        silent: list[float] = []

        def decided() -> bool:
            if not silent and not self._heard_within(_GAP):
                silent.append(person.now - _GAP)
            return person.now >= ended + DECIDED

        await self._until(decided)
        overlaps = [each for each in person.turns[records:] if each["kind"] == "overlap"]
        if not moment.bystander:
            self.moments.append((name, wrong(moment, overlaps)))
        return max([ended, *silent]) if silent else person.now

    def _heard_within(self, seconds: float) -> bool:
        last = self._person.heard.last_loud
        return last is not None and self._person.now - last < seconds

    @property
    def _speaking(self) -> bool:
        return self._heard_within(_SPEAKING)

    @property
    def _gone(self) -> bool:
        return bool(self._agent) and (
            not self._person.room.isconnected() or self._person.agent is None
        )

    def _answered(self) -> bool:
        last = self._person.heard.last_loud or 0.0
        return self._person.state == "listening" and self._person.now - last > QUIET

    async def _until(self, true: Callable[[], bool]) -> None:
        """Wait for something, or for the agent to leave.

        Raises:
            TimeoutError: Neither came.
        """
        async with asyncio.timeout(ANSWER_WITHIN):
            while not true() and not self._gone:
                await self._person.tick()


def wrong(moment: Moment, overlaps: list[dict[str, Any]]) -> str:
    """What is wrong with what the agent made of a sound over it; empty if nothing is.

    Args:
        moment: What was said.
        overlaps: The agent's own records of the sounds that it decided on meanwhile.
    """
    taken = [each["verdict"] for each in overlaps if each["turn"]]
    if moment.interrupt and not taken:
        for_what = ", ".join(each["verdict"] for each in overlaps) or "nothing"
        return f"the agent went on: taken for {for_what}"
    if moment.backchannel and taken:
        return f"the agent stopped: taken for {', '.join(taken)}"
    return ""
