"""One HTML page of all calls: it needs no network, and a call by voice can be heard in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from string import Template

from agent.telemetry.report import STYLE
from agent.telemetry.report import render as render_call

from .checks import Check
from .played import Played
from .report import Result

_TEMPLATE = Path(__file__).with_name("page.html")


def render(agent: str, results: Sequence[Result]) -> str:
    """The page.

    Args:
        agent: Who was called.
        results: What came of it.
    """
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        agent=escape(agent),
        passed=sum(result.passed for result in results),
        all=len(results),
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        how=results[0].played.how if results else "text",
        style=STYLE,
        results="\n".join(map(_result, results)),
    )


def _result(result: Result) -> str:
    state = "passed" if result.passed else "failed"
    scenario = result.case.scenario
    call = result.played
    if call.heard:
        # The page of a call as it is made for any: its style and script are its own.
        told = (
            f'<iframe title="The call" srcdoc="{escape(render_call(call.heard.saved))}"></iframe>'
        )
    else:
        told = f'<ol class="captions">{"".join(_lines(call))}</ol>'
    outcome = ""
    if call.outcome is not None:
        shown = json.dumps(call.outcome, ensure_ascii=False)
        outcome = f'<p class="tool">outcome: {escape(shown)}</p>'
    return (
        f"<details{'' if result.passed else ' open'}>"
        f'<summary><b>{escape(result.case.name)}</b> <span class="{state}">{state}</span> '
        f'<span class="soft">{escape(scenario.about)} '
        f"{call.turns} turns, {call.seconds:.1f} s</span></summary>"
        f'<ul class="checks">{"".join(map(_check, result.checks))}</ul>{outcome}{told}</details>'
    )


def _check(check: Check) -> str:
    mark, state = {True: ("✓", "passed"), False: ("✗", "failed"), None: ("–", "soft")}[check.passed]
    detail = f": {check.detail}" if check.detail and not check.passed else ""
    return f'<li class="{state}">{mark} {escape(check.name + detail)}</li>'


def _lines(call: Played) -> Iterator[str]:
    """What was said and done, in order."""
    done: list[tuple[float, str]] = []
    for line in call.transcript:
        who = "user" if line["who"] == "caller" else "agent"
        cut = " …" if line["interrupted"] else ""
        done.append(
            (
                line["at"],
                f'<li class="{who}"><b>{line["who"].capitalize()}</b> '
                f'<span dir="auto">{escape(line["text"] + cut)}</span></li>',
            )
        )
    for tool in call.tools:
        arguments = json.dumps(tool["arguments"], ensure_ascii=False)
        told = f"{tool['name']} {arguments} → {tool['output']}"
        done.append((tool["at"], f'<li class="tool">{escape(told)}</li>'))
    for _, text in sorted(done, key=lambda each: each[0]):
        yield text
