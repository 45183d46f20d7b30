"""Plays a case: the caller does what the case says, and keeps what it hears."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import numpy as np

from agent.stack import Server
from harness.caller import DelayLine
from harness.line import LINES
from harness.recording import Samples

from . import clips
from .clips import Clip
from .engines import Engines, Request, Room
from .host import Judgement
from .meet import Caller, met
from .scenarios import WARM_UP, Case
from .systems import Host

ANSWER_WITHIN = 5.0
"""Longest wait for an answer, in seconds."""
AFTER = 2.8
"""Seconds within which an agent that was stopped by mistake may go on: LiveKit waits 2.0."""
ECHO_LASTS = 7.0
"""Seconds of the reply that are echoed."""
_PAUSE = 1.2
"""Longest pause between two parts of a reply, in seconds: 0.8, and what a busy machine adds."""
_QUIET = 1.0
"""Silence between two cases, in seconds: a turn that is still being decided ends within it."""
_BEGIN_WITHIN = 10.0
_LATE = 0.05
"""Seconds beyond which a caller that the machine held up has made a pause of its own."""
_TRIES = 3
"""How often a case is played until its caller is not late."""


@dataclass
class Take:
    """What happened; all times in seconds from the recording's start."""

    case: Case
    system: str
    said: Samples = field(repr=False)
    heard: Samples = field(repr=False)
    requests: list[Request]
    """The requests of this case, with times of this recording."""
    history: list[str]
    """What the history has of this case."""
    reply: Clip = field(repr=False)
    """What the agent was saying, unless the case is about the end of a turn."""
    said_from: float
    """First sample of the caller's sound; the agent's own first in a case of echo."""
    said_to: float
    judged: list[Judgement] | None = None
    """What the system says that it made of sounds; None of one that does not tell."""
    late: float = 0.0
    """How much longer the caller took than its sound lasts."""
    failed: str = ""


async def conversation(
    cases: list[Case], host: Host, line: str, server: Server, engines: Engines
) -> AsyncIterator[Take]:
    """Play some cases in one room or call, with one caller on a line.

    Raises:
        SystemFailure: The system under test failed.
        TimeoutError: It does not speak.
    """
    name = f"duplex-{uuid.uuid4().hex[:8]}"
    language = cases[0].language
    room = engines.open(name, language)
    async with met(host, server, engines, name, language, LINES[line]) as caller:
        kept = 0
        for i, case in enumerate(cases):
            for _ in range(_TRIES):
                take = await _Player(case, host, caller, room, engines).play(warm_up=i == 0)
                take.system = on(host.name, line)
                kept, take.history = len(take.history), take.history[kept:]
                if take.late <= _LATE:
                    break
            else:
                take.failed = f"the caller was late by {take.late * 1000:.0f} ms"
            if not take.failed and case.over and not take.reply.words:
                take.failed = "what the agent said is not known"
            yield take
    engines.close(name)


