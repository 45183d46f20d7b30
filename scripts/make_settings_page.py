"""Writes docs/settings.md: every key of a profile and of agent.yaml, from the code that reads them.

Run it after a change of the settings: ``uv run scripts/make_settings_page.py``.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from agent.definition.settings import AgentSettings
from agent.languages import LANGUAGES
from agent.settings import Settings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "settings.md"

_HEAD = """\
# Settings

Made by `scripts/make_settings_page.py` from the code that reads them. What is wrong in a file or in
the environment is refused with a sentence that names it. A language is one of LANGUAGES.

"""
_PROFILE = """\
## A profile

A YAML file in `configs/`, or anywhere by its path (`PARLEY_PROFILE`). Each key can be set in the
environment instead, with `PARLEY_` before it and two underscores between names: `llm.base_url` is
`PARLEY_LLM__BASE_URL`, a list or names with values are JSON. A variable that is empty sets nothing.

"""
_AGENT = """\
## agent.yaml

Who speaks: [your-agent.md](your-agent.md).

"""


def page() -> str:
    """The whole page."""
    head = _HEAD.replace("LANGUAGES", ", ".join(f"`{each}`" for each in LANGUAGES))
    parts = [head, _PROFILE, *_tables(Settings), _AGENT, *_tables(AgentSettings)]
    return "".join(parts).rstrip() + "\n"


def main() -> None:
    """Write it."""
    PAGE.write_text(page(), encoding="utf-8")


def _tables(model: type[BaseModel]) -> Iterator[str]:
    """A table of the keys that are in no section, and one for each section."""
    schema = model.model_json_schema()
    models = dict(_models(model))
    told, fields = _docstrings(model), schema["properties"]
    yield _table(
        _row(name, field, told, name in schema.get("required", ()))
        for name, field in fields.items()
        if not _section(field)
    )
    for name, field in fields.items():
        if section := _section(field):
            about = told.get(name) or models[section].__doc__ or ""
            yield f"### {name}\n\n{_markdown(about)}\n\n"
            yield _table(_below(name, field, schema["$defs"], models))


def _table(rows: Iterable[str]) -> str:
    return "| key | may be | if not given | |\n|---|---|---|---|\n" + "".join(rows) + "\n"


def _below(
    path: str, field: dict[str, Any], defined: dict[str, Any], models: dict[str, type[BaseModel]]
) -> Iterator[str]:
    """The rows of a section, and of those within it."""
    name = _section(field)
    assert name
    default = field.get("default") or {}
    path += {"array": "[]", "object": ".NAME"}.get(field.get("type", ""), "")
    told = _docstrings(models[name])
    for key, each in defined[name]["properties"].items():
        given = {"default": default[key]} if isinstance(default, dict) and key in default else {}
        inner, where = each | given, f"{path}.{key}"
        if within := _section(inner):
            about = told.get(key) or models[within].__doc__ or ""
            yield f"| `{where}` | | | {_cell(about)} |\n"
            yield from _below(where, inner, defined, models)
        else:
            yield _row(key, inner, told, key in defined[name].get("required", ()), path)


def _row(
    key: str, field: dict[str, Any], told: dict[str, str], needed: bool, path: str = ""
) -> str:
    where = f"{path}.{key}" if path else key
    default = "**needed**" if needed else _default(field)
    return f"| `{where}` | {_may_be(field)} | {default} | {_cell(told.get(key, ''))} |\n"


def _section(field: dict[str, Any]) -> str | None:
    """The name of the settings that a key holds, alone, as a list or by names."""
    for each in (field, *field.get("anyOf", ())):
        for inner in (each, each.get("items"), each.get("additionalProperties")):
            if isinstance(inner, dict) and "$ref" in inner:
                return str(inner["$ref"]).rpartition("/")[2]
        for inner in each.get("patternProperties", {}).values():
            if "$ref" in inner:
                return str(inner["$ref"]).rpartition("/")[2]
    return None


def _may_be(field: dict[str, Any]) -> str:
    kinds = [each for each in field.get("anyOf", [field]) if each.get("type") != "null"]
    told = dict.fromkeys(_kind(each) for each in kinds)
    # "text, or by language: text" says no more than this.
    same = {f"by language: {kind}": "by language" for kind in told}
    return (
        ", or ".join(same.get(kind, kind) for kind in told)
        if same.keys() & told
        else " or ".join(told)
    )


def _kind(field: dict[str, Any]) -> str:
    if "enum" in field:
        others = [each for each in field["enum"] if each not in LANGUAGES]
        if len(others) == len(field["enum"]):
            return _values(others)
        return f"a language or {_values(others)}" if others else "a language"
    if "const" in field:
        return f"`{field['const']}`"
    match field.get("type"):
        case "boolean":
            return "`true`, `false`"
        case "integer" | "number" as kind:
            return f"{'a whole number' if kind == 'integer' else 'a number'}{_bounds(field)}"
        case "array":
            return f"a list: {_kind(field.get('items', {}))}"
        case "object":
            values = [
                field.get("additionalProperties"),
                *field.get("patternProperties", {}).values(),
            ]
            held = [_may_be(each) for each in values if isinstance(each, dict) and each]
            names = field.get("propertyNames", {}).get("enum", ())
            by = "by language" if set(LANGUAGES) <= set(names) else "by name"
            return f"{by}: {' or '.join(held)}" if held else by
    if field.get("format") == "password":
        return "a secret"
    if field.get("format") == "uri":
        return "an address"
    if examples := field.get("examples"):
        return "such as " + _values(examples)
    return "text"


def _bounds(field: dict[str, Any]) -> str:
    above = "" if "minimum" in field else "above "
    low, high = (
        f"{edge:,}".removesuffix(".0") if edge is not None else None
        for edge in (field.get("minimum", field.get("exclusiveMinimum")), field.get("maximum"))
    )
    if low is None:
        return ""
    return f", {above}{low} to {high}" if high is not None else f", {above}{low} or more"


def _values(values: list[object]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _default(field: dict[str, Any]) -> str:
    default = field.get("default")
    if default is None or default in ("", [], {}):
        return ""
    if isinstance(default, list) and set(LANGUAGES) <= set(default):
        return "all ten"
    if isinstance(default, str):
        return f"`{default}`"
    return f"`{json.dumps(default, ensure_ascii=False)}`"


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    """What stands below each field, in the class or in those that it is made of."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        if not issubclass(owner, BaseModel) or owner.__module__.startswith("pydantic"):
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
        assert isinstance(tree, ast.ClassDef)
        for field, after in zip(tree.body, tree.body[1:], strict=False):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                found[field.target.id] = str(after.value.value)
    return found


def _models(model: type[BaseModel]) -> Iterator[tuple[str, type[BaseModel]]]:
    """All settings that are in some, by their class's name."""
    yield model.__name__, model
    for field in model.model_fields.values():
        kinds = [field.annotation]
        while kinds:
            kind = kinds.pop()
            if isinstance(kind, type) and issubclass(kind, BaseModel):
                yield from _models(kind)
            kinds.extend(get_args(kind))


def _cell(text: str) -> str:
    return _markdown(text).replace("|", "\\|").replace("\n", " ")


def _markdown(text: str) -> str:
    """A docstring's marks as Markdown's."""
    text = re.sub(r"\s+", " ", text.strip())
    text = re.sub(r":\w+:`~?\.?(?:[\w.]*\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`")


if __name__ == "__main__":
    main()
