from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from agent.yaml_file import YamlError, line_of, read

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", ", line 3: a is given a second time (first in line 1): leave one."),
        ("a:\n  b: 1\n  b: 1\n", ", line 3: b is given a second time (first in line 2)"),
        ("a: {b: 1, 'b': 2}", ", line 1: b is given a second time (first in line 1)"),
        ("- a: 1\n  a: 2\n", ", line 2: a is given a second time (first in line 1)"),
        ("a: &x {b: 1}\nc: {<<: *x, <<: *x}", ", line 2: << is given a second time"),
        ("a:\nb: 1\n", ", line 1: a has no value: write one after the colon"),
        ("a: # b\n", ", line 1: a has no value"),
        ("a:\n  b:\n", ", line 2: b has no value"),
        ("1: a", ", line 1: a name has to be a text: put a number"),
        ("a: {no: 1}", ", line 1: a name has to be a text"),
        ("~: a", ", line 1: a name has to be a text"),
        ("? [a]\n: b", ", line 1: a name has to be a text"),
        ("a:\n\tb: 1\n", ": line 2, column 1: a tab: indent with spaces."),
        ("a: @x", ": line 1, column 4: a text that begins with such a character needs quotes."),
        ("a: %x", ": line 1, column 4: a text that begins with such a character needs quotes."),
        ("a: *x", ": line 1, column 4: a text that begins with * or & needs quotes."),
        ("a: !x", ": line 1, column 4: a text that begins with ! needs quotes."),
        ("a: !!python/name:os.system x", ": line 1, column 4: a text that begins with ! needs"),
        ("a: x: y", ": line 1, column 5: a text with a colon needs quotes"),
        ("b: 1\na:b\n", ": line 2, column 1: a name needs a colon and a space after it."),
        ("b: 1\na\n", ": line 2, column 1: a name needs a colon and a space after it."),
        ("a:\n  b: 1\n c: 2\n", ": line 3, column 2: it does not fit the lines before"),
        ("a: 'x' y", ": line 1, column 8: it does not fit the lines before"),
        ("a: 1\n---\nb: 2\n", ": line 2, column 1: --- begins a second document"),
        ('a: "x\nb: 1\n', ": line 1, column 4: a quote is not closed."),
        ("b: 1\na: 'x\n", ": line 2, column 4: a quote is not closed."),
        ('a: "\\d"', ": line 1, column 4: what follows a \\ in"),
        ("a: [1, 2\n", ": line 1, column 4: a bracket is not closed"),
        ("a: {b: 1\n", ": line 1, column 4: a bracket is not closed"),
        ("a: &x {b: *x}", ": line 1, column 4: a value holds itself."),
        ("a: &x [*x]", ": line 1, column 4: a value holds itself."),
        ("[" * 20_000, ": its values are nested too deeply."),
        ("a: 1\nb: x\0\n", ": line 2 has a character that no text has (U+0000)."),
        ("a: 1\nb: \x07\n", ": line 2 has a character that no text has (U+0007)."),
    ],
    ids=lambda text: repr(text[:30]),
)
def test_what_is_wrong_is_one_sentence_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(YamlError) as raised:
        read(path)
    sentence = str(raised.value)
    assert said in sentence.replace(f"{path} is not valid YAML", "").replace(str(path), "")
    assert sentence.startswith(str(path))
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    "value",
    [
        *(f"{first}{SECRET}" for first in "@%`*&!|>{[\"'#?:,-"),
        f"{SECRET}: x",
        f'"{SECRET}\\q"',
        f"{{{SECRET}}}",
        f"x\0{SECRET}",
        f"x\n {SECRET}: y",
        f"'x' {SECRET}",
        f"!{SECRET} x",
    ],
)
def test_a_secret_without_quotes_is_in_no_sentence(tmp_path: Path, value: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"llm:\n  api_key: {value}\n", "utf-8")
    try:
        content = read(path)
    except YamlError as e:
        left: BaseException | None = e
        while left:  # a traceback shows those before it
            assert SECRET not in str(left)
            left = left.__cause__ or (None if left.__suppress_context__ else left.__context__)
    else:  # YAML takes it as it is
        assert SECRET in content["llm"]["api_key"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a: é\n".encode("utf-16"), "line 1 is not text in UTF-8: save the file as UTF-8."),
        ("a: 1\nb: é\n".encode("latin-1"), "line 2 is not text in UTF-8"),
        (b"\x89PNG\r\n\x1a\n", "line 1 is not text in UTF-8"),
    ],
)
def test_other_encodings_are_told(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(YamlError, match=f"cannot be read: {said}"):
        read(path)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match=rf"^{tmp_path} cannot be read: it is a folder\.$"):
        read(tmp_path)
    with pytest.raises(YamlError, match=r"none\.yaml cannot be read: no such file or directory\.$"):
        read(tmp_path / "none.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    with pytest.raises(YamlError, match=r"cannot be read: too many levels of symbolic links\.$"):
        read(tmp_path / "loop.yaml")


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_files_of_other_machines_are_read(tmp_path: Path, ending: str, mark: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(f"{mark}a: 1{ending}b: {{c: x}}{ending}".encode())
    assert read(path) == {"a": 1, "b": {"c": "x"}}
    assert line_of(path, ("b", "c")) == 2


def test_values_are_what_they_look_like(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "[1, -2, 0.5, .inf, true, off, null, ~, '', 010, 1:30, 1_000, 0x10, 2026-11-30, +49, 1e3]"
    )
    assert read(path) == [
        *(1, -2, 0.5, float("inf"), True, False, None, None, ""),
        *("010", "1:30", "1_000", "0x10", "2026-11-30", 49, "1e3"),
    ]


def test_what_is_right_is_read_as_pyyaml_reads_it() -> None:
    for path in Path("configs").glob("*.yaml"):
        assert read(path) == yaml.safe_load(path.read_text("utf-8")), path
    merged = Path("agent/models/manifest.yaml")
    assert read(merged) == yaml.safe_load(merged.read_text("utf-8"))


def test_merged_settings_are_no_second_ones(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a: &a {b: 1, c: 2}\nd:\n  <<: *a\n  b: 3\n")
    assert read(path)["d"] == {"b": 3, "c": 2}


@pytest.mark.parametrize(
    ("names", "line"),
    [
        (("a",), 1),
        (("a", "b"), 2),
        (("a", "b", "1"), 4),
        (("a", "b", "1", "c"), 4),
        (("a", "nothing"), 1),
        (("a", "b", "9"), 2),
        (("nothing", "b"), None),
    ],
)
def test_a_setting_has_a_line(tmp_path: Path, names: tuple[str, ...], line: int | None) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("a:\n  b:\n  - x\n  - c: y\n")
    assert line_of(path, names) == line
    path.write_text("a: [")
    assert line_of(path, names) is None
