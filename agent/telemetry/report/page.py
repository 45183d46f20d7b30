"""The page: self-contained, so that it can be sent to anybody and opened without a network."""

from __future__ import annotations

import base64
import io
import wave
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from ..engines import ENGINES, Answerer
from .figures import percentiles, waveform
from .saved import (
    Caption,
    Saved,
    SavedFallback,
    SavedFault,
    SavedFirstWords,
    SavedOverlap,
    SavedRecord,
    SavedTurn,
)

_HERE = Path(__file__).parent

STYLE = (_HERE / "page.css").read_text(encoding="utf-8")
"""What the page looks like, for others beside it."""

_NAMES = {
    "end_of_turn": "end of turn",
    "llm": "language model",
    "text": "first unit",
    "tts": "voice",
    "playout": "playout",
    "transport": "transport",
    "waited": "agent in all",
    "voice_to_voice": "voice to voice",
    "first_words": "first words",
    "stop": "voice to stop",
}
_WHO = {"user": "User", "agent": "Agent", "guest": "Guest"}
_CLAUSES = {"finished": "finished", "open": "may go on", "unfinished": "unfinished"}
_ENGINES = {"stt": "speech recognition", "llm": "language model", "tts": "voice"}
_FAULTS = {
    "timeout": "said nothing in time",
    "connection": "not there, or broke off",
    "busy": "had too much to do",
    "refused": "refused the request",
    "error": "failed of itself",
    "garbage": "sent what was no answer",
    "late": "took so long that the user was asked to wait",
    "given_up": "gave no answer, or none that could be heard",
}
_SUBSTITUTES = {"server": "another server", "model": "the first choice"}


def render(saved: Saved) -> str:
    """The page of a conversation, as HTML."""
    template = Template((_HERE / "page.html").read_text(encoding="utf-8"))
    seconds = max(saved.seconds, 0.001)
    return template.substitute(
        style=STYLE,
        script=(_HERE / "page.js").read_text(encoding="utf-8"),
        started=escape(f"{saved.started:%Y-%m-%d %H:%M} {saved.started.tzname() or ''}".strip()),
        length=_clock(saved.seconds),
        turns="1 turn" if len(saved.turns) == 1 else f"{len(saved.turns)} turns",
        seconds=f"{seconds:.3f}",
        waveform=waveform(saved.samples),
        marks="".join(
            f'<i style="left:{100 * _begin(turn) / seconds:.2f}%"></i>' for turn in saved.turns
        ),
        captions="".join(_caption(caption) for caption in saved.captions),
        records="".join(
            _record(first, len([first, *others]), _span(saved))
            for _, (first, *others) in groupby(saved.records, _sameness)
        ),
        percentiles="".join(
            f'<tr><th scope="row">{_NAMES[name]}</th><td>{of.n}</td>'
            f"<td>{_ms(of.p50)}</td><td>{_ms(of.p95)}</td></tr>"
            for name, of in percentiles(saved).items()
        ),
        sound=base64.b64encode(_wav(saved)).decode(),
    )


def _caption(caption: Caption) -> str:
    who = escape(caption.name or _WHO[caption.role])
    cut = " <em>cut off</em>" if caption.cut else ""
    return (
        f'<li class="{caption.role}">{_play(caption.at)} <b>{who}</b> '
        f'<span dir="auto">{escape(caption.text)}</span>{cut}</li>'
    )


def _sameness(record: SavedRecord) -> Any:
    """Equal for records that say the same: an engine that is gone fails at each request."""
    if isinstance(record, SavedFault | SavedFallback):
        return record.model_copy(update={"at": 0.0})
    return id(record)


