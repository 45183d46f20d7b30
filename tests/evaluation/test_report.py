"""The table, the JSON and the page."""

from __future__ import annotations

import io
import json
from dataclasses import replace

from rich.console import Console

from evaluation import page, report
from evaluation.checks import Check
from evaluation.report import Result

from .conftest import Made
from .test_checks import HEARD, PLAYED

BAD = "[bold]<script>alert(1)</script>"


def results(made: Made) -> list[Result]:
    case = made(["Hello"], [])
    return [
        Result(case, PLAYED, [Check("the call", True), Check("outcome x", None, "no model")]),
        Result(case, PLAYED, [Check("says hello", False, BAD)]),
    ]


def test_only_a_check_that_failed_fails_a_scenario(made: Made) -> None:
    assert [result.passed for result in results(made)] == [True, False]


def test_the_json_tells_everything(made: Made) -> None:
    told = json.loads(json.dumps(report.document("library", results(made))))
    assert (told["agent"], told["how"], told["passed"], told["failed"]) == ("library", "text", 1, 1)
    first, second = told["scenarios"]
    assert first["checks"][1] == {"name": "outcome x", "passed": None, "detail": "no model"}
    assert second["passed"] is False
    assert second["transcript"] == PLAYED.transcript
    assert second["tools"] == PLAYED.tools
    assert second["outcome"] == PLAYED.outcome


def test_the_table_says_what_failed(made: Made) -> None:
    out = io.StringIO()
    report.show("library", results(made), Console(file=out, width=120))
    told = out.getvalue()
    assert "1 of 2" in told
    assert "the call" not in told  # which was right
    assert "– outcome x: no model" in told
    assert f"✗ says hello: {BAD}" in told
    assert "1 passed, 1 failed." in told


def test_the_page_shows_the_call_and_runs_nothing_of_it(made: Made) -> None:
    told = page.render("library", results(made))
    assert "library: 1 of 2 scenarios passed" in told
    assert "<script>alert" not in told
    assert "Emma, please." in told
    assert "find {&quot;title&quot;: &quot;Emma&quot;} → 2" in told
    assert told.index("Library, hello.") < told.index("find {") < told.index("It is reserved")


def test_a_call_by_voice_has_its_own_page_in_it(made: Made) -> None:
    case = made(["Hello"], [])
    told = page.render("library", [Result(case, replace(PLAYED, heard=HEARD), [])])
    assert '<iframe title="The call" srcdoc="&lt;!doctype html&gt;' in told
    assert "&lt;audio controls&gt;" in told
