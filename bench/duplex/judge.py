"""What a take shows, from what the caller sent and what the caller heard.

Beside it stands what a system says that it made of the caller's sound, where it says so: a silence
alone does not tell a stop from a voice that ran dry. None of the other findings rests on it.

The sound of each reply is known to the sample and so are the times of its words, which Whisper's
forced alignment of the known text gave. So where the received sound lies in the reply, whether it
has become softer, and which words were heard, is found by comparing the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.recording import SAMPLE_RATE, SILENCE_DBFS, Samples

from .align import contains, key, words
from .clips import Clip
from .judgements import Outcome, decision
from .play import Take

SILENT_FOR = 0.3
"""Seconds of silence that are a stop, if the reply has sound in two thirds of them."""

OWN_PAUSE = 1.0
"""Seconds that an agent may pause where the reply has a pause, and go on: between the parts of a
long answer Parley leaves room for the user."""

MISSED_AFTER = 1.5
"""Seconds after the end of a sound within which it may stop the agent."""

DUCKED = 0.7
"""Share of the level before the caller spoke below which the agent is ducked."""

_BLOCK = SAMPLE_RATE // 100
_GRACE = 0.03
"""Seconds of a word's end that may be missing, as in :mod:`bench.history`."""
_AUDIBLE = -36.0
"""Level of the reply that is heard even when it is ducked, in dBFS."""
_HOLE = 10
"""Blocks of silence after which something else may begin."""
_WINDOW = 4 * _BLOCK
"""Samples over which the level is taken."""
_SLACK = SAMPLE_RATE // 250
"""Samples by which a receiver's clock may have strayed: 4 ms."""
_CLEAR = -35.0
"""Level of the reply below which nothing is said of its volume, in dBFS."""
_THE_SAME = 0.7
"""Likeness above which a sound is the reply: that is 0.85 to 0.95, at a pause 0.7; other sentences
of the same voice are at 0.2 to 0.4."""
_SEARCH = 1.0
"""Seconds of the sound that is looked for in the reply."""


@dataclass
class Finding:
    """What one take shows; times in milliseconds, None where there was nothing to see."""

    key: str
    system: str
    set: str
    language: str
    kind: str
    """The text, or the noise and its level, or the echo's delay and level."""
    failed: str = ""
    answered: bool | None = None
    """Whether the agent took its turn."""
    cut_off: bool | None = None
    """Whether it spoke before the caller had finished."""
    voice_to_voice: float | None = None
    stopped: bool | None = None
    """Whether it fell silent over the caller's sound."""
    resumed: bool | None = None
    """Whether it went on with the reply after a stop."""
    stop_latency: float | None = None
    duck_latency: float | None = None
    history_error: int | None = None
    """Words (in Chinese, characters) that the history has too many or too few."""
    engines_idle: float | None = None
    """Time from the agent's last sound to the end of the last request for the reply."""
    outcome: Outcome | None = None
    """Whether the agent decided to stop, fell silent without that, or went on; None where the
    system does not tell, and in rows from before it was asked."""
    verdict: str | None = None
    """What stopped it, or else what it last took the sound for; empty if it judged nothing."""
    decided: float | None = None
    """Time from the caller's first sample to that judgement."""
    taken_back: bool | None = None
    """Whether it found later that it should not have stopped."""


def judge(take: Take) -> Finding:
    """See what a take shows."""
    case = take.case
    kind = case.text or f"{case.voice or 'echo'} {case.level:g} dB {case.delay:.2f} s"
    found = Finding(case.key, take.system, case.set, case.language, kind, take.failed)
    if take.failed:
        return found
    loud = _loud(take.heard)
    if not case.over:
        _judge_turn(take, loud, found)
        return found
    spoke = round(take.said_from * 100)
    if case.set != "echo" and not loud[max(spoke - round(OWN_PAUSE * 100), 0) : spoke].any():
        # Its reply was over, or late: nothing that the caller did has stopped it.
        found.failed = "the agent was silent already"
        return found
    reply = take.reply
    shift = _shift(take, reply)
    stop, shift_then = _stop(take, loud, reply, shift)
    found.stopped = stop is not None
    # What comes later has other causes, as a pause between two parts of a long answer.
    until = take.said_to + (MISSED_AFTER if case.set != "echo" else 0.0)
    if stop is not None:
        found.stopped = stop <= until
    _take_judgements(take, until, found)
    if case.set != "echo":
        duck = _duck(take, reply, shift, stop)
        found.duck_latency = duck and _ms(duck - take.said_from)
    if stop is None or not found.stopped:
        return found
    found.stop_latency = _ms(stop - take.said_from)
    found.resumed = _resumed(take, loud, reply, stop)
    if case.set == "interruption" and not found.resumed:
        answer = _first(loud, max(stop + 0.1, take.said_to))
        found.voice_to_voice = answer and _ms(answer - take.said_to)
    if not found.resumed:
        heard = sum(w.end <= stop - shift_then + _GRACE for w in reply.words)
        found.history_error = abs(_in_history(take.history, reply) - heard)
        closed = [r.closed or 0.0 for r in take.requests if r.opened < stop and _of(r.text, reply)]
        found.engines_idle = _ms(max([0.0, *(c - stop for c in closed)]))
    return found


