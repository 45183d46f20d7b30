"""What is published, and by which steps: descriptions, the check of a tag, workflows."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.check_release import ReleaseError, checked, newest_of, version_of

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted((ROOT / "plugins").glob("livekit-plugins-*"))
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]


def project(package: Path) -> dict[str, Any]:
    described: dict[str, Any] = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))
    said: dict[str, Any] = described["project"]
    return said


def workflow(name: str) -> dict[str, Any]:
    # YAML's own reader takes `on` for true.
    text = (ROOT / ".github/workflows" / name).read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(re.sub(r"^on:", '"on":', text, flags=re.M))
    return found


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in workflow(name)["jobs"].values() for step in job["steps"]]


def test_there_are_three() -> None:
    assert [path.name.removeprefix("livekit-plugins-") for path in PACKAGES] == [
        *("qwen3-tts", "turn-taking", "vllm")
    ]


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_says_what_an_index_shows(package: Path) -> None:
    said = project(package)
    assert said["requires-python"] == ">=3.11,<3.15"
    named = {
        entry.rpartition(" ")[2]
        for entry in said["classifiers"]
        if entry.startswith("Programming Language :: Python :: 3.")
    }
    assert sorted(named) == PYTHONS
    assert {"Typing :: Typed", "Intended Audience :: Developers"} <= {*said["classifiers"]}
    assert len(said["classifiers"]) == len({*said["classifiers"]})
    assert (said["license"], said["readme"]) == ("Apache-2.0", "README.md")
    assert 20 < len(said["description"]) < 150
    for address in said.get("urls", {}).values():
        assert not re.search(r"example\.|OWNER|TODO|your-", address, re.I)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_page_of_an_index_has_no_link_into_the_repository(package: Path) -> None:
    links = re.findall(r"\]\(([^)]+)\)", (package / "README.md").read_text("utf-8"))
    assert [link for link in links if not re.match(r"https://|#", link)] == []


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_the_newest_of_the_changelog_is_the_version(package: Path) -> None:
    version = version_of(package)
    assert newest_of(package / "CHANGELOG.md") == version
    assert checked(f"{package.name}-v{version}") == package


@pytest.mark.parametrize(
    ("tag", "said"),
    [
        ("", "'' is not PACKAGE-vMAJOR.MINOR.PATCH"),
        ("v0.1.0", "is not PACKAGE-v"),
        ("livekit-plugins-vllm-v1", "is not PACKAGE-v"),
        ("livekit-plugins-vllm-v0.1.0-2", "is not PACKAGE-v"),
        ("livekit-plugins-../../etc-v0.1.0", "is not PACKAGE-v"),
        (
            "livekit-plugins-nothing-v0.1.0",
            "There is no package livekit-plugins-nothing: there are",
        ),
        ("livekit-plugins-vllm-v9.9.9", "is not of version 0.1.0"),
    ],
)
def test_a_tag_that_names_no_release_is_refused(tag: str, said: str) -> None:
    with pytest.raises(ReleaseError) as raised:
        checked(tag)
    assert said in str(raised.value)


def test_a_version_that_the_changelog_does_not_have_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "plugins/livekit-plugins-x"
    (package / "livekit/plugins/x").mkdir(parents=True)
    (package / "livekit/plugins/x/version.py").write_text('__version__ = "0.2.0rc1"\n')
    for text in ("# Changelog\n\n## [Unreleased]\n\n## 0.2.0rc1\n", "# Changelog\n"):
        (package / "CHANGELOG.md").write_text(text)
        with pytest.raises(ReleaseError, match="write down 0.2.0rc1"):
            checked("livekit-plugins-x-v0.2.0rc1", tmp_path)
    (package / "CHANGELOG.md").write_text("# Changelog\n\n## [0.2.0rc1] - 2026-12-01\n")
    assert checked("livekit-plugins-x-v0.2.0rc1", tmp_path) == package


def test_the_command_prints_the_folder_or_one_sentence() -> None:
    command = [sys.executable, str(ROOT / "scripts/check_release.py")]
    good = subprocess.run(
        [*command, "livekit-plugins-vllm-v0.1.0"], capture_output=True, text=True, check=True
    )
    assert good.stdout == "plugins/livekit-plugins-vllm\n"
    bad = subprocess.run([*command, "v1"], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout, bad.stderr.count("\n")) == (1, "", 1)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_do_no_more_than_it_needs(path: Path) -> None:
    said = workflow(path.name)
    assert said["permissions"] == {"contents": "read"}
    for name, job in said["jobs"].items():
        assert job["timeout-minutes"] <= 120
        allowed = {"id-token": "write"} if (path.name, name) == ("release.yml", "publish") else None
        assert job.get("permissions") == allowed
    for step in steps(path.name):
        # A tag can be moved, and what runs here could then be somebody else's.
        assert re.fullmatch(
            r"actions/[a-z-]+@[0-9a-f]{40}", step.get("uses", "actions/x@" + "0" * 40)
        )
        # What somebody can name, as a branch, is never a part of a command.
        assert "${{" not in step.get("run", "")
        if "checkout" in step.get("uses", ""):
            assert step["with"]["persist-credentials"] is False


def test_nothing_is_published_that_was_not_tested_on_every_python() -> None:
    jobs = workflow("release.yml")["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == PYTHONS
    assert jobs["publish"]["needs"] == ["build", "test"]
    assert jobs["publish"]["if"] == "github.event_name == 'push'"
    assert jobs["publish"]["environment"] == "pypi"
    assert workflow("ci.yml")["jobs"]["plugin"]["strategy"]["matrix"] == {
        "package": [path.name for path in PACKAGES],
        "python": PYTHONS,
    }
    pattern = workflow("release.yml")["on"]["push"]["tags"]
    assert pattern == ["livekit-plugins-*-v*"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_what_is_there(path: Path) -> None:
    commands = [step["run"] for step in steps(path.name) if "run" in step]
    named = {word for line in commands for word in re.findall(r"(?:scripts/|\.ci/)[\w.]+", line)}
    assert named
    for name in named:
        assert (ROOT / name).is_file()
    for name in named - {"scripts/check_release.py"}:
        assert (ROOT / name).stat().st_mode & 0o111, f"{name} cannot be run"


def test_what_is_no_distribution_is_not_tested(tmp_path: Path) -> None:
    script = ROOT / "scripts/test_distribution.sh"
    refused = subprocess.run([script, tmp_path], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "must hold one wheel and one source distribution" in refused.stderr
