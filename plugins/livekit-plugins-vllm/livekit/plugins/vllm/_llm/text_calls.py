"""Tool calls that a model wrote into its text, in whatever notation it was trained on.

A server without the right ``--tool-call-parser`` passes them on as words. They are read here as
far as they name a tool on offer; nothing is made up that was not written.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, TypeAlias

Call: TypeAlias = tuple[str, str]
"""A tool's name, and its arguments as a JSON object."""

Schemas: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The JSON schemas of the parameters of each tool on offer, by its name."""

_NAME_KEYS = ("name", "tool", "tool_name", "function_name", "recipient_name", "action")
_ARGUMENT_KEYS = (
    "arguments",
    "parameters",
    "args",
    "input",
    "tool_input",
    "action_input",
    "params",
)
_FUNCTION = re.compile(
    r"<(?:(?:function=|function\()\"?([^>\"]{1,80})\"?|(?:function|(?:[a-z]+:)?invoke)"
    r"\s+name=\"([^\"]{1,80})\")>(.*?)</(?:function|(?:[a-z]+:)?invoke)>",
    re.S,
)
_PARAMETER = re.compile(
    r"<(?:[a-z]+:)?parameter(?:=([^>]{1,80})|\s+name=\"([^\"]{1,80})\"[^>]{0,40})>(.*?)"
    r"</(?:[a-z]+:)?parameter>",
    re.S,
)
_KEYED = re.compile(
    r"<(?:[a-z]+_)?arg_key>(.*?)</(?:[a-z]+_)?arg_key>\s*"
    r"<(?:[a-z]+_)?arg_value>(.*?)</(?:[a-z]+_)?arg_value>",
    re.S,
)
_TAGGED = re.compile(r"<([\w.-]{1,80})(\s[^<>]{0,200})?(?:/>|>(.*?)</\1>)", re.S)
# <tool_name>look_up</tool_name><arguments>{...}</arguments>
_PAIRED = re.compile(
    r"<(tool|tool_name|name)>\s*([\w.-]{1,80})\s*</\1>"
    r"(?:\s*<(arguments|args|parameters|params|input|tool_input|tool_args)>(.*?)</\3>)?",
    re.S,
)
_ATTRIBUTE = re.compile(r"([\w-]{1,80})=\"([^\"]*)\"")
_CHILD = re.compile(r"<([\w-]{1,80})>(.*?)</\1>", re.S)
# Gemma's: call:name{key:<escape>text<escape>,key:3}
_BRACED = re.compile(r"call:([\w.-]{1,80})\{(.*)\}", re.S)
_BRACED_VALUE = re.compile(
    r"([\w-]{1,80})\s*:\s*(?:<escape>(.*?)<escape>|<\|\"\|>(.*?)<\|\"\|>|([^,{}\[\]<>]{1,80}))(?:,|$)",
    re.S,
)
_DECODER = json.JSONDecoder()


def calls_in(text: str, offered: Schemas) -> list[Call]:
    """The calls of a text that is nothing but calls.

    Args:
        text: What stands between the marks of a call.
        offered: The tools that may be called.
    """
    found: list[Call] = []
    text = text.replace("｜DSML｜", "")
    readers = (
        _xml_calls,
        _json_calls,
        _keyed_calls,
        _paired_calls,
        _tagged_calls,
        _braced_calls,
        _python_calls,
        _named_calls,
    )
    for reader in readers:
        found = [(name, arguments) for name, arguments in reader(text, offered) if name in offered]
        if found:
            break
    return found


def _xml_calls(text: str, offered: Schemas) -> Iterator[Call]:
    for equals, attribute, body in _FUNCTION.findall(text):
        name = (equals or attribute).strip().rstrip(")")
        written = [((a or b).strip(), value) for a, b, value in _PARAMETER.findall(body)]
        arguments: dict[str, Any] = {k: _value(v, k, offered.get(name)) for k, v in written}
        if not arguments and body.strip():
            arguments = _object(body) or {}
        yield name, json.dumps(arguments, ensure_ascii=False)


def _json_calls(text: str, offered: Schemas) -> Iterator[Call]:
    for value in _objects(text):
        if isinstance(value, dict) and isinstance(value.get("tool_calls"), list):
            value = value["tool_calls"]
        for entry in value if isinstance(value, list) else [value]:
            if isinstance(entry, dict) and (call := _call_of(entry, offered)):
                yield call


def _call_of(entry: dict[str, Any], offered: Schemas) -> Call | None:
    function = entry.get("function")
    if isinstance(function, dict):
        return _call_of(function, offered)
    keys = (*_NAME_KEYS, "function") if isinstance(function, str) else _NAME_KEYS
    name = next((entry[key] for key in keys if isinstance(entry.get(key), str)), None)
    if name is None:
        return None
    arguments: Any = next((entry[key] for key in _ARGUMENT_KEYS if key in entry), {})
    name = name.removeprefix("functions.")
    if isinstance(arguments, str):  # JSON in a string, or the only argument there is
        arguments = arguments_of(arguments, offered.get(name) or {})
    if not isinstance(arguments, dict):
        return None
    return name, json.dumps(arguments, ensure_ascii=False)


def _keyed_calls(text: str, offered: Schemas) -> Iterator[Call]:
    pairs = _KEYED.findall(text)
    if pairs:
        name = text.partition("<")[0].strip()
        arguments = {k.strip(): _value(value, k.strip(), offered.get(name)) for k, value in pairs}
        yield name, json.dumps(arguments, ensure_ascii=False)


def _paired_calls(text: str, offered: Schemas) -> Iterator[Call]:
    for _, name, _, body in _PAIRED.findall(text):
        arguments = arguments_of(body.strip(), offered.get(name) or {})
        if arguments is not None:
            yield name, json.dumps(arguments, ensure_ascii=False)


def _tagged_calls(text: str, offered: Schemas) -> Iterator[Call]:
    """A tag with the name of the tool: "<look_up><name>Ada</name></look_up>"."""
    if "</" not in text and "/>" not in text:
        return  # each of many open tags would be looked for to the end of the text
    for name, attributes, body in _TAGGED.findall(text):
        if name not in offered:
            continue
        given = dict(_ATTRIBUTE.findall(attributes))
        arguments = given or arguments_of(body.strip(), offered[name])
        if arguments is not None:
            yield name, json.dumps(arguments, ensure_ascii=False)


def arguments_of(written: str, schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments of one call, be they an object, tags, or the only one there is in plain words.

    Args:
        written: What stands for them.
        schema: The tool's parameters.

    Returns:
        None if they cannot be read.
    """
    for value in _objects(written):
        return value if isinstance(value, dict) else None
    if children := _CHILD.findall(written):
        return {name: _value(value, name, schema) for name, value in children}
    properties = schema.get("properties") or {}
    plain = written.strip("`\"'[]() \t\r\n")
    if not plain:
        return {}
    if "{" in plain or len(properties) != 1:
        return None
    (name,) = properties
    return {name: _value(plain, name, schema)}


