"""Speak with the bridge: play its answer, keep it, and draw how long each stage took.

python scripts/bridge_client.py "What is rain?" --out reply.wav --timeline turn.svg
python scripts/bridge_client.py --audio question.wav --play
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import shutil
import sys
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from agent.bridge.timeline import Lane, draw

# Whatever plays raw sound on Linux; the first that is installed.
_PLAYERS = (
    ["pw-play", "--rate=24000", "--channels=1", "--format=s16", "-"],
    ["paplay", "--raw", "--rate=24000", "--channels=1", "--format=s16le"],
    ["aplay", "-q", "-t", "raw", "-r", "24000", "-c", "1", "-f", "S16_LE"],
    ["ffplay", "-loglevel", "error", "-nodisp", "-autoexit", "-f", "s16le", "-ar", "24000", "-"],
)


@contextlib.asynccontextmanager
async def player() -> AsyncIterator[asyncio.StreamWriter]:
    """A program that plays what is written to it, to its end."""
    command = next((c for c in _PLAYERS if shutil.which(c[0])), None)
    if command is None:
        sys.exit(f"No player is installed: install {', '.join(c[0] for c in _PLAYERS)}.")
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield process.stdin
        process.stdin.close()
        await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()


async def ask(args: argparse.Namespace, audio: bytes | None) -> tuple[bytes, dict[str, Any]]:
    """Send the question; return the answer's sound and the request's figures."""
    headers = {"Authorization": f"Bearer {args.key}"} if args.key else {}
    named = {"language": args.language, "conversation": args.conversation}
    fields = {name: value for name, value in named.items() if value}
    sound = bytearray()
    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(base_url=args.url, headers=headers)
        )
        speaker = await stack.enter_async_context(player()) if args.play else None
        start = time.perf_counter()
        if audio is None:
            request = session.post("/bridge/chat", json={"text": args.text, **fields})
        else:
            kind = {"content-type": "audio/wav"}
            request = session.post("/bridge/chat", params=fields, data=audio, headers=kind)
        async with request as response:
            if response.status != 200:
                sys.exit((await response.json())["error"]["message"])
            async for chunk in response.content.iter_any():
                if not sound:
                    print(f"first audio here after {1000 * (time.perf_counter() - start):.0f} ms")
                    print(f"  {response.headers['server-timing']}")
                sound += chunk
                if speaker:
                    speaker.write(chunk)
                    await speaker.drain()
        name = response.headers["x-request-id"]
        async with session.get(f"/bridge/requests/{name}") as figures:
            return bytes(sound), await figures.json()


def main() -> None:
    """Read the command line, ask, and show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", help="what to say")
    parser.add_argument("--audio", type=Path, help="or a recording of it: a WAV file of 16 bits")
    parser.add_argument("--url", default="http://127.0.0.1:8090", help="(%(default)s)")
    parser.add_argument("--key", help="the bridge's key, if it asks for one")
    parser.add_argument("--language", help="its tag, such as en")
    parser.add_argument("--conversation", help="a name, so that it can be continued later")
    parser.add_argument("--play", action="store_true", help="play the answer as it comes")
    parser.add_argument("--out", type=Path, help="write the answer to this WAV file")
    parser.add_argument("--timeline", type=Path, help="draw the turn to this SVG file")
    args = parser.parse_args()
    if (args.text is None) == (args.audio is None):
        parser.error("give a text or --audio")
    try:
        audio = args.audio.read_bytes() if args.audio else None
        sound, figures = asyncio.run(ask(args, audio))
    except (OSError, aiohttp.ClientError) as e:
        sys.exit(f"No answer from {args.url}: {e}")
    if figures["heard"]:
        print(f"heard: {figures['heard']}")
    print(f"said: {figures['text']}")
    print("  " + ", ".join(f"{name} {n}" for name, n in figures["statistics"].items()))
    if args.out:
        with wave.open(str(args.out), "wb") as file:
            file.setparams((1, 2, 24_000, 0, "NONE", ""))
            file.writeframes(sound)
    if args.timeline:
        draw(Lane.of(figures), args.timeline)


if __name__ == "__main__":
    main()
