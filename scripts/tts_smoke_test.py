"""Shows in seconds whether a vllm-omni server works: cold and warm first audio, speed, a stop."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from pathlib import Path
from statistics import quantiles

import aiohttp
from livekit.agents import APIError
from livekit.plugins import qwen3_tts

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from bench.tts import REPLIES


async def speak(voice: qwen3_tts.TTS, language: str) -> tuple[float, float, float]:
    """Speak one reply; return the seconds to its first audio, to its end, and of its audio."""
    first = audio = 0.0
    async with voice.stream(language=language) as stream:
        start = time.perf_counter()
        stream.push_text(REPLIES[language])
        stream.end_input()
        async for event in stream:
            first = first or time.perf_counter() - start
            audio += event.frame.duration
    return first, time.perf_counter() - start, audio


def _p(values: list[float], digits: int = 3) -> str:
    cuts = quantiles(values, n=20, method="inclusive")
    return f"{cuts[9]:.{digits}f}/{cuts[18]:.{digits}f}"


async def _main(url: str, times: int) -> int:
    async with aiohttp.ClientSession() as session:
        voice = qwen3_tts.TTS(base_url=url, http_session=session)
        try:
            first, _, _ = await speak(voice, "zh")
            print(f"cold first audio       {first:.3f} s")
            for language in REPLIES:
                rows = [await speak(voice, language) for _ in range(times)]
                print(
                    f"{language}, warm, P50/P95      first audio {_p([r[0] for r in rows])} s, "
                    f"total {_p([r[1] for r in rows])} s, RTF {_p([r[1] / r[2] for r in rows])}"
                )
            stream = voice.stream()
            stream.push_text(REPLIES["en"])
            stream.end_input()
            await anext(aiter(stream))
            start = time.perf_counter()
            await stream.aclose()
            print(f"stop                   closed in {1000 * (time.perf_counter() - start):.0f} ms")
        except APIError as e:
            print(e.message, file=sys.stderr)
            return 1
        finally:
            await voice.aclose()
    return 0


def main() -> int:
    """Read the command line and test the server; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8091/v1", help="(%(default)s)")
    parser.add_argument("--times", type=int, default=8, help="replies in a language, at least 2")
    args = parser.parse_args()
    return asyncio.run(_main(args.url, max(2, args.times)))


if __name__ == "__main__":
    sys.exit(main())
