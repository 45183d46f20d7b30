"""What the images are made from: all that a Dockerfile copies is there, and reaches the builder."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted(
    path for path in ROOT.glob("[!.]*/**/Dockerfile*") if path.suffix != ".dockerignore"
)


def tracked() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def ignored(dockerfile: Path) -> re.Pattern[str]:
    """What is not sent, by Docker's rules: from the root of the context, ** for any folders."""
    beside = dockerfile.with_name(f"{dockerfile.name}.dockerignore")
    patterns = []
    for line in beside.read_text("utf-8").splitlines():
        text = line.strip()
        if text and not text.startswith("#"):
            assert not text.startswith("!"), "exceptions are not known here"
            patterns.append(expression(text.strip("/")))
    return re.compile("|".join(patterns))


def expression(pattern: str) -> str:
    written = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return rf"(?:{written}(?:/.*)?)\Z"


def copied(dockerfile: Path) -> list[str]:
    """The sources of each COPY and ADD out of the context."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text("utf-8"), flags=re.M)
    found: list[str] = []
    for line in text.replace("\\\n", " ").splitlines():
        word, *rest = line.split() if line.strip() else ("",)
        if word.upper() in ("COPY", "ADD") and not any(w.startswith("--from=") for w in rest):
            *sources, _ = [w for w in rest if not w.startswith("--")]
            found += sources
    return found


@pytest.mark.parametrize(
    ("pattern", "names", "others"),
    [
        ("tests", ["tests", "tests/a.py"], ["plugins/x/tests/a.py", "tests.py"]),
        (".venv*", [".venv/bin/x", ".venv-gpu"], ["a/.venv/x"]),
        ("**/node_modules", ["node_modules/a", "a/b/node_modules/c"], ["a/node_modules.txt"]),
        ("deploy/Dockerfile", ["deploy/Dockerfile"], ["deploy/Dockerfile.dockerignore"]),
    ],
)
def test_patterns_are_read_as_docker_reads_them(
    pattern: str, names: list[str], others: list[str]
) -> None:
    found = re.compile(expression(pattern))
    assert [name for name in names if not found.match(name)] == []
    assert [name for name in others if found.match(name)] == []


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_is_copied_is_there_and_sent(dockerfile: Path) -> None:
    left_out = ignored(dockerfile)
    sources = copied(dockerfile)
    assert sources
    for source in sources:
        assert not PurePosixPath(source).is_absolute()
        if source == ".":
            continue
        found = [path.relative_to(ROOT).as_posix() for path in ROOT.glob(source)]
        assert found, f"{source} is not there"
        for name in found:
            assert not left_out.match(name), f"{name} is not sent"


def test_of_what_the_images_run_nothing_stays_behind() -> None:
    left_out = ignored(ROOT / "deploy/Dockerfile")
    stays = {name for name in tracked() if left_out.match(name)}
    assert stays, "tests are not to be in an image"
    allowed = ("tests/", "deploy/compose.yaml", "deploy/Dockerfile")
    assert [name for name in stays if not name.startswith(allowed)] == []
    # What builds the packages: their descriptions name these.
    for folder in (ROOT, *(ROOT / "plugins").glob("livekit-plugins-*")):
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            path = (folder / name).relative_to(ROOT).as_posix()
            assert (ROOT / path).is_file()
            assert not left_out.match(path)
    assert not left_out.match("uv.lock")


@pytest.mark.parametrize("folder", [".git", ".venv", ".venv-gpu", ".uv", "output", "dist", ".nari"])
def test_what_is_made_on_this_machine_is_not_sent(folder: str) -> None:
    assert ignored(ROOT / "deploy/Dockerfile").match(f"{folder}/x")


@pytest.mark.parametrize("name", ["key.pem", "deploy/key.pem", "agent/telephony/cert.pem"])
def test_keys_are_neither_tracked_nor_sent(name: str) -> None:
    assert ignored(ROOT / "deploy/Dockerfile").match(name)
    # As a new file: one that is tracked already would be no longer ignored.
    told = subprocess.run(["git", "check-ignore", "--no-index", "--quiet", name], cwd=ROOT)
    assert told.returncode == 0
