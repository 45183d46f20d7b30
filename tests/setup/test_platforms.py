"""On which machines what uv.lock names can be installed, by the files that it lists."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms
from packaging.utils import parse_wheel_filename

ROOT = Path(__file__).resolve().parents[2]
PYTHONS = ((3, 11), (3, 12), (3, 13))

BUILT = {"jieba"}
"""What has no wheel, and is built without a compiler: nothing of it is compiled."""

_GLIBC = 35  # 2.35: Ubuntu 22.04, and Debian 12, have at least that
_LINUX = ("manylinux1", "manylinux2010", "manylinux2014")
_MACOS = (14, 0)

MACHINES = {
    "Linux, x86-64": ("linux", "x86_64"),
    "Linux, arm64": ("linux", "aarch64"),
    "macOS, Apple silicon": ("darwin", "arm64"),
    "macOS, Intel": ("darwin", "x86_64"),
}

MISSING = {"macOS, Intel": {"cryptography", "onnxruntime"}}
"""What stops a machine, as docs/deploy.md says: its makers build no wheels for it any more."""


def platforms(system: str, machine: str) -> list[str]:
    """Platform tags of the wheels that a machine takes."""
    if system == "darwin":
        return list(mac_platforms(_MACOS, machine))
    newer = [f"manylinux_2_{minor}" for minor in range(5, _GLIBC + 1)]
    return [f"{each}_{machine}" for each in (*newer, *_LINUX, "linux")]


def tags(python: tuple[int, int], system: str, machine: str) -> set[Tag]:
    """Tags of the wheels that a Python there takes."""
    accepted = platforms(system, machine)
    interpreter = f"cp{python[0]}{python[1]}"
    return {
        *cpython_tags(python, platforms=accepted),
        *compatible_tags(python, interpreter, accepted),
    }


def needed(lock: dict[str, Any], python: tuple[int, int], system: str, machine: str) -> list[Any]:
    """The packages of everything that is shipped, on such a machine; no tests' own."""
    environment = {
        "python_version": ".".join(map(str, python)),
        "python_full_version": ".".join(map(str, (*python, 0))),
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": system,
        "platform_system": {"linux": "Linux", "darwin": "Darwin"}[system],
        "platform_machine": machine,
        "os_name": "posix",
        "extra": "",
    }
    found: dict[tuple[str, str], Any] = {}

    def holds(dependency: dict[str, Any]) -> bool:
        return "marker" not in dependency or Marker(dependency["marker"]).evaluate(environment)

    def follow(dependencies: list[dict[str, Any]]) -> None:
        for dependency in filter(holds, dependencies):
            candidates = [
                package
                for package in lock["package"]
                if package["name"] == dependency["name"]
                and package.get("version") == dependency.get("version", package.get("version"))
            ]
            (package,) = candidates
            extras = package.get("optional-dependencies", {})
            key = (package["name"], ",".join(dependency.get("extra", ())))
            if key not in found:
                found[key] = package
                follow(package.get("dependencies", []))
                for extra in dependency.get("extra", ()):
                    follow(extras[extra])

    (ours,) = (package for package in lock["package"] if package["name"] == "parley")
    follow([{"name": "parley", "extra": list(ours["optional-dependencies"])}])
    return list(found.values())


def without_a_wheel(packages: list[Any], accepted: set[Tag]) -> Iterator[str]:
    """Names of the packages of which no wheel is accepted."""
    for package in packages:
        if "registry" not in package["source"]:
            continue  # ours
        names = [wheel["url"].rpartition("/")[2] for wheel in package.get("wheels", ())]
        if not any(accepted & parse_wheel_filename(name)[3] for name in names):
            yield package["name"]


@pytest.fixture(scope="module")
def lock() -> dict[str, Any]:
    return tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_package_can_be_installed_without_a_compiler(
    lock: dict[str, Any], machine: str, python: tuple[int, int]
) -> None:
    system, processor = MACHINES[machine]
    packages = needed(lock, python, system, processor)
    assert len(packages) > 100
    missing = set(without_a_wheel(packages, tags(python, system, processor)))
    assert missing - BUILT == MISSING.get(machine, set())


def test_a_missing_wheel_is_found(lock: dict[str, Any]) -> None:
    packages = needed(lock, (3, 11), "linux", "x86_64")
    missing = set(without_a_wheel(packages, tags((3, 11), "linux", "riscv64")))
    assert {"ctranslate2", "livekit", "numpy"} <= missing
