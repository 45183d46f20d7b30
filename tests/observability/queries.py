"""What configs/observability asks of Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "observability"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((CONFIGS / "rules.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads(
    (CONFIGS / "grafana" / "dashboards" / "parley.json").read_text("utf-8")
)
PANELS: list[dict[str, Any]] = [p for p in DASHBOARD["panels"] if p["type"] != "row"]


def expressions() -> Iterator[str]:
    """Of all rules and all panels."""
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


def names(expression: str) -> set[str]:
    """The metrics in an expression: what is no label, range, number, operator or function."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on|without)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", bare)
    return set(words) - {"and", "or", "unless", "bool"}


def asked(prefix: str) -> set[str]:
    """Every metric in any expression that begins like this."""
    return {name for e in expressions() for name in names(e) if name.startswith(prefix)}
