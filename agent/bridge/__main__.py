"""Serve the bridge: ``python -m agent.bridge [--host 127.0.0.1] [--port 8090]``.

``PARLEY_PORT_METRICS`` has it serve its metrics as well, at ``PARLEY_ADDRESS`` as the agent server
does; they need no key.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager, suppress
from types import FrameType

import uvicorn
from livekit.agents import APIError
from livekit.agents.utils.aio import cancel_and_wait
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.end_of_turn import smart_turn

from agent import settings
from agent.definition.choice import Agents
from agent.definition.definition import AgentDefinition
from agent.definition.loading import load_agent
from agent.engine_settings import LLMSettings
from agent.keys import KeyRefusedError, check_key
from agent.knowledge import Folder, KnowledgeError
from agent.origin import HostsError, OwnNames, is_loopback, names_of
from agent.post_call import delivering
from agent.serving import ProxyNotice, check_port, port_argument, port_of, proxy_options
from agent.telephony import mask_logs

from . import metrics
from .engines import open_engines, sentence
from .media_choice import Choose, chooser
from .media_stream import open_streams_warning
from .server import create_app

METRICS = "PARLEY_PORT_METRICS"
"""Environment variable: the port of the metrics, 0 for any free one; none are served without it,
for the agent server of the same machine has them at its default."""


def main() -> None:
    """Read the profile, say in one sentence what is wrong with it, or serve."""
    parser = argparse.ArgumentParser(prog="python -m agent.bridge", description="Serve the bridge.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=port_argument, default=8090, help="port to listen on (%(default)s)"
    )
    arguments = parser.parse_args()
    try:
        profile = settings.load()
        agent = Agents(profile).usual()
        Agents(profile).all()  # says what is wrong with any of them
        loaded = agent.over(profile)
        choose = chooser(profile, agent)
    except settings.SettingsError as e:
        sys.exit(str(e))
    key, stream = loaded.bridge.api_key, loaded.bridge.stream_url
    if not is_loopback(arguments.host):
        if not key:
            sys.exit(
                f"--host {arguments.host} opens the bridge to others: set PARLEY_BRIDGE__API_KEY "
                "to a key that they must send."
            )
        try:
            check_key(key.get_secret_value(), name="PARLEY_BRIDGE__API_KEY")
        except KeyRefusedError as e:
            sys.exit(str(e))
    try:
        names = names_of(arguments.host, stream.host if stream else None)
    except HostsError as e:
        sys.exit(str(e))
    check_port(arguments.host, arguments.port, "the bridge", "--port", "--host")
    mask_logs()
    if warning := open_streams_warning(loaded.bridge):
        print(warning, file=sys.stderr)
    seen_at = port_of(METRICS, 0) if os.environ.get(METRICS) else None

    def model_of(named: str) -> LLMSettings:
        return load_agent(named).over(profile).llm

    kept = delivering(loaded.post_call if stream else None, model_of)
    asyncio.run(_serve(loaded, agent, choose, kept, arguments.host, arguments.port, names, seen_at))


async def _serve(
    loaded: settings.Settings,
    agent: AgentDefinition,
    choose: Choose,
    kept: AbstractAsyncContextManager[None],
    host: str,
    port: int,
    names: frozenset[str] | None,
    seen_at: int | None,
) -> None:
    async with AsyncExitStack() as stack:
        if seen_at is not None:
            address = os.environ.get("PARLEY_ADDRESS", "127.0.0.1")
            try:
                at = await stack.enter_async_context(metrics.serving(address, seen_at))
            except OSError as e:
                sys.exit(f"{METRICS} = {seen_at} cannot be used ({e.strerror}): set another port.")
            print(f"Metrics: http://{address}:{at}/metrics", flush=True)
        engines, open_call = await stack.enter_async_context(open_engines(loaded))
        metrics.follow(engines)
        try:
            await engines.warm()
        except APIError as e:
            sys.exit(sentence(e))
        documents = Folder(agent.documents) if agent.documents else None
        if documents:
            stack.push_async_callback(documents.aclose)
            with suppress(KnowledgeError):  # which is logged there
                await documents.ready()
        if loaded.bridge.stream_url:
            smart_turn.load()  # or the first caller would wait for it
            hunch.prewarm()
        await stack.enter_async_context(kept)
        app = create_app(loaded, agent, engines, open_call, choose, documents)
        await _Server(
            app.state.streams.say_goodbye,
            uvicorn.Config(
                ProxyNotice(OwnNames(app, names)),
                host=host,
                port=port,
                log_level="warning",
                ws="wsproto",
                ws_max_size=1 << 16,  # a message is 20 ms of sound
                timeout_graceful_shutdown=3,
                **proxy_options(),
            ),
        ).serve()


class _Server(uvicorn.Server):
    """Stops at a signal, once calls have ended after a word; a second Ctrl-C does not wait for it.

    Args:
        say_goodbye: Ends them.
        config: Of the server.
    """

    def __init__(
        self, say_goodbye: Callable[[], Coroutine[None, None, None]], config: uvicorn.Config
    ) -> None:
        super().__init__(config)
        self._say_goodbye = say_goodbye
        self._forced = asyncio.Event()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop, or stop at once if it was said before."""
        super().handle_exit(sig, frame)
        if self.force_exit:
            self._forced.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close what is open."""
        farewell = asyncio.create_task(self._say_goodbye(), name="farewell")
        forced = asyncio.create_task(self._forced.wait(), name="second signal")
        try:
            await asyncio.wait((farewell, forced), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await cancel_and_wait(farewell, forced)
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at a signal.

        uvicorn's own sends itself the signal again once it has stopped, which would end the program
        before engines are closed and records delivered.
        """
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        for number in numbers:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)


if __name__ == "__main__":
    main()
