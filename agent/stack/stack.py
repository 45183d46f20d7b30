"""Parley on this machine, ready to talk: which programs, in which environment."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from livekit import api
from livekit.agents.utils.aio import cancel_and_wait

from agent import settings
from agent.certificate import VARIABLE, CertificateError, certificate_of
from agent.definition.kept import VARIABLE as KEPT
from agent.definition.kept import KeptAgents
from agent.livekit_server import Credentials, LiveKitError, ask, check_url
from agent.models import size
from agent.origin import MEDIA_ADDRESS
from agent.settings import LANGUAGE_ATTRIBUTE
from agent.stand_ins import EngineName

from . import ports as port_table
from . import reach
from .placement import WHAT, describe, place
from .ports import LOOPBACK
from .readiness import StackError, wait_ready
from .supervision import Program, Supervisor

ROOT = Path(__file__).resolve().parent.parent.parent

# Twenty times what an idle machine with 2 cores needs. Seconds.
_READY_SECONDS = 180.0

# Whoever stops the stack does not want to wait for a conversation to end, but for a last word.
_AGENT = [sys.executable, "agent.py", "start", "--drain-timeout", "1"]

_LOOK_SECONDS = 0.5

_SECRET_LENGTH = 32
"""Characters that LiveKit wants a secret to have."""

_AGENT_PATIENCE = 30.0
"""Seconds that an agent server may take to stop: 1 for calls that are about to end anyway, 15 for
the last words of others, and for their records."""

AGENT_READY = "registered worker"
"""What an agent server logs once LiveKit knows it, which is after its idle processes are warm."""

STANDBY = Program(
    name="standby",
    what="the agent that stands by",
    command=_AGENT,
    # Its health page is for nobody, at any port.
    environment={"PARLEY_STANDBY": "1", "PARLEY_PORT_AGENT": "0", "PARLEY_PORT_METRICS": "0"},
    ready_line=AGENT_READY,
    patience=_AGENT_PATIENCE,
)
"""A second agent server: the calls of one that dies do not wait until it has started again."""


@dataclass(frozen=True)
class Server:
    """Where a livekit-server is and how to enter it."""

    url: str
    api_key: str
    api_secret: str

    @classmethod
    def given(cls) -> Self | None:
        """The one that ``LIVEKIT_URL`` names; None if it is not set.

        Raises:
            StackError: Its key or its secret is missing, or its address is none.
        """
        names = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")
        url, key, secret = (os.environ.get(name, "") for name in names)
        if not url:
            return None
        if missing := [name for name in names if not os.environ.get(name)]:
            raise StackError(
                f"{' and '.join(missing)} must be set beside LIVEKIT_URL: the agent and the page "
                "join that server. Without LIVEKIT_URL one is started here."
            )
        try:
            check_url("LIVEKIT_URL", url)
        except LiveKitError as e:
            raise StackError(str(e)) from e
        return cls(url, key, secret)

    @classmethod
    def started_here(cls, port: int) -> Self:
        """The one that is started here.

        With ``LIVEKIT_API_KEY`` and ``LIVEKIT_API_SECRET`` other programs can enter it, too, as one
        that has people called; else with a secret that nobody knows.

        Raises:
            StackError: Only one of them is set, or the secret is too short.
        """
        key, secret = (os.environ.get(f"LIVEKIT_API_{name}", "") for name in ("KEY", "SECRET"))
        if not (key or secret):
            key, secret = "parley", secrets.token_urlsafe(32)  # 43 characters
        if not (key and len(secret) >= _SECRET_LENGTH):
            raise StackError(
                "LIVEKIT_API_KEY and LIVEKIT_API_SECRET belong together, and the secret has "
                f"{_SECRET_LENGTH} characters or more, as by `openssl rand -hex 32`. Without both "
                "LiveKit is started with a secret that nobody knows."
            )
        # Of a browser it is the page that passes on what is for LiveKit.
        return cls(f"ws://{LOOPBACK}:{port}", key, secret)

    def token(self, room: str, identity: str, language: str | None = None) -> str:
        """A ticket for one room and one identity, good for ten minutes."""
        token = (
            api.AccessToken(self.api_key, self.api_secret)
            .with_identity(identity)
            .with_ttl(timedelta(minutes=10))
            .with_grants(api.VideoGrants(room_join=True, room=room, can_update_own_metadata=True))
        )
        if language:
            token = token.with_attributes({LANGUAGE_ATTRIBUTE: language})
        return token.to_jwt()


class Stack:
    """LiveKit, the engines, the agent and the web page, ready inside the context.

    Args:
        ports: Port numbers by name, as in :mod:`agent.stack.ports`; free ones when not given.
        address: Where the web page listens and LiveKit takes media: an address of this machine.
            Beyond 127.0.0.1 the page has a certificate (``PARLEY_CERTIFICATE``).
        standby: Run a second agent server, which takes over the calls of the first if that dies.
        profile: The agent's profile. Of its engines those run here that it has at the addresses of
            this machine's own (:mod:`agent.stack.placement`); the others are somewhere else.
        livekit: A LiveKit server that runs already; one is started here if None.
        beside: More programs to run.
        engine_key: Key that the engines of this machine ask for, and the agent sends. That of
            ``VLLM_API_KEY`` if None; without either, any program of this machine may ask them.
        environment: Environment variables for all programs, besides those of this process.
        on_line: Called with one line for each thing worth telling a person.

    Raises:
        StackError: The address, the certificate or LiveKit's key cannot be used.
    """

    def __init__(
        self,
        ports: Mapping[str, int] | None = None,
        *,
        address: str = LOOPBACK,
        standby: bool = False,
        profile: str = "cpu",
        livekit: Server | None = None,
        beside: Sequence[Program] = (),
        engine_key: str | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
        on_line: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.ports = dict(ports or port_table.free())
        self._address = address
        self._certificate_wish = reach.certificate_wish(address)
        try:
            self._media_address = reach.media_address(address)
            self._certificate = certificate_of(
                address, {**os.environ, VARIABLE: self._certificate_wish}
            )
        except (reach.ReachError, CertificateError) as e:
            raise StackError(str(e)) from e
        self._starts_livekit = livekit is None
        self.server = livekit or Server.started_here(self.ports["livekit"])
        self.logs = ROOT / "output" / "logs" / str(self.ports["web"])
        self.kept = self.logs / "agents"
        """Where agents are kept as they were when they were last right."""
        self._on_line = on_line
        self._profile = profile
        self.settings = settings.load(profile)
        self.placement = place(self.settings, self.ports)
        self._engine_key = os.environ.get("VLLM_API_KEY") or engine_key
        self.programs: Sequence[Program] = [
            *self._own_programs(),
            *([STANDBY] if standby else []),
            *beside,
        ]
        """What is run."""
        self.variables = self._variables()
        """What all of it finds in its environment, beside that of this process."""
        self._supervisor = Supervisor(
            self.programs,
            environment={**os.environ, **self.variables, **environment},
            folder=ROOT,
            logs=self.logs,
            on_line=on_line,
        )
        self._exit = AsyncExitStack()

    @property
    def web_url(self) -> str:
        """Address of the web page."""
        host = self._media_address if ip_address(self._address).is_unspecified else self._address
        scheme = "https" if self._certificate else "http"
        return f"{scheme}://{host}:{self.ports['web']}"

    @property
    def llm_url(self) -> str:
        """Base URL of the language model, ending in ``/v1``."""
        return self._url("llm")

    @property
    def stt_url(self) -> str:
        """Base URL of the speech recogniser, ending in ``/v1``."""
        return self._url("stt")

    @property
    def tts_url(self) -> str:
        """Base URL of the voice, ending in ``/v1``."""
        return self._url("tts")

    async def __aenter__(self) -> Self:
        shutil.rmtree(self.kept, ignore_errors=True)  # of a run that was killed
        async with AsyncExitStack() as opening:
            opening.callback(shutil.rmtree, self.kept, ignore_errors=True)
            await opening.enter_async_context(self._supervisor)
            await wait_ready(
                self._supervisor, self.programs, on_line=self._on_line, within=_READY_SECONDS
            )
            following = asyncio.create_task(self._tell_mistakes(), name="mistakes in agents")
            opening.push_async_callback(cancel_and_wait, following)
            self._exit = opening.pop_all()
        for line in reach.sentences(
            self.ports, self._address, self._certificate, livekit=self._starts_livekit
        ):
            self._on_line(line)
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._exit.__aexit__(exc_type, exc, traceback)
        finally:
            for book in self.logs.glob("calls-*"):  # of calls that were cut off just now
                book.unlink()

    async def introduce(self) -> None:
        """Tell what is started, and what of the profile is somewhere else and answers there.

        Raises:
            StackError: A LiveKit server that runs already cannot be used.
        """
        if not self._starts_livekit:
            server = self.server
            try:
                await ask(Credentials(server.url, server.api_key, server.api_secret))
            except LiveKitError as e:
                raise StackError(str(e)) from e
        *most, last = [program.what for program in self.programs if program is not STANDBY]
        self._on_line(f"Starting {', '.join(most)} and {last} …")
        if not self._starts_livekit:
            self._on_line(f"LiveKit is not started here: LIVEKIT_URL is {self.server.url}.")
        for line in await asyncio.gather(
            *(describe(name, engine) for name, engine in self.placement.elsewhere.items())
        ):
            self._on_line(line)
        if models := self.placement.models():
            self._on_line(f"{' and '.join(models)}: the {size.chosen()} ones, as {size.reason()}.")

    async def run(self) -> None:
        """Wait for what should not happen: the end of the supervisor by itself.

        Raises:
            StackError: The supervisor ended.
        """
        raise StackError(f"supervisord ended by itself: {await self._supervisor.ended()}")

    async def _tell_mistakes(self) -> None:
        """Tell whoever changes an agent's folder that it is wrong now, as a call finds it."""
        kept, told = KeptAgents(self.kept), set[str]()
        while True:
            for name, sentence in kept.told().items():
                if name not in told:
                    told.add(name)
                    self._on_line(sentence)
            await asyncio.sleep(_LOOK_SECONDS)

    def _url(self, name: EngineName) -> str:
        engine = self.placement.elsewhere.get(name)
        return engine.url if engine else f"{self._http(name)}/v1"

    def _http(self, name: EngineName) -> str:
        return f"http://{LOOPBACK}:{self.ports[name]}"

    def _variables(self) -> dict[str, str]:
        return {
            **{f"PARLEY_PORT_{name.upper()}": str(n) for name, n in self.ports.items()},
            "PARLEY_ADDRESS": self._address,
            VARIABLE: self._certificate_wish,
            "LIVEKIT_URL": self.server.url,
            "LIVEKIT_API_KEY": self.server.api_key,
            "LIVEKIT_API_SECRET": self.server.api_secret,
            "LIVEKIT_KEYS": _yaml_pair(self.server.api_key, self.server.api_secret),
            "PARLEY_PROFILE": self._profile,
            "PARLEY_CALLS": str(self.logs),  # calls in progress end with the stack
            KEPT: str(self.kept),
            **self.placement.variables(self._engine_key),
            "PYTHONUNBUFFERED": "1",  # logs are read while their programs run
            "HF_HUB_OFFLINE": "1",  # all weights are in the cache: nothing has to be asked for
        }

    def _own_programs(self) -> list[Program]:
        def engine(name: EngineName) -> Program:
            port = str(self.ports[name])
            return Program(
                name=name,
                what=WHAT[name],
                command=[sys.executable, "-m", "agent.local", name, "--port", port],
                health=self._http(name) + "/health",
                # For them alone: an agent would send it to engines of others.
                environment={"VLLM_API_KEY": self._engine_key} if self._engine_key else {},
            )

        livekit = Program(
            name="livekit",
            what="LiveKit",
            command=[
                *("env", f"PARLEY_ADDRESS={LOOPBACK}"),
                f"{MEDIA_ADDRESS}={self._media_address}",
                "scripts/run_livekit.sh",
            ],
            health=self.server.url.replace("ws", "http", 1),
        )
        return [
            *([livekit] if self._starts_livekit else []),
            *map(engine, self.placement.here),
            Program(
                name="agent",
                what="the agent",
                command=_AGENT,
                ready_line=AGENT_READY,
                patience=_AGENT_PATIENCE,
            ),
            Program(
                name="web",
                what="the web page",
                command=[
                    *(sys.executable, "-m", "agent.web"),
                    *("--host", self._address, "--port", str(self.ports["web"])),
                ],
                # Its certificate need not be for the address at which it is asked from here.
                health=None if self._certificate else f"{self.web_url}/health",
                listens=(self._address, self.ports["web"]) if self._certificate else None,
            ),
        ]


def _yaml_pair(key: str, value: str) -> str:
    """A line of YAML whose two sides may hold any characters, which JSON's quotes allow."""
    return ": ".join(json.dumps(each, ensure_ascii=False) for each in (key, value))
