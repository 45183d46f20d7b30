"""All of a GPU machine in one run: the TTS, the language model beside it, the bridge.

``make bench-gpu`` with the services of scripts/run_{tts,llm}_server.sh and run_demo_bridge.sh
running at their default ports. Writes ``bench/out/gpu.json``, a plot of first audio against streams
and one of a turn; ``--small`` takes a minute, for a machine without a GPU.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from pathlib import Path

import aiohttp

from agent.bridge.timeline import Lane, draw
from harness import plot, report
from harness.gpu_memory import memory

from . import bridge, units

LLM, TTS, BRIDGE = "http://127.0.0.1:8000", "http://127.0.0.1:8091", "http://127.0.0.1:8090"


async def llm(url: str) -> dict[str, report.Metric]:
    """The figures of ``python -m bench.llm``, in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.llm", f"{url}/v1", "--turns", "5", "--warmed", "0"),
        # At a lower temperature random weights repeat one thing for ever.
        *("--conversations", "1", "8", "32", "--temperature", "1"),
    )
    if await process.wait():
        sys.exit(f"bench.llm ended with status {process.returncode}.")
    written = json.loads((report.OUT / "llm.json").read_text(encoding="utf-8"))
    return dict(written["metrics"])


async def turn(url: str) -> list[Lane]:
    """One turn at the bridge, as lanes of a picture."""
    async with aiohttp.ClientSession() as session:
        body = {"text": bridge.QUESTIONS[0]}
        async with session.post(f"{url}/bridge/chat", json=body) as response:
            await response.read()
            name = response.headers["x-request-id"]
        async with session.get(f"{url}/bridge/requests/{name}") as figures:
            return Lane.of(await figures.json())


async def versions(urls: dict[str, str]) -> str:
    """The version that each server gives at ``/version``; a server that gives none is left out."""
    found = []
    async with aiohttp.ClientSession() as session:
        for name, url in urls.items():
            async with session.get(f"{url}/version") as response:
                if response.status == 200:
                    found.append(f"{name} vLLM {(await response.json())['version']}")
    return ", ".join(found)


def prefixed(prefix: str, metrics: dict[str, report.Metric]) -> dict[str, report.Metric]:
    """The same figures under keys of their own."""
    return {f"{prefix}.{key}": metric for key, metric in metrics.items()}


async def _main(args: argparse.Namespace) -> None:
    streams = [2] if args.small else [1, 8, 16, 32, 64]
    speech = await units.measure([f"{args.tts}/v1"], streams, requests=4 if args.small else 64)
    metrics = prefixed("tts", speech)
    if not args.small:  # 1,000 tokens of prompt, again and again: minutes on a CPU
        metrics |= prefixed("alone", await llm(args.llm))
        async with units.busy(f"{args.tts}/v1", 8):
            metrics |= prefixed("beside_tts", await llm(args.llm))
    metrics |= prefixed(
        "bridge",
        await bridge.measure(
            args.bridge,
            [args.llm, args.tts],
            [1] if args.small else [1, 8, 16],
            row=3 if args.small else 200,
            stops=2 if args.small else 20,
        ),
    )
    served = await versions({"LLM": args.llm, "TTS": args.tts})
    profile = "; ".join(filter(None, [args.profile, served]))
    path = report.write("gpu", metrics | memory(), profile=profile)
    draw(await turn(args.bridge), path.with_name("gpu_turn.svg"))
    plot.first_audio(speech, streams, path.with_name("gpu_first_audio.svg"))


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu", description=__doc__)
    parser.add_argument("--llm", default=LLM, help="address without /v1 (%(default)s)")
    parser.add_argument("--tts", default=TTS, help="address without /v1 (%(default)s)")
    parser.add_argument("--bridge", default=BRIDGE, help="address (%(default)s)")
    parser.add_argument("--config", help="the TTS's deploy YAML, whose hash is recorded")
    parser.add_argument("--profile", default="unnamed", help="what was measured, in words")
    parser.add_argument("--small", action="store_true", help="few of everything")
    args = parser.parse_args()
    if args.config:
        # The file's content says what was measured, whatever its name is by then.
        args.profile += " " + hashlib.sha256(Path(args.config).read_bytes()).hexdigest()[:12]
    asyncio.run(_main(args))


if __name__ == "__main__":
    main()