def _take_judgements(take: Take, until: float, found: Finding) -> None:
    if take.judged is None:
        return
    made = decision(take.judged, take.said_from, until, silent=bool(found.stopped))
    found.outcome, found.verdict = made.outcome, made.verdict
    found.decided = None if made.at is None else _ms(made.at - take.said_from)
    found.taken_back = made.taken_back


def _judge_turn(take: Take, loud: NDArray[np.bool_], found: Finding) -> None:
    # What the agent may still have said of the case before was waited for.
    early = _first(loud, 0.0)
    found.cut_off = early is not None and early < take.said_to
    answer = _first(loud, take.said_to)
    found.answered = answer is not None
    if answer is not None and not found.cut_off:
        found.voice_to_voice = _ms(answer - take.said_to)


def _stop(
    take: Take, loud: NDArray[np.bool_], reply: Clip, shift: float
) -> tuple[float | None, float]:
    """When the agent's last sound was before it fell silent where the reply goes on.

    Returns:
        That moment, and where in the recording the reply begins, by its last second before it.
    """
    expected = _loud(reply.samples, _AUDIBLE)
    size = int(SILENT_FOR * 100)
    block = int(take.said_from * 100)
    while block < len(loud) - size:
        position = block - round(shift * 100)
        wanted = expected[max(position, 0) : position + size]
        silent = not loud[block : block + size].any() and wanted.sum() >= size * 2 // 3
        hole = not loud[block : block + _HOLE].any() and wanted[:_HOLE].sum() >= _HOLE * 2 // 3
        if not silent and hole and (then := _goes_on(take, loud, reply, block / 100)):
            # The reply came late, or its parts further apart than they were recorded.
            block, shift = then
            continue
        if not (silent or hole):
            block += 1
            continue
        last = np.flatnonzero(_over(take.heard[: block * _BLOCK]))
        stop = int(last[-1] + 1) / SAMPLE_RATE if len(last) else 0.0
        again = _sustained(loud, stop)
        quiet = _before_blips(loud, math.floor(stop * 100)) / 100
        pause = expected[max(round((quiet - shift) * 100) - 3, 0) :][:13]
        if again is None or again - quiet > OWN_PAUSE or pause.sum() > 5:
            return stop, shift
        place, likeness = _position(take.heard, again, reply)
        if likeness < _THE_SAME:
            return stop, shift
        shift, block = again - place, math.ceil(again * 100)
    return None, shift


def _goes_on(
    take: Take, loud: NDArray[np.bool_], reply: Clip, after: float
) -> tuple[int, float] | None:
    """Whether the reply follows a short silence: an answer may come as soon as that.

    Returns:
        The block in which it is certain to be heard again, and its shift from there on.
    """
    again = _sustained(loud, after)
    for later in (0.0, 0.5, 1.0, 1.5):
        if again is not None:
            place, likeness = _position(take.heard, again + later, reply)
            if likeness > _THE_SAME:
                return math.ceil((again + later) * 100), again + later - place
    return None


def _before_blips(loud: NDArray[np.bool_], block: int) -> int:
    """The end of the sound that lasted, before what a receiver plays when a stream ends."""
    while block > 25:
        begun = block
        while begun > 0 and loud[begun - 1]:
            begun -= 1
        if block - begun > 15 or loud[begun - 10 : begun].any():
            break
        sound = np.flatnonzero(loud[:begun])
        if not len(sound):
            break
        block = int(sound[-1]) + 1
    return block


def _sustained(loud: NDArray[np.bool_], after: float) -> float | None:
    """When there is sound again that lasts; a blip does not."""
    for block in range(math.ceil(after * 100) + 1, len(loud) - 20):
        if loud[block] and loud[block : block + 20].sum() >= 12:
            return block / 100
    return None


