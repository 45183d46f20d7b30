"""What runs on machines of others, by the linters made for it; `make test` brings them along."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
DOCKERFILES = sorted(
    path for path in ROOT.glob("[!.]*/**/Dockerfile*") if path.suffix != ".dockerignore"
)


def lint(*command: str | Path) -> subprocess.CompletedProcess[str]:
    if shutil.which(str(command[0])) is None:
        pytest.skip(f"{command[0]} is not installed: `make test-unit` brings it")
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_there_is_something_to_lint() -> None:
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "release.yml"}
    assert ROOT / "deploy/Dockerfile" in DOCKERFILES


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_dockerfile_is_as_hadolint_would_have_it(path: Path) -> None:
    found = lint("hadolint", path)
    assert found.returncode == 0, found.stdout


def test_hadolint_finds_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM python\nRUN cd /tmp\nUSER root\n")
    found = lint("hadolint", tmp_path / "Dockerfile")
    assert found.returncode == 1
    assert "DL3003" in found.stdout


def test_the_workflows_have_no_weakness_that_zizmor_knows(tmp_path: Path) -> None:
    found = lint("zizmor", "--offline", "--no-progress", *WORKFLOWS)
    assert found.returncode == 0, found.stdout
    (tmp_path / "wrong.yml").write_text(
        "on: pull_request_target\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.pull_request.title }}\n"
    )
    assert lint("zizmor", "--offline", "--no-progress", tmp_path / "wrong.yml").returncode != 0


def test_the_workflows_are_what_github_knows(tmp_path: Path) -> None:
    command = ("check-jsonschema", "--builtin-schema", "vendor.github-workflows")
    found = lint(*command, *WORKFLOWS)
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "wrong.yml"
    wrong.write_text(WORKFLOWS[0].read_text("utf-8").replace("runs-on:", "run-on:"))
    assert lint(*command, wrong).returncode == 1


def test_the_compositions_are_what_compose_knows(tmp_path: Path) -> None:
    command = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec")
    files = [ROOT / "deploy/compose.yaml", ROOT / "deploy/compose.phone.yaml"]
    found = lint(*command, *files)
    assert found.returncode == 0, found.stdout
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(files[1].read_text("utf-8").replace("stop_signal:", "stop_signl:"))
    assert lint(*command, wrong).returncode == 1
