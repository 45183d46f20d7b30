from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from agent import settings
from agent.definition import new
from agent.definition.loading import load_agent
from agent.settings import SettingsError


@pytest.mark.parametrize("name", ["tea-shop", "clinic", "a1"])
def test_a_new_agent_is_right_as_it_is(tmp_path: Path, name: str) -> None:
    folder = new.write(name, tmp_path / "agents")
    assert folder == tmp_path / "agents" / name
    made = load_agent(str(folder), settings.load("cpu"))
    assert made.settings.name == name.replace("-", " ").title()
    assert [tool.info.name for tool in made.functions] == ["price", "order"]


@pytest.mark.parametrize("name", ["Tea Shop", "../tea", "", "1st", "a" * 41])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match="cannot be the name of an agent"):
        new.write(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (new.write("shop", tmp_path) / "agent.yaml").write_text("mine")
    with pytest.raises(SettingsError, match="already"):
        new.write("shop", tmp_path)
    assert (tmp_path / "shop" / "agent.yaml").read_text() == "mine"


@pytest.mark.slow
def test_its_own_tests_pass_anywhere(tmp_path: Path) -> None:
    root = Path(new.__file__).resolve().parents[2]

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=root,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    made = run("agent", "new", "tea-shop", "--in", str(tmp_path))
    assert made.returncode == 0, made.stderr
    assert "PARLEY_AGENT=" in made.stdout
    told = made.stdout.partition("Test it: ")[2].split()
    assert (root / told[0]).samefile(sys.executable)
    again = run("agent", "new", "tea-shop", "--in", str(tmp_path))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.count("\n") == 1
    checked = run("agent", "check", str(tmp_path / "tea-shop"))
    assert "Tools: get_time, price, order." in checked.stdout
    assert "answers without its tools (price, order): llm.tools is false" in checked.stdout
    tested = run("pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path / "tea-shop"))
    assert tested.returncode == 0, tested.stdout
    assert "5 passed" in tested.stdout
    # It is made to be changed: its tests hold for any name and greeting, and for none.
    yaml = tmp_path / "tea-shop" / "agent.yaml"
    for greeting in ('"Good day from {{name}}!"', '""'):
        text = re.sub(r"(?m)^greeting:.*(\n  .*)*", f"greeting: {greeting}", yaml.read_text())
        assert f"greeting: {greeting}\n" in text
        yaml.write_text(text.replace("name: Tea Shop", "name: The Tea House"))
        tested = run("pytest", "-q", "--rootdir", str(tmp_path), str(tmp_path / "tea-shop"))
        assert "5 passed" in tested.stdout, tested.stdout
