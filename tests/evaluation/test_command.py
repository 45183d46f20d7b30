"""The commands: what they print and write, and with which status they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent import __main__ as agent_main
from evaluation import command

from .conftest import LIBRARY

Written = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setattr(command, "READY", 0.2)


def test_all_of_an_agent_s_scenarios(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told, shown = tmp_path / "r.json", tmp_path / "r.html"
    arguments = ["eval", str(LIBRARY), "--json", str(told), "--html", str(shown)]
    assert command.main(arguments) == 0
    assert "3 passed, 0 failed." in capsys.readouterr().out
    assert [each["name"] for each in json.loads(told.read_text())["scenarios"]] == [
        "none-left",
        "reserve",
        "talk-over",
    ]
    assert "3 of 3 scenarios passed" in shown.read_text()


def test_one_that_fails(written: Written, capsys: pytest.CaptureFixture[str]) -> None:
    path = written("sad", expect={"says": ["goodbye"]})
    assert command.main(["eval", str(LIBRARY), str(path), "reserve"]) == 1
    out = capsys.readouterr().out
    assert "✗ says goodbye: no reply does" in out
    assert "1 passed, 1 failed." in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere"], "There is no agent 'nowhere'"),
        ([str(LIBRARY), "nothing"], "There is no scenario 'nothing'"),
        ([str(LIBRARY), "reserve", "--llm"], "at http://127.0.0.1:9/v1 (--llm) cannot be used"),
        ([str(LIBRARY), "reserve", "--judge", "profile"], "(--judge) cannot be used"),
        ([str(LIBRARY), "reserve", "--caller", "gpt"], "--caller gpt: neither profile nor URL"),
        ([str(LIBRARY), "none-left", "--caller", "profile"], "(--caller) cannot be used"),
    ],
)
def test_a_wrong_setting_is_a_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    assert command.main(["eval", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_model_answers_and_judges_at_any_address(written: Written) -> None:
    # Neither the caller's lines nor the agent's ask a model: only the questions do.
    path = written("asked", judge=["Was it short?"])
    assert command.main(["eval", str(LIBRARY), str(path)]) == 0
    wrong = ["--judge", "http://127.0.0.1:9/v1,gpt"]
    assert command.main(["eval", str(LIBRARY), str(path), *wrong]) == 2


def test_a_report_that_cannot_be_written_is_a_sentence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command.main(["eval", str(LIBRARY), "reserve", "--json", "/nowhere/r.json"]) == 2
    assert "The report cannot be written" in capsys.readouterr().err


def test_a_scenario_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = tmp_path / "call.json"
    record.write_text("{}")
    assert command.main(["scenario", str(record)]) == 2
    assert "neither a saved conversation nor the record" in capsys.readouterr().err


def test_it_is_a_command_of_the_agent_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["agent", "eval", str(LIBRARY), "none-left"])
    with pytest.raises(SystemExit) as ended:
        agent_main.main()
    assert ended.value.code == 0
    assert "1 passed" in capsys.readouterr().out


def test_where_it_is_not_installed_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evaluation.command", None)

    def gone(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name}", name="evaluation")

    monkeypatch.setattr("importlib.import_module", gone)
    monkeypatch.setattr(sys, "argv", ["agent", "eval", "x"])
    with pytest.raises(SystemExit) as ended:
        agent_main.main()
    assert "in Parley's repository and not in its package" in str(ended.value.code)
