"""``python -m agent.gpu llm|tts|stt``: start one GPU service, wait until it is ready, and stay.

scripts/run_*_server.sh call this. What the server says goes to ``output/NAME.log`` as well. One
whose health is that of a dead engine is ended and started again: nari-qwen3-tts would refuse
everything for ever.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import aiohttp
import psutil

from .machine import Refusal, check_port, gpu
from .services import ROOT, SERVICES, Service, command

# Weights from a slow disk, compilation and graphs: 360 s were seen on an H100. Seconds.
_READY_WITHIN = 1800.0
# Once it was ready, its health is asked for so often; a dead engine takes a minute to start again.
_LOOK_EVERY = 1.0
# vLLM hands its GPU memory back when it is asked to stop; nari-qwen3-tts has not ended after 15 s
# once, many clients having gone before. Seconds.
_STOP_WITHIN = 20.0
# A starter, a second unit and a full main, alone and eight at once: what each of them compiles or
# captures is then done before anybody waits for it.
_WARM_UP = ("好的。", "今天天气不错，我们出去走走。", "The museum opens at nine. " * 4)
# Nine seconds of speech, for a model that does not find the end. Codec frames.
_WARM_UP_FRAMES = 112


class _NotReady(Exception):
    """A server will not be ready; the text says why."""


async def _warm(session: aiohttp.ClientSession, url: str, streamed: Mapping[str, object]) -> None:
    async with session.get(f"{url}/v1/models") as models:
        model = (await models.json())["data"][0]["id"]

    async def say(text: str) -> None:
        body = {"model": model, "input": text, "response_format": "pcm", **streamed}
        body["max_new_tokens"] = _WARM_UP_FRAMES
        async with session.post(f"{url}/v1/audio/speech", json=body) as response:
            response.raise_for_status()
            await response.read()

    for text in _WARM_UP:
        await say(text)
        await asyncio.gather(*(say(text) for _ in range(8)))


async def _until(status: int, session: aiohttp.ClientSession, url: str, *, every: float) -> None:
    while True:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError):
            async with session.get(f"{url}/health") as response:
                if response.status == status:
                    return
        await asyncio.sleep(every)


async def _until_dead(service: Service, url: str, log: Path) -> None:
    """Say that a server is ready, and return when its health is that of a dead engine.

    Raises:
        _NotReady: It never was ready.
    """
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await _until(200, session, url, every=0.5)
                if service.streamed:
                    await _warm(session, url, service.streamed)
        except (TimeoutError, aiohttp.ClientError) as e:
            raise _NotReady(f"{service.what} is not ready: {e!r}; see {log}.") from e
        print(f"{service.what} is ready at {url}", flush=True)
        await _until(503, session, url, every=_LOOK_EVERY)
    print(f"{service.what} is dead by its own word, and is started again", flush=True)


async def _copy(output: asyncio.StreamReader, file: BinaryIO) -> None:
    while data := await output.read(65_536):
        file.write(data)
        file.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a service with all that it has started, which would keep the GPU's memory."""
    with contextlib.suppress(ProcessLookupError, psutil.NoSuchProcess):
        started = psutil.Process(process.pid).children(recursive=True)
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_WITHIN):
                await process.wait()
        except TimeoutError:
            process.kill()
        for each in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


async def _run(service: Service, line: list[str], url: str) -> int:
    log = ROOT / "output" / f"{service.name}.log"
    await asyncio.to_thread(log.parent.mkdir, parents=True, exist_ok=True)
    told_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_stop.set)
    with log.open("wb") as file:
        while True:
            process = await asyncio.create_subprocess_exec(
                *line,
                env={**os.environ, **service.environment},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            assert process.stdout is not None
            copying = asyncio.create_task(_copy(process.stdout, file))
            dead = asyncio.create_task(_until_dead(service, url, log))
            stop = asyncio.create_task(told_to_stop.wait())
            try:
                await asyncio.wait((copying, dead, stop), return_when=asyncio.FIRST_COMPLETED)
                if not copying.done():
                    await _end(process)
                await copying
            finally:
                for task in (copying, dead, stop):
                    task.cancel()
                await asyncio.gather(copying, dead, stop, return_exceptions=True)
            status = await process.wait()
            if dead.cancelled() or told_to_stop.is_set():
                return status
            try:
                dead.result()
            except _NotReady as e:
                print(e, file=sys.stderr, flush=True)
                return status or 1


def main() -> int:
    """Check the machine, print the command and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.gpu", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--print", action="store_true", help="print the command and exit")
    args = parser.parse_args()
    host = os.environ.get("PARLEY_ADDRESS", "127.0.0.1")
    try:
        service = SERVICES[args.service](os.environ, gpu())
        name = args.service.upper()
        check_port(host, service.port, f"{name}_PORT")
        path = service.program.find()
    except Refusal as e:
        print(e, file=sys.stderr)
        return 1
    line = command(service, path, host, os.environ.get(f"{name}_EXTRA_ARGS", ""))
    settings = [f"{key}={value}" for key, value in service.environment.items()]
    print(shlex.join([*settings, *line]), flush=True)
    if args.print:
        return 0
    return asyncio.run(_run(service, line, f"http://{host}:{service.port}"))


if __name__ == "__main__":
    sys.exit(main())