class _Player:
    def __init__(
        self, case: Case, host: Host, caller: Caller, room: Room, engines: Engines
    ) -> None:
        self._case, self._host, self._caller, self._room = case, host, caller, room
        self._engines = engines
        self._clip = clips.of_case(case)

    async def play(self, *, warm_up: bool) -> Take:
        case, caller, room = self._case, self._caller, self._room
        began, asked = caller.now, len(room.requests)
        clock = time.monotonic() - caller.now
        room.stt.expect(())
        room.reply = case.reply
        if case.set == "echo":
            said_from, said_to = await self._echo(began)
        elif case.over:
            first = await self._reply(began)
            await self._until(first + case.at + (WARM_UP if warm_up else 0.0))
            room.reply = self._other()
            said_from, said_to = await self._say()
            await self._watch(said_to)
        else:
            said_from, said_to = await self._say()
            await self._answer(said_to)
        until = caller.now
        history = (await self._host.order("history"))["history"]
        judged = (await self._host.order("judged"))["judged"]
        await self._calm()
        requests = room.requests[asked:]
        reply = clips.NOTHING
        if case.over:
            reply = await asyncio.to_thread(self._engines.reply, case, requests)
        return Take(
            case=case,
            system=self._host.name,
            said=caller.said.between(began, until),
            heard=caller.heard.between(began, until),
            requests=[
                Request(
                    r.engine,
                    r.text,
                    r.opened - clock - began,
                    (r.closed or time.monotonic()) - clock - began,
                )
                for r in requests
            ],
            history=history,
            reply=reply,
            said_from=said_from - began,
            said_to=said_to - began,
            judged=None if judged is None else _on_clock(judged, clock + began),
            late=said_to - said_from - self._clip.duration if case.set != "echo" else 0.0,
        )

    def _other(self) -> str:
        """What the agent answers to whatever it hears next."""
        return clips.short(self._case.language)[0]

    async def _reply(self, after: float) -> float:
        """Have the agent speak, and return when its first sound came."""
        await self._host.order("speak", text=self._engines.prompt(self._case))
        return await self._sound(after, _BEGIN_WITHIN)

    async def _say(self) -> tuple[float, float]:
        self._room.stt.expect(self._clip.words)
        before = self._caller.now
        after = await self._caller.say(self._clip.samples)
        first = self._caller.said.first_sound(before)
        last = self._caller.said.last_sound(after + 0.1)
        assert first is not None
        assert last is not None
        return first, last

    async def _echo(self, began: float) -> tuple[float, float]:
        case = self._case
        self._room.stt.expect(clips.of_reply(case.reply, case.language).words)
        self._caller.echo(DelayLine(case.delay, case.level))
        try:
            first = await self._reply(began)
            self._room.reply = self._other()
            await self._until(first + ECHO_LASTS)
        finally:
            self._caller.echo(None)
        # A pause of the reply's own is told from a stop by what follows.
        await self._until(first + ECHO_LASTS + _PAUSE)
        return first, first + ECHO_LASTS

    async def _watch(self, end: float) -> None:
        """See what the agent does; the answer to an interruption ends it early."""
        if self._case.set == "interruption":
            await self._until(end + 0.2)
            silent = False
            while self._caller.now < end + AFTER:
                silence = self._silence()
                silent = silent or silence > 0.3
                if silent and silence < 0.05:
                    # Enough of it to tell an answer from the reply taken up again.
                    await self._until(self._caller.now + 0.8)
                    return
                await self._caller.tick()
        else:
            await self._until(end + AFTER)

    async def _answer(self, end: float) -> None:
        try:
            await self._sound(end, ANSWER_WITHIN)
        except TimeoutError:
            return
        await self._until(self._caller.now + 0.3)

    async def _calm(self) -> None:
        """Have the agent fall silent and stay so."""
        async with asyncio.timeout(30):
            while True:
                await self._host.order("stop")
                asked = self._caller.now
                while self._caller.now < asked + _QUIET or self._silence() < _QUIET:
                    await self._caller.tick()
                    if self._caller.now > asked + 2 * _QUIET:
                        break
                if self._silence() >= _QUIET:
                    return

    def _silence(self) -> float:
        """Seconds since the agent's last sound."""
        last = self._caller.heard.last_loud
        return self._caller.now - last if last is not None else float("inf")

    async def _sound(self, after: float, within: float) -> float:
        async with asyncio.timeout(within):
            while True:
                last = self._caller.heard.last_loud
                if last is not None and last > after:
                    first = self._caller.heard.first_sound(after)
                    if first is not None:
                        return first
                await self._caller.tick()

    async def _until(self, moment: float) -> None:
        while self._caller.now < moment:
            await self._caller.tick()


def _on_clock(judged: list[Judgement], began: float) -> list[Judgement]:
    """Judgements with times of the recording; those from before it are another case's."""
    return [{**j, "at": j["at"] - began} for j in judged if j["at"] >= began]


def on(system: str, line: str) -> str:
    """A system's name in the table, with the line that its caller is on."""
    return system if LINES[line] is None else f"{system}.{line}"


def failed(case: Case, system: str, why: BaseException) -> Take:
    """A case that could not be played."""
    nothing = np.zeros(0, np.int16)
    take = Take(case, system, nothing, nothing, [], [], clips.NOTHING, 0.0, 0.0)
    take.failed = f"{type(why).__name__}: {why}"
    return take
