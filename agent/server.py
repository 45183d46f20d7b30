"""The agent server: which calls it takes, and that it watches over them."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import uuid
from functools import cached_property
from typing import Any

import aiohttp
from livekit import api
from livekit.agents import AgentServer, JobRequest

from . import settings as settings_module
from .definition.kept import KeptAgents
from .engine_settings import LLMSettings
from .livekit_server import Credentials, LiveKitError, ask
from .once import Once
from .post_call import delivering
from .recovery import Dispatcher, Farewell, open_book
from .settings import Settings
from .telephony.full_house import WaitingLine

logger = logging.getLogger("parley")

_LIVEKIT_TIMEOUT = 3.0
"""Seconds that LiveKit may take to answer."""

_ASK_AGAIN = 2.0
"""Seconds until LiveKit is asked again, where it could not be reached."""

_INITIALIZED = 60.0
"""Seconds that the process of a job may take to be ready for one."""

DRAIN = 540
"""Seconds that a server which is told to stop goes on with its calls; then they end after a word.
Containers are killed after ten minutes."""

_ASKED_RARELY, _ASKED_LAST = 0.98, 0.99
"""Load of a full server and of one that stands by, of 1: LiveKit asks them in that order, mostly,
and they say no themselves."""


class Server(AgentServer):
    """LiveKit's agent server, which takes as many calls as the profile allows.

    A call that loses its agent gets another one, and so does one for which there was no place
    (:mod:`agent.recovery`).

    With ``PARLEY_STANDBY=1`` it stands by: it takes calls only while no other server of the same
    book does. It has all models loaded, so the calls of a server that dies wait for no start.

    Args:
        **options: As for LiveKit's server.
    """

    def __init__(self, **options: Any) -> None:
        if _stands_by():
            # LiveKit's one for each processor would hold memory for calls that hardly ever come;
            # as one is taken, the next process is made.
            options["num_idle_processes"] = 1
        options.setdefault("drain_timeout", DRAIN)
        super().__init__(
            preload_modules=["agent.preload"],
            # LiveKit's 10 s are too few for a machine with more work than cores: the process would
            # be killed and begin anew, again and again, at the cost of the calls.
            initialize_process_timeout=_INITIALIZED,
            load_fnc=lambda: _load(self),
            # A threshold would refuse jobs by a guess of what those load that start: the third of
            # ten at once, or the tenth. Who is admitted is counted; the load tells which server
            # has more room.
            load_threshold=math.inf,
            **options,
        )
        self._accepting: set[str] = set()
        self._once = Once()
        self.unreached: str | None = None
        """Why LiveKit could not be reached before this began, as it was told."""
        self.failure: str | None = None
        """Why :meth:`run` has ended by itself."""
        self._dispatcher: Dispatcher | None = None
        self._line: WaitingLine | None = None
        self._farewell: Farewell | None = None
        self._delivered = asyncio.Event()
        self._delivered.set()

    @cached_property
    def settings(self) -> Settings:
        """The profile, read once: LiveKit asks for the load twice a second."""
        return settings_module.load()

    def model_of(self, agent: str) -> LLMSettings:
        """The ``llm`` section of an agent, as its calls have it.

        Args:
            agent: Its folder or its file.

        Raises:
            SettingsError: It is not there any more, or wrong.
        """
        kept = KeptAgents.of_environment()
        return kept.load(agent, self.settings, keep=False).over(self.settings).llm

    @property
    def agents(self) -> set[str]:
        """Identities of the agents whose jobs run here, or were taken and have no process yet."""
        return {agent_of(running.job.id) for running in self.active_jobs} | self._accepting

    @property
    def rooms(self) -> dict[str, str]:
        """The rooms of the jobs that run here, by the identities of their agents."""
        return {agent_of(each.job.id): each.job.room.name for each in self.active_jobs}

    @property
    def calls(self) -> int:
        """How many calls this server has; of one that has ended the job may not have."""
        return len(self.agents - self._dispatcher.over if self._dispatcher else self.agents)

    @property
    def free_places(self) -> int:
        """How many more calls this server takes now."""
        return 0 if self.draining else max(0, self.settings.rooms - self.calls)

    async def admit(self, request: JobRequest) -> None:
        """Take a job if there is room for it; else LiveKit may ask another server."""
        agent = agent_of(request.id)
        if self.calls >= self.settings.rooms:
            await request.reject(terminate=False)
            return
        room = request.job.room
        if self._once.again(room):
            await request.reject(terminate=True)
            return
        self._accepting.add(agent)
        try:
            if self._dispatcher:
                if not await self._dispatcher.admits():
                    await request.reject(terminate=False)
                    return
                metadata = request.job.metadata
                if not await self._dispatcher.hold(room.name, room.sid, agent, metadata):
                    # There is an agent, or the ticket was used before: nobody need come.
                    await request.reject(terminate=True)
                    return
            await request.accept(identity=agent)
        finally:
            self._accepting.discard(agent)

    async def run(self, *, devmode: bool = False, unregistered: bool = False) -> None:
        """Take jobs until it is closed, and watch over their calls."""
        if unregistered:  # the console: there are no rooms
            await super().run(devmode=devmode, unregistered=True)
            return
        started = asyncio.Event()
        self.once("worker_started", started.set)
        self.once("worker_started", self._delivered.clear)
        tasks = [asyncio.create_task(work(started)) for work in (self._watch, self._reach)]
        try:
            async with delivering(self.settings.post_call, self.model_of):
                await super().run(devmode=devmode)
                if self.draining and self._farewell:
                    await self._farewell.close()
        except Exception as e:
            # LiveKit's command line logs it and ends as after a good day.
            self.failure = self.unreached or f"The agent server cannot run: {e}"
            if not self.unreached:
                raise
        finally:
            self._delivered.set()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """Close the server, once the records of its last calls are delivered, or it is late.

        The calls that it still has when it was drained for long enough end after a word. In
        development it is not drained: there the code is loaded again, and its calls with it.

        LiveKit's command line cancels :meth:`run` as soon as this returns.
        """
        if self.draining and self._farewell and self._line:
            await asyncio.gather(self._farewell.say(), self._line.close())
        await super().aclose()
        await self._delivered.wait()

    async def _reach(self, started: asyncio.Event) -> None:
        """Say in a sentence why LiveKit is not reached, for as long as it is not."""
        await started.wait()
        while True:
            try:
                await ask(Credentials.given("the agent takes its calls"))
            except LiveKitError as e:
                if str(e) != self.unreached:
                    self.unreached = str(e)
                    logger.error(self.unreached)
            else:
                self.unreached = None
                return
            await asyncio.sleep(_ASK_AGAIN)

    async def _watch(self, started: asyncio.Event) -> None:
        await started.wait()
        book = open_book(self.settings.history_store, os.environ["LIVEKIT_URL"])
        timeout = aiohttp.ClientTimeout(total=_LIVEKIT_TIMEOUT)
        try:
            async with api.LiveKitAPI(timeout=timeout) as livekit:
                dispatcher = Dispatcher(
                    book,
                    livekit,
                    server=uuid.uuid4().hex,
                    agent_name=os.environ.get("LIVEKIT_AGENT_NAME", ""),
                    places=lambda: self.free_places,
                    running=lambda: self.agents,
                    draining=lambda: self.draining,
                    standby=_stands_by(),
                )
                line = WaitingLine(self.settings, livekit, book, dispatcher)
                async with dispatcher, line:
                    self._dispatcher, self._line = dispatcher, line
                    self._farewell = Farewell(dispatcher, livekit, lambda: self.rooms)
                    # Up to 0.7 s sooner than the beat and the look after it.
                    self._proc_pool.on("process_closed", lambda _: dispatcher.job_ended())
                    await asyncio.Event().wait()
        finally:
            self._dispatcher = self._line = self._farewell = None
            await book.aclose()


def agent_of(job: str) -> str:
    """Identity in its room of the agent of a job."""
    return f"agent-{job}"


def _stands_by() -> bool:
    return os.environ.get("PARLEY_STANDBY") == "1"


def _load(server: Server) -> float:
    """Share of the rooms that this server takes which are in use.

    LiveKit's default is the load of the whole machine, which refuses every caller while the
    engines on the same processor work. It asks no server whose load is 1, and learns of one that
    has a place again half a second late: a caller who was waiting for that place would wait on.
    """
    if _stands_by():
        return _ASKED_LAST
    used = server.calls / server.settings.rooms
    return min(used, _ASKED_RARELY)