def _record(record: SavedRecord, times: int, span: float) -> str:
    repeated = f" ×{times}" if times > 1 else ""
    match record:
        case SavedFault(engine=engine, fault=fault, by=by):
            facts = {_ENGINES.get(engine, escape(engine)): _FAULTS.get(fault, escape(fault))}
            if by:
                facts["where"] = _answerer(by, numbered=True)
            return f"<li><h3>Fault{repeated} {_play(record.at)}</h3>{_facts(facts)}</li>"
        case SavedFallback(engine=engine, instead_of=other, by=by):
            facts = {
                _ENGINES.get(engine, escape(engine)): _answerer(by, numbered=True),
                "instead of": _SUBSTITUTES.get(other, escape(other)),
            }
            return f"<li><h3>Fallback{repeated} {_play(record.at)}</h3>{_facts(facts)}</li>"
        case SavedFirstWords():
            return (
                f"<li><h3>First words {_play(record.at)}</h3>"
                f"{_facts({'after': _ms(record.seconds)})}</li>"
            )
        case SavedOverlap():
            facts = {
                "taken for": escape(record.verdict),
                "lowered after": "not lowered" if record.ducked is None else _ms(record.ducked),
                "decided after": _ms(record.decided),
                "agent": "stops" if record.turn else "goes on",
            }
            return f"<li><h3>Sound over the agent {_play(record.at)}</h3>{_facts(facts)}</li>"
        case turn:
            number = escape(turn.id.rpartition("-")[2])
            heading = f"<h3>Turn {number} {_play(_begin(turn))}</h3>"
            return f"<li>{heading}{_waterfall(turn, span)}{_facts(_reasons(turn))}</li>"


def _waterfall(turn: SavedTurn, span: float) -> str:
    taken = turn.taken()
    if not taken:
        return ""
    rows, at = [], 0.0
    for stage, seconds in taken.items():
        bar = f"left:{100 * at / span:.2f}%;width:max(2px,{100 * seconds / span:.2f}%)"
        rows.append(
            f'<tr class="{stage}"><th scope="row">{_NAMES[stage]}</th>'
            f'<td class="track" aria-hidden="true"><i style="{bar}"></i></td>'
            f"<td>{_ms(seconds)}</td></tr>"
        )
        at += seconds
    grid = f"--half:{50 / span:.3f}%"
    return (
        f'<table class="waterfall" style="{grid}"><tbody>{"".join(rows)}</tbody>'
        f'<tfoot><tr><th scope="row">together</th><td></td><td>{_ms(at)}</td></tr></tfoot></table>'
    )


def _reasons(turn: SavedTurn) -> dict[str, str]:
    facts = {}
    if of := turn.decision:
        facts["silence"] = _ms(of.silence)
        facts["words"] = escape(
            _CLAUSES.get(of.clause, of.clause) if of.clause else "not known yet"
        )
        if of.ending is not None:
            facts["voice like an end"] = f"{of.ending:.0%}"
        facts["usual pause"] = _ms(of.usual)
    elif turn.waited is None:
        facts["ended"] = "typed"
    if turn.stop:
        facts["stopped by"] = escape(turn.stop.verdict)
        facts["decided after"] = _ms(turn.stop.decided)
    if not turn.answered:
        facts["answer"] = "none"
    if turn.tools:
        facts["tools"] = escape(", ".join(turn.tools))
    for engine in ENGINES:
        if by := turn.engines.get(engine):
            facts[_ENGINES[engine]] = ", ".join(map(_answerer, by))
    return facts


def _answerer(by: Answerer, *, numbered: bool = False) -> str:
    """Who answered: its model, and which of several servers it was where that matters."""
    told = ["not known yet" if by.model == "unknown" else escape(by.model)]
    if numbered or by.server > 1:
        told.append(f"server {by.server}")
    if by.choice == "fallback":
        told.append("fallback")
    return " · ".join(told)


def _facts(facts: dict[str, str]) -> str:
    pairs = "".join(f"<div><dt>{name}</dt><dd>{what}</dd></div>" for name, what in facts.items())
    return f"<dl>{pairs}</dl>"


def _begin(turn: SavedTurn) -> float:
    """Where a turn's answer is in the sound, as near as it is known."""
    return turn.heard.voice if turn.heard else turn.at


def _span(saved: Saved) -> float:
    """Seconds of the axis that all turns share."""
    return max((sum(turn.taken().values()) for turn in saved.turns), default=0.0) or 1.0


def _play(at: float) -> str:
    return f'<button type="button" data-at="{max(0.0, at - 2):.2f}">{_clock(at)}</button>'


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _wav(saved: Saved) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(saved.rate)
        file.writeframes(saved.samples.astype("<i2").tobytes())
    return buffer.getvalue()
