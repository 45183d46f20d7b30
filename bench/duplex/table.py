"""The figures: by system, set and language, with the bar beside each and whether it is met."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from harness.report import Metric, percentiles

from .judge import Finding


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    key: str
    of: Callable[[Sequence[Finding]], Metric | None]
    bars: tuple[tuple[str, float], ...] = ()
    """The most that parley may have on the test half with instant engines."""


def _times(sets: Iterable[str], field: str) -> Callable[[Sequence[Finding]], Metric | None]:
    wanted = set(sets)

    def of(findings: Sequence[Finding]) -> Metric | None:
        values = [getattr(f, field) for f in findings if f.set in wanted]
        known = [v for v in values if v is not None]
        unit = "ms"
        if field == "history_error":
            unit = "words" if findings[0].language == "en" else "characters"
        return percentiles(known, unit) if known else None

    return of


def _rate(
    sets: Iterable[str], is_so: Callable[[Finding], bool | None]
) -> Callable[[Sequence[Finding]], Metric | None]:
    wanted = set(sets)

    def of(findings: Sequence[Finding]) -> Metric | None:
        found = [is_so(f) for f in findings if f.set in wanted and not f.failed]
        if not found:
            return None
        return {"value": round(sum(map(bool, found)) / len(found), 4), "n": len(found),
                "unit": "fraction"}  # fmt: skip

    return of


def _judged(
    sets: Iterable[str], is_so: Callable[[Finding], bool]
) -> Callable[[Sequence[Finding]], Metric | None]:
    """A rate among those of which the system told what it made of them."""
    rate = _rate(sets, is_so)
    return lambda findings: rate([f for f in findings if f.outcome is not None])


def _decided_to_stop(finding: Finding) -> bool:
    return finding.outcome == "judged"


def _stopped_by_it(finding: Finding) -> bool:
    """Whether the silence came after the decision: one before it has another cause."""
    return (
        _decided_to_stop(finding)
        and finding.stop_latency is not None
        and finding.decided is not None
        and finding.decided <= finding.stop_latency
    )


_OVER = ("backchannel", "interruption", "noise", "echo")

FIGURES = (
    Figure("takeover_rate", _rate(["turn", "pause"], lambda f: f.answered)),
    Figure("cutoff_rate", _rate(["turn", "pause"], lambda f: f.cut_off), (("value", 0.05),)),
    Figure("cutoff_rate.pause", _rate(["pause"], lambda f: f.cut_off)),
    Figure(
        "voice_to_voice", _times(["turn"], "voice_to_voice"), (("p50", 350.0), ("p95", 900.0))
    ),
    Figure("voice_to_voice.pause", _times(["pause"], "voice_to_voice")),
    Figure("voice_to_voice.interruption", _times(["interruption"], "voice_to_voice")),
    Figure(
        "stop_latency", _times(["interruption"], "stop_latency"), (("p50", 350.0), ("p95", 550.0))
    ),
    Figure("stop_latency.judged", lambda found: _times(["interruption"], "stop_latency")(
        [f for f in found if _stopped_by_it(f)])),
    Figure("missed_interruption_rate", _rate(["interruption"], lambda f: not f.stopped),
           (("value", 0.03),)),
    Figure("missed_interruption_rate.judged",
           _judged(["interruption"], lambda f: not _decided_to_stop(f))),
    Figure("duck_latency", _times(["interruption", "backchannel"], "duck_latency"),
           (("p50", 120.0),)),
    Figure("backchannel_stop_rate", _rate(["backchannel"], lambda f: f.stopped),
           (("value", 0.05),)),
    Figure("backchannel_stop_rate.judged", _judged(["backchannel"], _decided_to_stop)),
    Figure("noise_stop_rate", _rate(["noise"], lambda f: f.stopped), (("value", 0.03),)),
    Figure("noise_stop_rate.judged", _judged(["noise"], _decided_to_stop)),
    Figure("echo_stop_rate", _rate(["echo"], lambda f: f.stopped), (("value", 0.03),)),
    Figure("echo_stop_rate.judged", _judged(["echo"], _decided_to_stop)),
    Figure("fell_silent_rate", _judged(_OVER, lambda f: f.outcome == "fell silent")),
    Figure("false_stop_resumed_rate",
           lambda found: _rate(["backchannel", "noise", "echo"], lambda f: f.resumed)(
               [f for f in found if f.stopped])),
    Figure("history_error_words", _times(["interruption"], "history_error"), (("p95", 1.0),)),
    Figure("engines_idle", _times(["interruption"], "engines_idle"), (("p95", 100.0),)),
)  # fmt: skip

CHARACTERS_PER_WORD = 2.0
"""The bar for the history is a word; Chinese is counted in characters, and two make a word."""


def show(findings: Sequence[Finding], engines: str) -> dict[str, Metric]:
    """Print the table.

    Returns:
        The metrics by key: parley's under the figure's name, the others' with theirs in front.
    """
    names = list(dict.fromkeys(f.system for f in findings))
    metrics: dict[str, Metric] = {}
    view = Table(title=f"duplex, {engines} engines")
    view.add_column("figure")
    view.add_column("bar", justify="right")
    for name in names:
        view.add_column(name, justify="right")
    for figure in FIGURES:
        for language in ("en", "zh"):
            cells = []
            for name in names:
                found = [f for f in findings if (f.system, f.language) == (name, language)]
                metric = figure.of(found) if found else None
                if metric is None:
                    cells.append("")
                    continue
                prefix = "" if name == "parley" else f"{name}."
                metrics[f"{prefix}{figure.key}.{language}"] = metric
                cells.append(_cell(metric, _bars(figure, language)))
            if any(cells):
                bars = ", ".join(f"{k} ≤ {v:g}" for k, v in _bars(figure, language))
                view.add_row(f"{figure.key}.{language}", bars, *cells)
    Console(width=150).print(view)
    _show_wrong(findings)
    _show_failures(findings)
    return metrics


def _bars(figure: Figure, language: str) -> tuple[tuple[str, float], ...]:
    if figure.key == "history_error_words" and language == "zh":
        return tuple((k, v * CHARACTERS_PER_WORD) for k, v in figure.bars)
    return figure.bars


def _cell(metric: Metric, bars: Sequence[tuple[str, float]]) -> str:
    if "value" in metric:
        text = f"{metric['value']:.1%}"
    else:
        text = f"{metric['p50']:.0f} / {metric['p95']:.0f} {metric['unit']}"
    met = all(metric[k] <= v for k, v in bars)  # type: ignore[literal-required]
    mark = ("" if met else " ✗") if not bars else (" ✓" if met else " ✗")
    return f"{text} (n {metric['n']}){mark}"


def _show_wrong(findings: Sequence[Finding]) -> None:
    """Name what a system decided wrongly, by its own account."""
    for f in findings:
        if f.failed or f.outcome is None or _decided_to_stop(f) == (f.set == "interruption"):
            continue
        took = f"taken for {f.verdict}" if f.verdict else "not judged"
        when = "" if f.decided is None else f" after {f.decided:.0f} ms"
        back = ", taken back" if f.taken_back else ""
        print(f"{f.system} {f.key} ({f.kind}): {f.outcome}, {took}{when}{back}")


def _show_failures(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.failed:
            print(f"{finding.system} {finding.key} was not played: {finding.failed}")