def _shift(take: Take, reply: Clip) -> float:
    """Where in the recording the reply begins, by its last second before the caller's sound."""
    end = take.said_from if take.case.set != "echo" else take.said_from + _SEARCH
    return end - _SEARCH - _position(take.heard, end - _SEARCH, reply)[0]


def _position(heard: Samples, start: float, reply: Clip) -> tuple[float, float]:
    """Where in the reply a second of the recording is, and how like it it is, 0 to 1."""
    begin = int(start * SAMPLE_RATE)
    piece = heard[begin : begin + int(_SEARCH * SAMPLE_RATE)].astype(np.float64)
    whole = reply.samples.astype(np.float64)
    size = 1 << (len(whole) + 2 * len(piece) - 1).bit_length()
    padded = np.concatenate([np.zeros(len(piece)), whole, np.zeros(len(piece))])
    product = np.fft.irfft(np.fft.rfft(padded, size) * np.conj(np.fft.rfft(piece, size)), size)
    product = product[: len(padded) - len(piece)]
    best = int(product.argmax())
    window = padded[best : best + len(piece)]
    norm = np.sqrt((window**2).sum() * (piece**2).sum())
    likeness = float(product[best] / norm) if norm else 0.0
    return (best - len(piece)) / SAMPLE_RATE, likeness


def _resumed(take: Take, loud: NDArray[np.bool_], reply: Clip, stop: float) -> bool:
    again = _sustained(loud, stop)
    return again is not None and _position(take.heard, again, reply)[1] > _THE_SAME


def _duck(take: Take, reply: Clip, shift: float, stop: float | None) -> float | None:
    """When the agent became softer than the reply is."""
    offset = int(shift * SAMPLE_RATE)
    until = min(stop or take.said_to + 1.0, take.said_to + 1.0)
    ratios: list[tuple[float, float]] = []
    for at in range(
        int((take.said_from - 1.0) * SAMPLE_RATE), int(until * SAMPLE_RATE) - _WINDOW, _BLOCK
    ):
        wanted = reply.samples[max(at - offset, 0) : max(at - offset, 0) + _WINDOW]
        got = take.heard[at - _SLACK : at + _WINDOW + _SLACK]
        # Where the reply is soft, the codec's own noise shows; what is unlike it is not it.
        if _rms(wanted) > 10 ** (_CLEAR / 20) * 32768 and _likeness(wanted, got) > 0.7:
            ratio = _rms(take.heard[at : at + _WINDOW]) / _rms(wanted)
            ratios.append(((at + _WINDOW / 2) / SAMPLE_RATE, ratio))
    before = [ratio for at, ratio in ratios if at < take.said_from]
    after = [(at, ratio) for at, ratio in ratios if at >= take.said_from]
    if not before:
        return None
    limit = DUCKED * float(np.median(before))
    for i in range(len(after) - 2):
        if all(ratio < limit for _, ratio in after[i : i + 3]):
            return after[i][0]
    return None


def _likeness(wanted: Samples, got: Samples) -> float:
    """How like a sound is to another within some milliseconds of it, 0 to 1."""
    product = np.correlate(got.astype(np.float64), wanted.astype(np.float64), "valid")
    norm = _rms(wanted) * _rms(got[_SLACK:-_SLACK]) * len(wanted)
    return float(product.max() / norm) if norm else 0.0


def _in_history(history: list[str], reply: Clip) -> int:
    """How many words of a reply are in the history."""
    said = [key(word.text) for word in reply.words]
    count = 0
    for item in history:
        part = [key(word) for word in words(item)]
        if contains(said, part):
            count += len(part)
    return count


def _of(text: str, reply: Clip) -> bool:
    said = [key(word.text) for word in reply.words]
    part = [key(word) for word in words(text)]
    return contains(said, part)


def _loud(samples: Samples, threshold: float = SILENCE_DBFS) -> NDArray[np.bool_]:
    """Which blocks of 10 ms have sound."""
    whole = len(samples) // _BLOCK
    blocks = _over(samples[: whole * _BLOCK], threshold).reshape(-1, _BLOCK)
    return np.asarray(blocks.any(axis=1))


def _over(samples: Samples, threshold: float = SILENCE_DBFS) -> NDArray[np.bool_]:
    return np.abs(samples.astype(np.int32)) > 10 ** (threshold / 20) * 32768


def _first(loud: NDArray[np.bool_], after: float) -> float | None:
    start = math.ceil(after * 100)
    found = np.flatnonzero(loud[start:])
    return (start + int(found[0])) / 100 if len(found) else None


def _rms(samples: Samples) -> float:
    return float(np.sqrt((samples.astype(np.float64) ** 2).mean())) if len(samples) else 0.0


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
