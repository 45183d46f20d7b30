"""Normaliser: milliseconds per unit, cold start and memory.

Run with ``make bench-normalizer``. Units are sentences of 60 characters at most as a language
model writes them, each with figures that have not been seen before, so that no cache of numbers
can answer.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from livekit.plugins.qwen3_tts import normalizer

from harness import report

ROUNDS = 400

# The package is imported by itself: through the plugin it would be LiveKit's import that is timed.
_COLD = """
import sys, time
sys.path.insert(0, sys.argv[1])
def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * 4096 / 2**20
before, began = resident(), time.perf_counter()
import normalizer
imported = time.perf_counter()
normalizer.prewarm()
print((imported - began) * 1e3, (time.perf_counter() - imported) * 1e3, resident() - before)
"""


def _sentences(rng: random.Random) -> dict[str, list[str]]:
    def figure(below: int) -> int:
        return rng.randrange(1, below)

    day = f"{figure(13)}月{figure(29)}日"
    return {
        "plain": [
            "好的，没问题，我马上帮您查一下今天的天气情况，请稍等片刻。",
            "Of course, let me look that up for you, it will only take a moment.",
        ],
        "zh": [
            f"今天是20{figure(90):02d}年{day}，气温{figure(40)}.{figure(10)}℃，涨了{figure(100)}.5%。",
            f"价格是¥{figure(9999):,}.{figure(99):02d}，大约${figure(9999)}，共{figure(10**7)}个。",
            f"会议在下午{figure(12)}:{figure(60):02d}开始，需要{figure(5)}-{5 + figure(5)}天。",
            f"请拨打138{figure(10**8):08d}，**速度**是{figure(300)}km/h，占{figure(5)}/7。",
        ],
        "en": [
            f"It costs ${figure(9999):,}.{figure(99):02d}, up {figure(90)}.{figure(9)}% since "
            "03/05/2024.",
            f"Call 555-{figure(999):03d}-{figure(9999):04d} at {figure(12)}:{figure(60):02d}pm, "
            f"it's {figure(10**7):,} units.",
            f"Use v{figure(9)}.{figure(99)}.1 at {figure(300)} km/h, or {figure(10**6)} kg of "
            "*it*.",
        ],
        "mixed": [
            f"我用 Python 3.{figure(20)} 跑了 {figure(10**6)} 次，见 https://example.com/a{figure(99)}。",
            f"- **iPhone {figure(20)}**：{figure(999)}GB，{figure(9999)}元 😀",
        ],
    }


def _percentiles(values: list[float]) -> report.Metric:
    p99 = round(float(np.percentile(values, 99)), 3)
    return {**report.percentiles(values, "ms"), "p99": p99}


def _measure(say: Callable[[str], str]) -> dict[str, list[float]]:
    rng = random.Random(7)
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for kind, sentences in _sentences(rng).items():
            for sentence in sentences:
                unit = sentence[:60]
                began, began_cpu = time.perf_counter(), time.thread_time()
                say(unit)
                cpu, wall = time.thread_time() - began_cpu, time.perf_counter() - began
                times.setdefault(kind, []).append(wall * 1e3)
                # What the scheduler of a shared machine adds is not a cost of the normaliser.
                times.setdefault(f"{kind}.cpu", []).append(cpu * 1e3)
    return times


def main() -> None:
    """Measure and report."""
    argparse.ArgumentParser(prog="python -m bench.normalizer", description=__doc__).parse_args()
    plugin = str(Path(normalizer.__file__).parents[1])
    command = [sys.executable, "-c", _COLD, plugin]
    runs = [[float(field) for field in subprocess.check_output(command).split()] for _ in range(5)]

    normalizer.prewarm()
    for sentences in _sentences(random.Random(0)).values():
        for sentence in sentences:
            normalizer.normalize(sentence)

    times = _measure(normalizer.normalize)
    for clock in ("", ".cpu"):
        kinds = [kind for kind in times if kind.endswith(".cpu") == bool(clock)]
        times[f"all{clock}"] = [value for kind in kinds for value in times[kind]]
    metrics = {f"normalizer.unit.{kind}": _percentiles(values) for kind, values in times.items()}
    for name, column, unit in (("import", 0, "ms"), ("prewarm", 1, "ms"), ("memory", 2, "MiB")):
        median = float(np.median([run[column] for run in runs]))
        metrics[f"normalizer.{name}"] = {"value": round(median, 1), "n": len(runs), "unit": unit}
    report.write("normalizer", metrics, profile="one core")


if __name__ == "__main__":
    main()
