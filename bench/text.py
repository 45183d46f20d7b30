"""What the voice says of a text: our reading and the library's alone, on labelled cases.

Run with ``make bench-text``. ``bench/text_cases`` holds a file for each language: the class of a
case, what is written, and what a person would say of it, several ways of it divided by " | "; "="
stands for the text as it is, which the engine reads in its own language. Case, punctuation, blanks
and "and" are levelled. With ``ARGS=-v`` each case that fails is shown.
"""

from __future__ import annotations

import argparse
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wetext
from livekit.plugins.qwen3_tts.normalizer import Normalizer, prewarm

from harness import report

CASES = Path(__file__).parent / "text_cases"
LANGUAGES = ("zh", "en", "ja", "ko", "de", "fr", "ru", "pt", "es", "it")
# Those whose figures the engine reads: what is said must hold the very signs.
_ENGINE = frozenset(LANGUAGES) - {"zh", "en", "ja"}
_ROUNDS = 3


class Case(NamedTuple):
    """A text and what a person would say of it."""

    language: str
    kind: str
    written: str
    right: tuple[str, ...]


def cases() -> list[Case]:
    """Returns all labelled cases."""
    found = []
    for language in LANGUAGES:
        for line in (CASES / f"{language}.tsv").read_text(encoding="utf-8").splitlines():
            kind, written, right = line.split("\t")
            written = written.replace("\\n", "\n")
            ways = (written,) if right == "=" else tuple(right.split(" | "))
            found.append(Case(language, kind, written, ways))
    return found


def level(text: str, language: str) -> str:
    """Returns a text without what is said alike."""
    if language in _ENGINE:
        return re.sub(r" (?=[,:!?])", "", " ".join(text.split()))
    text = unicodedata.normalize("NFKC", text).lower()
    if language in ("zh", "ja"):
        return re.sub(r"[\W_]+", "", text).replace("〇", "零")
    words = re.sub(r"[^\w\s']|_", " ", text).split()
    return " ".join(word for word in words if word != "and")


def _library() -> Callable[[str, str], str]:
    readers = {language: wetext.Normalizer(lang=language) for language in ("zh", "en", "ja")}
    others = wetext.Normalizer(lang="auto")

    def say(text: str, language: str) -> str:
        try:
            return str(readers.get(language, others).normalize(text))
        except Exception:  # a character that is not in the grammar's alphabet
            return ""

    return say


def _ours(text: str, language: str) -> str:
    return Normalizer(language).unit(text)


def _told(text: str, language: str) -> str:
    return Normalizer().unit(text)


def _times(say: Callable[[str, str], str], tried: list[Case]) -> list[float]:
    """Returns milliseconds of processor time a case, the least of some rounds."""
    times = []
    for case in tried:
        least = float("inf")
        for _ in range(_ROUNDS):
            began = time.thread_time()
            say(case.written, case.language)
            least = min(least, (time.thread_time() - began) * 1e3)
        times.append(least)
    return times


def main() -> None:
    """Measure, print a table and report."""
    parser = argparse.ArgumentParser(prog="python -m bench.text", description=__doc__)
    parser.add_argument("-v", dest="verbose", action="store_true", help="show what fails")
    verbose = parser.parse_args().verbose
    prewarm()
    tried = cases()
    readers = {"library": _library(), "ours": _ours, "ours, language not given": _told}
    first: list[float] = []
    right: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in readers}
    total: Counter[tuple[str, str]] = Counter()
    for case in tried:
        keys = (case.language, case.kind), (case.language, "all"), ("all", "all")
        total.update(keys)
        accepted = {level(way, case.language) for way in case.right}
        for name, say in readers.items():
            began = time.thread_time()
            said = say(case.written, case.language)
            if name == "ours":
                first.append((time.thread_time() - began) * 1e3)
            if level(said, case.language) in accepted:
                right[name].update(keys)
            elif name == "ours" and verbose:
                print(f"{case.language} {case.kind}: {case.written!r} -> {said!r}")
    print("| Language, class | Cases | " + " | ".join(readers) + " |")
    print("|---|---|" + "---|" * len(readers))
    for key in sorted(total, key=lambda key: (key[0] == "all", key[0], key[1] == "all", key[1])):
        if key[0] in _ENGINE and key[1] != "all":
            continue
        name = "All" if key[0] == "all" else f"{key[0]}, {key[1]}"
        counts = " | ".join(str(right[reader][key]) for reader in readers)
        print(f"| {name} | {total[key]} | {counts} |")
    metrics: dict[str, report.Metric] = {}
    for reader, counter in right.items():
        for language in (*LANGUAGES, "all"):
            key = (language, "all")
            share = round(100 * counter[key] / total[key], 1)
            metrics[f"text.{reader}.{language}"] = {"value": share, "n": total[key], "unit": "%"}
    times = {
        "first": first,
        "again": _times(_ours, tried),
        "library": _times(readers["library"], tried),
    }
    for name, values in times.items():
        p99 = round(float(np.percentile(values, 99)), 3)
        metrics[f"text.unit.{name}"] = {**report.percentiles(values, "ms"), "p99": p99}
        print(f"{name}: P50 {np.percentile(values, 50):.2f} ms, P99 {p99:.2f} ms of processor time")
    report.write("text", metrics, profile="one core")


if __name__ == "__main__":
    main()
