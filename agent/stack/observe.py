"""Prometheus, and Grafana where there is one, beside what runs: ``python -m agent.stack.observe``.

In a second terminal beside ``make demo``, ``make phone`` or ``make gpu``. What was seen stays in
``output/observe`` for a week.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import yaml

from agent import settings
from agent.settings import CONFIGS, SettingsError
from agent.stand_ins import ENGINES

from . import ports as port_table
from .placement import place
from .ports import LOOPBACK, Port, PortError
from .readiness import StackError, wait_ready
from .stack import ROOT
from .supervision import Program, Supervisor
from .terminal import say, until_stopped

CONFIG = CONFIGS / "observability"
OBSERVE_PORTS = (Port("prometheus", 9090, "Prometheus"), Port("grafana", 3000, "Grafana"))
FOLDER = ROOT / "output" / "observe"
_KEPT = "7d"
_READY_SECONDS = 120.0  # Grafana makes its database the first time


def targets() -> dict[str, list[str]]:
    """Base URLs of what has metrics, by the name of its job, as the environment says.

    Raises:
        PortError, SettingsError: The environment is wrong; the text says what is allowed.
    """
    numbers = port_table.chosen()
    address = os.environ.get("PARLEY_ADDRESS", LOOPBACK)
    found = {"agent": [f"http://{address}:{numbers['metrics']}"]}
    elsewhere = os.environ.get("LIVEKIT_URL")
    if not elsewhere or os.environ.get("PARLEY_PORT_LIVEKIT_METRICS"):
        found["livekit"] = [f"http://{LOOPBACK}:{numbers['livekit_metrics']}"]
    profile = settings.load()
    placement = place(profile, numbers)
    sections = {"llm": profile.llm.urls, "stt": [profile.stt.url], "tts": profile.tts.urls}
    for name in ENGINES:
        ours = [f"http://{LOOPBACK}:{numbers[name]}"] if name in placement.here else []
        found[name] = [*(sections[name] if name in placement.elsewhere else ()), *ours]
    return found


@contextmanager
def watched(job: str, port: int, folder: Path = FOLDER) -> Iterator[None]:
    """Have something watched for as long as the context lasts, and raise no alarm after it.

    A file of its own says where it is, which Prometheus follows: of another stack on this machine
    there is another. Those of stacks that were killed are removed here.

    Args:
        job: Its name among the jobs of ``prometheus.yaml``.
        port: Where its metrics are, on this machine.
        folder: As for :func:`run`.
    """
    targets = folder / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    for other in targets.glob(f"{job}-*.yaml"):
        if not _listens(other.stem.removeprefix(f"{job}-")):
            other.unlink(missing_ok=True)
    file = targets / f"{job}-{port}.yaml"
    written = file.with_suffix(".new")  # nobody reads half a file
    written.write_text(yaml.safe_dump([{"targets": [f"{LOOPBACK}:{port}"]}]), encoding="utf-8")
    os.replace(written, file)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _listens(port: str) -> bool:
    try:
        with socket.create_connection((LOOPBACK, int(port)), timeout=1.0):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def configuration(targets: Mapping[str, list[str]], folder: Path = FOLDER) -> dict[str, Any]:
    """``prometheus.yaml`` for other targets; what has none, and no file for it, is left out."""
    config: dict[str, Any] = yaml.safe_load((CONFIG / "prometheus.yaml").read_text("utf-8"))
    config["rule_files"] = [str(CONFIG / name) for name in config["rule_files"]]
    jobs = []
    for job in config["scrape_configs"]:
        if urls := [urlsplit(url) for url in targets.get(job["job_name"], [])]:
            where = {"targets": [url.netloc for url in urls]}
            jobs.append({**job, "scheme": urls[0].scheme, "static_configs": [where]})
        elif "file_sd_configs" in job:
            files = [
                str(folder / name) for each in job["file_sd_configs"] for name in each["files"]
            ]
            jobs.append({**job, "file_sd_configs": [{"files": files}]})
    return {**config, "scrape_configs": jobs}


def prometheus(port: int, folder: Path) -> Program:
    """Prometheus, with the configuration in a folder.

    Raises:
        StackError: It is not installed; the text says what to do.
    """
    if not shutil.which("prometheus"):
        raise StackError("Prometheus is not installed: apt-get install prometheus.")
    return Program(
        name="prometheus",
        what="Prometheus",
        command=[
            "prometheus",
            f"--config.file={folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={folder / 'prometheus'}",
            f"--storage.tsdb.retention.time={_KEPT}",
            f"--web.listen-address={LOOPBACK}:{port}",
        ],
        health=f"http://{LOOPBACK}:{port}/-/ready",
    )


def grafana(port: int) -> Program | None:
    """Grafana: the program on PATH, else its container image; None if there is neither."""
    if found := shutil.which("grafana"):
        packaged = Path("/usr/share/grafana")
        home = packaged if packaged.is_dir() else Path(found).resolve().parent.parent
        command = ["grafana", "server", "--homepath", str(home)]
    elif _docker_runs():
        image = os.environ.get("PARLEY_GRAFANA_IMAGE", "grafana/grafana:latest")
        handed = [word for name in _grafana_variables(port, 0) for word in ("-e", name)]
        mount = f"{CONFIG}:{CONFIG}:ro"
        command = ["docker", "run", "--rm", "--network", "host", "-v", mount, *handed, image]
    else:
        return None
    return Program(
        name="grafana",
        what="Grafana",
        command=command,
        health=f"http://{LOOPBACK}:{port}/api/health",
    )


def _docker_runs() -> bool:
    if not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True).returncode == 0


def _grafana_variables(port: int, prometheus_port: int) -> dict[str, str]:
    dashboards = CONFIG / "grafana" / "dashboards"
    return {
        "PROMETHEUS_URL": f"http://{LOOPBACK}:{prometheus_port}",
        "DASHBOARDS": str(dashboards),
        "GF_PATHS_PROVISIONING": str(CONFIG / "grafana"),
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": str(dashboards / "parley.json"),
        "GF_SERVER_HTTP_ADDR": LOOPBACK,
        "GF_SERVER_HTTP_PORT": str(port),
        # Whoever is on this machine may look; nobody needs a password for that.
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        # Nothing leaves the machine.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
    }


async def run(
    numbers: Mapping[str, int],
    targets: Mapping[str, list[str]],
    folder: Path = FOLDER,
    on_line: Callable[[str], None] = say,
) -> None:
    """Run both until cancelled.

    Args:
        numbers: Port numbers by name, as in :data:`OBSERVE_PORTS`.
        targets: Base URLs of what has metrics, by the name of its job.
        folder: Where the configuration, the logs and what was seen are kept.
        on_line: Called with one line for each thing worth telling a person.

    Raises:
        StackError: Something is missing or does not start; the text says what.
    """
    at = numbers["prometheus"]
    shown = grafana(numbers["grafana"])
    programs = [prometheus(at, folder), *([shown] if shown else [])]
    _write(configuration(targets, folder), folder)
    supervisor = Supervisor(
        programs,
        environment={
            **os.environ,
            **_grafana_variables(numbers["grafana"], at),
            "GF_PATHS_DATA": str(folder / "grafana"),
        },
        folder=ROOT,
        logs=folder / "logs",
        on_line=on_line,
    )
    async with supervisor:
        await wait_ready(supervisor, programs, on_line=on_line, within=_READY_SECONDS)
        if shown:
            on_line(f"\n  Open http://{LOOPBACK}:{numbers['grafana']}.\n")
        else:
            on_line(
                f"\n  Open http://{LOOPBACK}:{at}/alerts. There are no dashboards, because there is"
                "\n  neither a grafana on PATH nor a docker that runs.\n"
            )
        if not await _answers(targets["agent"][0]):
            on_line(
                f"The agent's metrics are not at {targets['agent'][0]}/metrics yet: start"
                " `make demo` in another terminal, or set PARLEY_PORT_METRICS."
            )
        raise StackError(f"supervisord ended by itself: {await supervisor.ended()}")


def _write(config: Mapping[str, Any], folder: Path) -> None:
    # Prometheus follows files in folders that there are.
    (folder / "targets").mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(config, sort_keys=False)
    (folder / "prometheus.yaml").write_text(text, encoding="utf-8")


async def _answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
        try:
            return (await client.get(f"{url}/metrics")).is_success
        except httpx.TransportError:
            return False


async def _run() -> None:
    numbers = port_table.chosen(OBSERVE_PORTS)
    port_table.check(numbers, ports=OBSERVE_PORTS)
    await run(numbers, targets())


def main() -> None:
    """Run, and end with one sentence where something is in the way."""
    try:
        asyncio.run(until_stopped(_run()))
    except (PortError, SettingsError, StackError) as e:
        sys.exit(str(e))


if __name__ == "__main__":
    main()
