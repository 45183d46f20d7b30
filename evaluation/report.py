"""What came of the calls: a table to read, and JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from .checks import Check
from .played import Played
from .scenario import Case


@dataclass(frozen=True)
class Result:
    """One call and what was checked of it."""

    case: Case
    played: Played
    checks: Sequence[Check]

    @property
    def passed(self) -> bool:
        """Whether nothing went wrong that could be checked."""
        return all(check.passed is not False for check in self.checks)

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        played, heard = self.played, self.played.heard
        return {
            "name": self.case.name,
            "about": self.case.scenario.about,
            "language": self.case.scenario.language,
            "passed": self.passed,
            "seconds": played.seconds,
            "turns": played.turns,
            "checks": [asdict(check) for check in self.checks],
            "transcript": played.transcript,
            "tools": played.tools,
            "outcome": played.outcome,
            "waits": [round(wait, 3) for wait in heard.waits] if heard else None,
            "cut_offs": heard.cut_offs if heard else None,
        }


def document(agent: str, results: Sequence[Result]) -> dict[str, Any]:
    """All of it as JSON.

    Args:
        agent: Who was called.
        results: What came of it.
    """
    return {
        "agent": agent,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "how": results[0].played.how if results else None,
        "passed": sum(result.passed for result in results),
        "failed": sum(not result.passed for result in results),
        "scenarios": [result.record() for result in results],
    }


def show(agent: str, results: Sequence[Result], console: Console) -> None:
    """Print the table.

    Args:
        agent: Who was called.
        results: What came of it.
        console: Where to.
    """
    count = f"{len(results)} scenario{'s' * (len(results) != 1)}"
    table = Table(title=f"{agent}: {count}", title_justify="left")
    for column in ("scenario", "result", "turns", "s", "checks"):
        table.add_column(column, justify="right" if column in ("turns", "s") else "left")
    for result in results:
        table.add_row(
            escape(result.case.name),
            "[green]passed[/]" if result.passed else "[red]failed[/]",
            str(result.played.turns),
            f"{result.played.seconds:.1f}",
            "\n".join(_told(result.checks)),
        )
    console.print(table)
    failed = sum(not result.passed for result in results)
    console.print(f"{len(results) - failed} passed, {failed} failed.")


def _told(checks: Sequence[Check]) -> Iterator[str]:
    """How many are right, and each that is not."""
    yield f"{sum(check.passed is True for check in checks)} of {len(checks)}"
    for check in checks:
        if not check.passed:
            mark = "[red]✗[/]" if check.passed is False else "[yellow]–[/]"
            yield f"{mark} {escape(check.name)}: {escape(check.detail)}"
