"""``python -m agent.gpu llm|tts|stt``: start one GPU service, wait until it is ready, and stay.

scripts/run_*_server.sh call this. What the server says goes to ``output/NAME.log`` as well.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

import aiohttp

from .machine import Refusal, check_port, gpu
from .services import SERVICES, Service, command

ROOT = Path(__file__).resolve().parents[2]

# Weights from a slow disk, compilation and graphs: 360 s were seen on an H100. Seconds.
_READY_WITHIN = 1800.0
# A starter, a second unit and a full main, alone and eight at once: what each of them compiles or
# captures is then done before anybody waits for it.
_WARM_UP = ("好的。", "今天天气不错，我们出去走走。", "The museum opens at nine. " * 4)
# Nine seconds of speech, for a model that does not find the end. Codec frames.
_WARM_UP_FRAMES = 112


async def _warm(session: aiohttp.ClientSession, url: str) -> None:
    async with session.get(f"{url}/v1/models") as models:
        model = (await models.json())["data"][0]["id"]

    async def say(text: str) -> None:
        body = {"model": model, "input": text, "response_format": "pcm", "stream_format": "audio"}
        body["max_new_tokens"] = _WARM_UP_FRAMES
        async with session.post(f"{url}/v1/audio/speech", json=body) as response:
            response.raise_for_status()
            await response.read()

    for text in _WARM_UP:
        await say(text)
        await asyncio.gather(*(say(text) for _ in range(8)))


async def _until_ready(service: Service, url: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        while True:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(f"{url}/health") as response:
                    if response.status == 200:
                        break
            await asyncio.sleep(0.5)
        if service.name == "tts":
            await _warm(session, url)


async def _run(service: Service, line: list[str], url: str) -> int:
    log = ROOT / "output" / f"{service.name}.log"
    await asyncio.to_thread(log.parent.mkdir, parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *line,
        env={**os.environ, **service.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, process.terminate)

    async def tell() -> None:
        try:
            async with asyncio.timeout(_READY_WITHIN):
                await _until_ready(service, url)
        except (TimeoutError, aiohttp.ClientError) as e:
            print(f"{service.what} is not ready: {e!r}; see {log}.", file=sys.stderr, flush=True)
            process.terminate()
        else:
            print(f"{service.what} is ready at {url}", flush=True)

    telling = asyncio.create_task(tell())
    assert process.stdout is not None
    try:
        with log.open("wb") as file:
            while data := await process.stdout.read(65_536):
                file.write(data)
                file.flush()
                sys.stdout.buffer.write(data)
                sys.stdout.flush()
        return await process.wait()
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)


def main() -> int:
    """Check the machine, print the command and run it; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m agent.gpu", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--print", action="store_true", help="print the command and exit")
    args = parser.parse_args()
    host = os.environ.get("PARLEY_ADDRESS", "127.0.0.1")
    vllm = shutil.which("vllm", path=f"{ROOT}/.venv-gpu/bin{os.pathsep}{os.environ['PATH']}")
    try:
        service = SERVICES[args.service](os.environ, gpu())
        name = args.service.upper()
        check_port(host, service.port, f"{name}_PORT")
        if vllm is None:
            raise Refusal("vllm is neither in .venv-gpu nor on PATH: run `make setup-gpu`.")
    except Refusal as e:
        print(e, file=sys.stderr)
        return 1
    line = command(service, vllm, host, os.environ.get(f"{name}_EXTRA_ARGS", ""))
    settings = [f"{key}={value}" for key, value in service.environment.items()]
    print(shlex.join([*settings, *line]), flush=True)
    if args.print:
        return 0
    return asyncio.run(_run(service, line, f"http://{host}:{service.port}"))


if __name__ == "__main__":
    sys.exit(main())
