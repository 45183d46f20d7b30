"""configs/observability: what Prometheus and Grafana are given."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from livekit.agents.telemetry import metrics  # noqa: F401  (LiveKit's own, registered)
from prometheus_client import REGISTRY

from agent.bridge import metrics as bridge  # noqa: F401  (its own, registered)
from agent.local import stt, tts  # noqa: F401  (the names of vLLM's and vllm-omni's, registered)
from agent.telemetry import STAGES, prometheus
from agent.telephony import trunk_health  # noqa: F401  (its own, registered)

from .queries import CONFIGS, DASHBOARD, PANELS, RULES, asked, expressions, names

ALERTS = Path(__file__).with_name("alerts.yaml")
ENGINES = ("vllm:", "vllm_omni:", "llamacpp:", "livekit_")
"""Of other programs: their own tests ask them (test_prometheus.py, tests/engines)."""


@pytest.mark.skipif(not shutil.which("promtool"), reason="prometheus is not installed")
@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", CONFIGS / "prometheus.yaml"),
        ("check", "rules", CONFIGS / "rules.yaml"),
        ("test", "rules", ALERTS),
    ],
    ids=["config", "rules", "alerts"],
)
def test_prometheus_takes_it(command: tuple[str, str, Path]) -> None:
    done = subprocess.run(["promtool", *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_says_what_to_do_and_has_been_seen() -> None:
    alerts = [rule for rule in RULES if "alert" in rule]
    assert alerts
    for alert in alerts:
        assert {"summary", "action"} == set(alert["annotations"])
        assert alert["annotations"]["action"].endswith("."), alert["alert"]
        assert alert["labels"]["severity"] in ("critical", "warning")
    told = set(re.findall(r'alertname="(\w+)"', ALERTS.read_text("utf-8")))
    told |= set(re.findall(r"alertname: (\w+)", ALERTS.read_text("utf-8")))
    assert told == {alert["alert"] for alert in alerts}


def exported() -> Iterator[str]:
    """All that the agent and the engines of the cpu profile have on their pages."""
    prometheus.set_up()
    endings = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_sum", "_count"),
        "gauge": ("",),
    }
    for family in REGISTRY.collect():
        for ending in endings.get(family.type, ()):
            yield family.name + ending


def test_every_metric_is_one_that_there_is() -> None:
    known = {*exported(), *(rule["record"] for rule in RULES if "record" in rule), "up", "ALERTS"}
    found = {name for expression in expressions() for name in names(expression)}
    assert {name for name in found - known if not name.startswith(ENGINES)} == set()
    assert asked("vllm_omni:") <= known | {"vllm_omni:num_requests_running"}  # made with its queue


def test_every_figure_of_the_agent_is_on_the_dashboard() -> None:
    """By itself or by a rule."""
    shown = {
        name for panel in PANELS for target in panel["targets"] for name in names(target["expr"])
    }
    shown |= {name for rule in RULES if rule.get("record") in shown for name in names(rule["expr"])}
    families = {
        re.sub(r"_(bucket|sum|count|total)$", "", name)
        for name in exported()
        if name.startswith("parley_")
    }
    assert families <= {re.sub(r"_(bucket|sum|count|total)$", "", name) for name in shown}
    assert {f"parley_turn_{stage}_seconds" for stage in STAGES} < families


def test_the_dashboard_can_be_provisioned() -> None:
    assert DASHBOARD["schemaVersion"] == 42  # Grafana 12.3 and 13
    assert DASHBOARD["uid"] == "parley"
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    used = set(re.findall(r"\$\{?(\w+)", " ".join(str(panel) for panel in PANELS)))
    assert used == {*variables, "__rate_interval"}
    for panel in PANELS:
        for asks in (panel, *panel["targets"]):
            assert asks["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"].endswith(".")
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    boxes = [panel["gridPos"] for panel in DASHBOARD["panels"]]
    cells = [
        (x, y)
        for box in boxes
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(cells) == len(set(cells)), "two panels lie on each other"
    assert max(x for x, _ in cells) < 24


def test_grafana_is_told_of_prometheus_and_the_dashboard() -> None:
    for kind, key in (("datasources", "datasources"), ("dashboards", "providers")):
        (file,) = (CONFIGS / "grafana" / kind).glob("*.yaml")
        told = yaml.safe_load(file.read_text("utf-8"))
        assert told["apiVersion"] == 1
        assert len(told[key]) == 1
