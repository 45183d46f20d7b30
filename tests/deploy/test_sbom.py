"""The lists of packages in the images: as `make sbom` makes them, they hold what is installed."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.setup.test_packages import ROOT, UV

IMAGES = {"agent": ROOT, "demo": ROOT, "router": ROOT / "deploy/router"}
"""Where the uv.lock of each image is."""
KEPT = "/usr/share/doc/parley/sbom.json"


def made(image: str) -> list[str]:
    """The command by which `make sbom` makes the list of an image."""
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nsbom:")[2].partition("\n\n")[0]
    _, _, recipe = recipe.partition("\n")
    (line,) = (line for line in recipe.splitlines() if line.endswith(f" dist/sbom-{image}.json"))
    assert line.startswith("\t$(UV) export ")
    return shlex.split(line)[1:]


def stage(image: str) -> str:
    """The lines of a stage of the Dockerfile, each on one."""
    file = (ROOT / "deploy/Dockerfile").read_text("utf-8").replace("\\\n", " ")
    return file.partition(f"FROM python AS {image}\n")[2].partition("\nFROM ")[0]


def packages(command: list[str]) -> set[str]:
    """What a command says of which packages it is for."""
    return set(re.findall(r"--no-dev|--all-packages|--all-extras|--extra \S+", " ".join(command)))


@pytest.fixture(params=IMAGES)
def image(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def listed(image: str, tmp_path: Path) -> dict[str, Any]:
    *command, _ = made(image)
    subprocess.run([UV, *command, tmp_path / "sbom.json"], cwd=ROOT, check=True, timeout=60)
    listed: dict[str, Any] = json.loads((tmp_path / "sbom.json").read_text("utf-8"))
    return listed


def test_the_image_of_the_agent_lacks_nothing_but_the_engines_of_a_cpu() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = set(re.findall(r"--extra (\S+)", stage("agent")))
    assert extras == {*project["optional-dependencies"]} - {"local"}


def test_an_image_holds_the_list_of_what_is_installed_in_it(image: str) -> None:
    (run,) = re.findall(r"^RUN (uv sync .*)$", stage(image), re.MULTILINE)
    steps = [shlex.split(step) for step in run.split("&&")]
    (installed,) = (step for step in steps if "sync" in step)
    (kept,) = (step for step in steps if "export" in step)
    assert kept[-2:] == ["--output-file", KEPT]
    assert packages(installed) == packages(kept) == packages(made(image))
    assert "--locked" in installed
    assert f"LABEL parley.sbom={KEPT}" in (ROOT / "deploy/Dockerfile").read_text("utf-8")


def test_a_list_is_cyclonedx(listed: dict[str, Any]) -> None:
    validation = pytest.importorskip("cyclonedx.validation.json")
    schema = pytest.importorskip("cyclonedx.schema")
    validator = validation.JsonStrictValidator(schema.SchemaVersion.V1_5)
    # The validator takes long for each address, and there are 3,000, one for each file.
    for component in listed["components"][1:]:
        component.pop("externalReferences", None)
    assert validator.validate_str(json.dumps(listed)) is None
    del listed["components"][0]["name"]
    assert validator.validate_str(json.dumps(listed)) is not None  # it can fail


def test_a_list_has_what_the_lock_has(image: str, listed: dict[str, Any]) -> None:
    lock = tomllib.loads((IMAGES[image] / "uv.lock").read_text("utf-8"))
    files = {
        (package["name"], package.get("version")): {
            file["hash"] for file in [package.get("sdist"), *package.get("wheels", [])] if file
        }
        for package in lock["package"]
    }
    for component in listed["components"]:
        key = (component["name"], component.get("version"))
        if "purl" not in component:  # of this repository
            assert component["name"].startswith(("parley", "livekit-plugins-"))
            continue
        assert component["purl"] == f"pkg:pypi/{key[0]}@{key[1]}"
        hashes = {
            f"sha256:{each['content']}"
            for reference in component["externalReferences"]
            for each in reference["hashes"]
        }
        assert hashes
        assert hashes <= files[key]


def test_the_lists_have_what_runs_and_nothing_else(image: str, listed: dict[str, Any]) -> None:
    names = {component["name"] for component in listed["components"]}
    runs = {
        "agent": {"livekit-agents", "livekit-plugins-vllm", "starlette", "authlib", "redis"},
        "demo": {"livekit-agents", "starlette", "supervisor", "faster-whisper", "xllamacpp"},
        "router": {"vllm-router", "fastapi"},
    }
    assert runs[image] <= names
    assert not names & {"pytest", "mypy", "playwright"}
    assert ("faster-whisper" in names) == (image == "demo")
