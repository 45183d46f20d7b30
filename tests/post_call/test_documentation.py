"""The settings in docs/knowledge.md, docs/memory.md and docs/post-call.md are settings."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.knowledge_settings import KnowledgeSettings
from agent.memory_settings import MemorySettings
from agent.post_call import About, call_record
from agent.post_call.deliverer import DELAYS
from agent.post_call_settings import PostCallSettings
from agent.telephony.details import Detail

from .receiver import SECRET
from .test_record import report

DOCS = Path(__file__).resolve().parents[2] / "docs"
SECRETS: dict[str, dict[str, Any]] = {
    "knowledge": {},
    "memory": {"key": "k" * 32},
    "post_call": {"webhook": {"secret": SECRET}},
}


def blocks(page: str, kind: str) -> list[str]:
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)


@pytest.mark.parametrize(
    ("page", "section", "kind"),
    [
        ("knowledge.md", "knowledge", KnowledgeSettings),
        ("memory.md", "memory", MemorySettings),
        ("post-call.md", "post_call", PostCallSettings),
    ],
)
def test_the_settings_of_a_page_are_valid(
    page: str,
    section: str,
    kind: type[KnowledgeSettings] | type[MemorySettings] | type[PostCallSettings],
) -> None:
    (example,) = blocks(page, "yaml")
    given = yaml.safe_load(example)[section]
    for name, secret in SECRETS[section].items():
        given[name] = {**given[name], **secret} if isinstance(secret, dict) else secret
    kind.model_validate(given)
    text = (DOCS / page).read_text("utf-8")
    for name in kind.model_fields:
        assert name in text, name


@pytest.mark.parametrize(
    ("page", "kind"), [("knowledge.md", KnowledgeSettings), ("memory.md", MemorySettings)]
)
def test_the_defaults_of_a_table_are_those_of_the_settings(
    page: str, kind: type[KnowledgeSettings] | type[MemorySettings]
) -> None:
    text = (DOCS / page).read_text("utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+) \|", text, re.M)
    told = {
        name: value
        for names, values in rows
        for name, value in zip(re.findall(r"`(\w+)`", names), values.split(", "), strict=True)
    }
    numbers = {
        name: str(field.default)
        for name, field in kind.model_fields.items()
        if isinstance(field.default, int)
    }
    assert {name: told[name] for name in numbers} == numbers


async def test_the_record_of_the_page_has_the_fields_of_a_record() -> None:
    example, detail = blocks("post-call.md", "json")
    attempt = Detail("inbound", "answered", "caller", 0.0, 1.0)
    made_of_it = attempt.record(room="", agent="", numbers=True, told=None)
    assert json.loads(detail).keys() == made_of_it.keys()
    told, made = json.loads(example), call_record(await report(), About())
    assert told.keys() == made.keys()
    assert told["errors"].keys() == made["errors"].keys()
    for part in ("transcript", "tools"):
        assert all(one.keys() == made[part][0].keys() for one in told[part])


def test_the_page_tells_when_a_webhook_is_tried_again() -> None:
    text = (DOCS / "post-call.md").read_text("utf-8")
    assert "5 s, 5 min,\n30 min, 2, 5, 10, 10, 24 and 24 h" in text
    assert (5, 300, 1800, *(hours * 3600 for hours in (2, 5, 10, 10, 24, 24))) == DELAYS