def _braced_calls(text: str, offered: Schemas) -> Iterator[Call]:
    for name, body in _BRACED.findall(text):
        arguments = {
            key: escaped or quoted or _value(bare, key, offered.get(name))
            for key, escaped, quoted, bare in _BRACED_VALUE.findall(body)
        }
        if arguments or not body.strip():
            yield name, json.dumps(arguments, ensure_ascii=False)


def _python_calls(text: str, offered: Schemas) -> Iterator[Call]:
    try:
        tree = ast.parse(re.sub(r"```\w*", "", text).strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]:
        if isinstance(node, ast.Dict):
            try:
                entry = ast.literal_eval(node)
            except (ValueError, TypeError, SyntaxError, RecursionError):
                continue
            if call := _call_of(entry, offered):
                yield call
            continue
        if isinstance(node, ast.Await):
            node = node.value
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print" and node.args:
            node = node.args[0]
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        if isinstance(function, ast.Attribute) and function.attr == "call":
            function = function.value
        name = function.attr if isinstance(function, ast.Attribute) else ast.unparse(function)
        try:
            arguments = {k.arg: ast.literal_eval(k.value) for k in node.keywords if k.arg}
            names = list((offered.get(name) or {}).get("properties") or {})
            for key, positional in zip_longest(names[: len(node.args)], node.args):
                value = ast.literal_eval(positional)
                if isinstance(value, dict) and len(node.args) == 1:
                    arguments |= value
                elif key is None or len(names) > 1:
                    raise ValueError("arguments have no names")
                else:
                    arguments[key] = value
            yield name, json.dumps(arguments, ensure_ascii=False)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            continue


def _named_calls(text: str, offered: Schemas) -> Iterator[Call]:
    """A name and then an object, whatever stands between: the notations of Mistral and DeepSeek."""
    names = "|".join(map(re.escape, sorted(offered, key=len, reverse=True)))
    for match in re.finditer(
        rf"(?<![\w.-])(?:functions\.)?({names})(?![\w-])[^{{]{{0,60}}(?={{)", text
    ):
        try:
            arguments, _ = _DECODER.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            continue
        yield match.group(1), json.dumps(arguments, ensure_ascii=False)


def _objects(text: str) -> Iterator[Any]:
    """JSON objects and lists, one after another, with anything but words between them."""
    at = 0
    while (begin := re.compile(r"[\[{]").search(text, at)) is not None:
        if re.search(r"\w{2}", re.sub(r"```\w*", "", text[at : begin.start()])):
            return
        try:
            value, at = _DECODER.raw_decode(text, begin.start())
        except (ValueError, RecursionError):
            return
        yield value


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _value(text: str, key: str, schema: Mapping[str, Any] | None) -> Any:
    """A parameter's value; what is to be a string stays one, though it looks like a number."""
    text = text.strip()
    expected = ((schema or {}).get("properties") or {}).get(key) or {}
    if expected.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def schemas_of(tools: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The parameters of each tool, from the schemas of a request."""
    functions = [tool.get("function") or {} for tool in tools]
    return {f["name"]: f.get("parameters") or {} for f in functions if f.get("name")}
