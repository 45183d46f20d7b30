"""A saved conversation, read and made into a page."""

from __future__ import annotations

import base64
import io
import json
import re
import sys
import wave
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from livekit.plugins.turn_taking import Judged

from agent.telemetry import FirstWords, Overlap, Turn
from agent.telemetry.engines import ENGINES, FAULTS, SUBSTITUTES, Answerer, Fallback, Fault
from agent.telemetry.report import NotSaved, __main__, read, render
from agent.telemetry.report.figures import percentiles, waveform
from agent.telemetry.turn import Decision, Moments, Stop

RATE = 24_000


def turn(number: int, llm: float, *, heard: float | None) -> dict[str, Any]:
    """As the agent tells it and the page keeps it; ``heard`` is the whole wait, at the ear."""
    end = 5.0 * number
    moments = Moments(end, decided=end + 0.3, text=end + 0.3 + llm, played=end + 0.4 + llm)
    told = Turn(
        f"a-{number}", "en", moments, Decision(0.3, "finished", 0.91, 2.0, 0.8), answered=True
    )
    ear = heard and {"voice": end, "sound": end + heard}
    return {**told.record(), "at": end + 4, "heard": ear}


def words() -> dict[str, Any]:
    stopped = turn(3, 0.3, heard=0.6)  # shorter than the agent's own time: not measured
    stopped["stop"] = {
        "verdict": Stop("stop word", 0.1, 0.4).verdict,
        "ducked": 0.1,
        "decided": 0.4,
    }
    overlaps = [
        Overlap("a", Judged("backchannel", False, 0.12, 0.43)),
        Overlap("a", Judged("<stop word>", True, None, 0.35)),
    ]
    return {
        "parley": 1,
        "started": "2026-11-29T13:30:00.000Z",
        "captions": [
            {"role": "user", "text": "<b>Who?</b>", "at": 4.2, "until": 4.9},
            {"role": "agent", "text": "我是 Parley。", "at": 6.0, "until": 7.0, "cut": True},
            {"role": "guest", "name": "Anna & Bo", "text": "Hello.", "at": 8.0, "until": 8.1},
        ],
        "records": [
            {**FirstWords("a", 0.7).record(), "at": 0.9},
            turn(1, 0.1, heard=0.65),
            {**overlaps[0].record(), "at": 7.5},
            turn(2, 0.2, heard=None),
            {**overlaps[1].record(), "at": 17.0},
            stopped,
            {"kind": "tomorrow", "at": 18.0},
        ],
    }


def sound(seconds: float = 20.0, *, channels: int = 2) -> bytes:
    time = np.arange(int(seconds * RATE)) / RATE
    sides = np.zeros((len(time), channels), "<i2")
    sides[:, 0] = 8000 * np.sin(2 * np.pi * 200 * time) * (time < 5)
    sides[:, -1] = 4000 * np.sin(2 * np.pi * 300 * time) * (time > 10)
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((channels, 2, RATE, 0, "NONE", ""))
        file.writeframes(sides.tobytes())
    return buffer.getvalue()


def save(folder: Path, *, text: dict[str, Any] | None = None, wav: bytes | None = None) -> Path:
    path = folder / "parley.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("conversation.wav", sound() if wav is None else wav)
        archive.writestr("conversation.json", json.dumps(text or words()))
    return path


def test_a_saved_conversation_is_read(tmp_path: Path) -> None:
    saved = read(save(tmp_path))
    assert (saved.rate, saved.seconds) == (RATE, 20.0)
    assert [caption.role for caption in saved.captions] == ["user", "agent", "guest"]
    assert [record.kind for record in saved.records] == [
        "first_words", "turn", "overlap", "turn", "overlap", "turn",
    ]  # fmt: skip


def test_transport_is_what_was_heard_beyond_the_agents_own_time(tmp_path: Path) -> None:
    first, unheard, impossible = read(save(tmp_path)).turns
    assert first.transport == pytest.approx(0.65 - 0.5)
    assert list(first.taken()) == ["end_of_turn", "llm", "text", "tts", "playout", "transport"]
    assert sum(first.taken().values()) == pytest.approx(0.65)
    assert unheard.transport is None
    assert impossible.transport is None
    assert "transport" not in impossible.taken()


def test_the_percentiles_are_of_what_was_measured(tmp_path: Path) -> None:
    found = percentiles(read(save(tmp_path)))
    assert found["llm"].n == 3
    assert found["llm"].p50 == pytest.approx(0.2)
    assert found["llm"].p95 == pytest.approx(0.29)
    assert (found["transport"].n, found["voice_to_voice"].n) == (1, 1)
    assert found["voice_to_voice"].p50 == pytest.approx(0.65)
    assert (found["stop"].n, found["stop"].p50) == (1, 0.35)
    assert found["first_words"].p50 == 0.7


def test_the_waveform_shows_each_side_where_it_sounds() -> None:
    with wave.open(io.BytesIO(sound())) as file:
        samples = np.frombuffer(file.readframes(20 * RATE), "<i2").reshape(-1, 2)
    shapes = dict(re.findall(r'class="(\w+)" points="([^"]+)"', waveform(samples)))
    heights = {}
    for side, points in shapes.items():
        x, y = np.array([point.split(",") for point in points.split()], float).T
        heights[side] = [np.ptp(y[(x > a) & (x < b)]) for a, b in ((50, 250), (650, 1150))]
    assert heights["user"][0] > 90
    assert heights["user"][1] < 1
    assert heights["agent"][0] < 1
    assert 40 < heights["agent"][1] < 60  # half as loud, on the same scale


