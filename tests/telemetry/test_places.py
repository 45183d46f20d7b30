"""Processes that come and go, and the page that has all their figures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from agent.telemetry import places

# The module alone: the package around it takes seconds to import.
JOB = """
import sys
from pathlib import Path
from places import Place
from prometheus_client import Counter, Histogram, values
values.ValueClass = values.MultiProcessValue(Place(Path(sys.argv[1])))
Counter("answers", "Answers").inc()
Histogram("waited", "Seconds").observe(1.0)
print("counted", flush=True)
sys.stdin.read()
"""


def job(folder: Path) -> subprocess.Popen[str]:
    """A process that has counted an answer and how long it took, and waits for its end."""
    process = subprocess.Popen(
        [sys.executable, "-c", JOB, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(places.__file__).parent,
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "counted\n"
    return process


def page(folder: Path) -> list[str]:
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))  # type: ignore[no-untyped-call]
    return generate_latest(registry).decode().splitlines()


def test_a_process_goes_on_with_the_figures_of_one_that_has_ended(tmp_path: Path) -> None:
    first, beside = job(tmp_path), job(tmp_path)
    files = sorted(path.name for path in tmp_path.glob("*.db"))
    assert len(files) == 4  # a counter's and a histogram's, of each
    first.send_signal(signal.SIGKILL)
    first.communicate()
    after = job(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.db")) == files
    for process in (beside, after):
        process.communicate()
    assert {"answers_total 3.0", "waited_count 3.0"} < set(page(tmp_path))