def test_a_conversation_without_sound_or_turns_has_a_page(tmp_path: Path) -> None:
    nothing = {**words(), "captions": [], "records": []}
    page = render(read(save(tmp_path, text=nothing, wav=sound(0))))
    assert "0:00 long, 0 turns" in page


def test_the_page_needs_no_network_and_shows_words_as_words(tmp_path: Path) -> None:
    page = render(read(save(tmp_path)))
    assert page.count("<em>cut off</em>") == 1
    assert "&lt;b&gt;Who?&lt;/b&gt;" in page
    assert "Anna &amp; Bo" in page
    assert "&lt;stop word&gt;" in page
    assert not re.search(r"""(?:src|href)=["']|https?://|url\(|@import""", page)
    held = re.search(r'id="sound">([^<]+)<', page)
    assert held
    with wave.open(io.BytesIO(base64.b64decode(held[1]))) as file:
        assert file.getparams()[:4] == (2, 2, RATE, 20 * RATE)


def test_engines_that_failed_and_those_that_answered_are_told_in_words(tmp_path: Path) -> None:
    gone, other = Answerer("<big>", "first", 1), Answerer("small", "fallback", 2)
    answered = turn(1, 0.1, heard=None)
    answered["engines"] = {"stt": [], "llm": [vars(gone), vars(other)], "tts": [vars(gone)]}
    answered["tools"] = ["get_time"]
    records = [
        *[Fault("a", "llm", "timeout", gone).record()] * 3,
        Fallback("a", "llm", "model", other).record(),
        Fault("a", "llm", "timeout", gone).record(),
        Fault("a", "llm", "given_up", None).record(),
        answered,
    ]
    timed = [{**record, "at": float(at)} for at, record in enumerate(records)]
    page = render(read(save(tmp_path, text={**words(), "records": timed})))
    headings = [re.sub("<.*", "", h).strip() for h in re.findall("<h3>(Fa.*?)</h3>", page)]
    assert headings == ["Fault ×3", "Fallback", "Fault", "Fault"]
    facts = [re.sub("<[^>]+>", " ", facts).split() for facts in re.findall("<dl>.*?</dl>", page)]
    assert [" ".join(words) for words in facts] == [
        "language model said nothing in time where &lt;big&gt; · server 1",
        "language model small · server 2 · fallback instead of the first choice",
        "language model said nothing in time where &lt;big&gt; · server 1",
        "language model gave no answer, or none that could be heard",
        "silence 300 ms words finished voice like an end 91% usual pause 800 ms tools get_time "
        "language model &lt;big&gt;, small · server 2 · fallback voice &lt;big&gt;",
    ]


def test_there_are_words_for_every_fault_of_every_engine_and_a_newer_one_is_told_as_it_is(
    tmp_path: Path,
) -> None:
    by = Answerer("unknown", "first", 1)
    records = [Fault("a", engine, fault, by).record() for engine in ENGINES for fault in FAULTS]
    records += [Fallback("a", engine, of, by).record() for engine in ENGINES for of in SUBSTITUTES]
    newer = {**records[0], "engine": "<ear>", "fault": "asleep"}
    timed = [{**record, "at": 1.0} for record in [*records, newer]]
    page = render(read(save(tmp_path, text={**words(), "records": timed})))
    assert page.count("<h3>") == len(timed)
    told = re.findall("<d[td]>(.*?)</d[td]>", page)
    assert {"&lt;ear&gt;", "asleep", "not known yet · server 1"} <= {*told}
    for name in (*ENGINES, *FAULTS, *SUBSTITUTES):
        assert name not in told


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"parley": 2}, "parley"),
        ({"captions": [{"role": "cat", "text": "", "at": 0, "until": 0}]}, "captions.0.role"),
        ({"records": [{"kind": "turn", "at": 1}]}, "records.0.turn"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(
    tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(NotSaved, match=re.escape(says)):
        read(save(tmp_path, text={**words(), **change}))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no conversation")
    other = tmp_path / "other.zip"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("notes.txt", "no conversation")
    for path in (text, other):
        with pytest.raises(NotSaved, match="not a saved conversation"):
            read(path)
    for wav in (b"no sound", sound(channels=1)):
        with pytest.raises(NotSaved, match="its sound is no WAV"):
            read(save(tmp_path, wav=wav))


def test_the_command_writes_the_page_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(tmp_path)
    monkeypatch.setattr(sys, "argv", ["report", str(path)])
    __main__.main()
    written = path.with_suffix(".html")
    assert capsys.readouterr().out == f"{written}\n"
    assert "What was said" in written.read_text(encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["report", str(tmp_path / "missing.zip")])
    with pytest.raises(
        SystemExit, match=r"missing\.zip cannot be read: no such file or directory\.$"
    ):
        __main__.main()
    nowhere = tmp_path / "nowhere" / "page.html"
    monkeypatch.setattr(sys, "argv", ["report", str(path), "--out", str(nowhere)])
    with pytest.raises(SystemExit, match=r"page\.html cannot be written: no such file"):
        __main__.main()
