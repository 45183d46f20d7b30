"""docs/your-agent.md: its examples as they are printed, its table of settings, its sentences."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import yaml

from agent import settings
from agent.definition import new
from agent.definition.loading import PACKAGED, load_agent
from agent.definition.settings import AgentSettings
from agent.rehearsal import Call, rehearse
from agent.settings import SettingsError

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "your-agent.md").read_text("utf-8")
YAML = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.M | re.S)
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
QUOTED = re.findall(r"^```[a-z]+ ([a-z./-]+)\n(.*?)^```", PAGE, re.M | re.S)
EXPORTED = [
    word.split("=", 1)
    for line in re.findall(r"^export (.+)$", PAGE, re.M)
    for word in shlex.split(line, comments=True)
]
WRONG = re.findall(r"^\| `([a-z_]+: .+)` \| (.+) \|$", PAGE, re.M)


def written(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    return str(folder)


@pytest.mark.parametrize(("file", "text"), QUOTED, ids=[file for file, _ in QUOTED])
def test_what_is_quoted_of_a_folder_is_in_it(tmp_path: Path, file: str, text: str) -> None:
    folder, name = file.split("/")
    at = new.write(folder, tmp_path) if folder == "tea-shop" else PACKAGED / folder
    assert text in (at / name).read_text("utf-8")


@pytest.mark.parametrize("folder", [path for path in PACKAGED.iterdir() if path.is_dir()])
def test_those_that_come_with_parley_are_as_short_as_the_page_says(folder: Path) -> None:
    files = [path for path in folder.glob("*.*") if path.suffix in (".py", ".yaml")]
    own = [path for path in files if not path.name.startswith("test_")]
    assert 0 < sum(len(path.read_text("utf-8").splitlines()) for path in own) < 150


def test_the_shop_can_put_callers_through_as_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in EXPORTED:
        monkeypatch.setenv(name, value)
    profile = settings.load("phone")
    phone = load_agent(profile.agent, profile).over(profile).phone
    assert phone.tools == ["hang_up", "ask_for_digits", "transfer_call"]
    assert [*phone.destinations] == ["a colleague"]


def test_every_setting_has_its_row() -> None:
    table = PAGE[PAGE.index("| setting |") : PAGE.index("## What it can do")]
    named = set(re.findall(r"`([a-z_]+)`", "".join(re.findall(r"^\| (.+?) \|", table, re.M))))
    assert named == set(AgentSettings.model_fields)


async def test_the_shop_of_the_page_takes_an_order_after_a_yes(tmp_path: Path) -> None:
    shop = written(tmp_path, agent_yaml=YAML[0], tools_py=PYTHON[0])
    lines = (Call("price", tea="Earl Grey"), "No.", Call("order", tea="Assam", count=2), "Done.")
    async with rehearse(shop, *lines, variables={"caller": "Ben"}) as talk:
        assert talk.said == ["Tea shop, hello Ben!"]
        await talk.say("What is Earl Grey?")
        assert talk.results == ["There is no Earl Grey. There are: assam, sencha."]
        await talk.say("Two Assam.")
        assert talk.said[-1] == "Shall I order 2 of Assam?"
        await talk.say("Yes.")
        assert talk.results[-1] == "2 of Assam are on their way."


def test_the_requests_of_the_page_are_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = written(tmp_path, agent_yaml=YAML[1])
    with pytest.raises(SettingsError, match="TEA_TOKEN is not set"):
        load_agent(shop)
    monkeypatch.setenv("TEA_TOKEN", "hush")
    agent = load_agent(shop, settings.load("cpu"))
    assert [*agent.settings.http_tools] == ["find_order", "cancel_order"]
    assert agent.settings.mcp_servers["stock"].allow == ("find_tea",)


def test_what_the_page_says_of_documents_memory_and_records_is_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_MEMORY__KEY", "k" * 32)
    monkeypatch.setenv("PARLEY_POST_CALL__FOLDER", str(tmp_path))
    (tmp_path / "documents").mkdir()
    (tmp_path / "shop").mkdir()
    says = YAML[0] + "".join(YAML[2:])
    agent = load_agent(written(tmp_path / "shop", agent_yaml=says), settings.load("cpu"))
    assert agent.documents
    assert agent.documents.samefile(tmp_path / "documents")
    own = agent.over(settings.load("cpu"))
    assert own.memory
    assert own.memory.facts == 10
    assert own.post_call
    assert own.post_call.numbers


async def test_the_reception_of_the_page_hands_over(tmp_path: Path) -> None:
    reception = written(tmp_path, agent_yaml=YAML[0], agent_py=PYTHON[1])
    async with rehearse(reception, Call("billing"), "Yes.") as talk:
        await talk.say("A question on an invoice.")
        assert talk.said[-1] == "Billing here. Which invoice is it?"


async def test_the_test_of_the_page_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new.write("tea-shop", tmp_path / "agents")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    exec(compile(PYTHON[2], "your-agent.md", "exec"), names)
    await names["test_a_yes_orders"]()  # type: ignore[operator]


@pytest.mark.parametrize(("setting", "sentence"), WRONG, ids=[row[0][:40] for row in WRONG])
def test_a_wrong_setting_is_answered_as_the_page_says(
    tmp_path: Path, setting: str, sentence: str
) -> None:
    content = {"name": "Shop", "instructions": "You sell tea.", **yaml.safe_load(setting)}
    shop = written(tmp_path, agent_yaml=yaml.safe_dump(content))
    with pytest.raises(SettingsError) as raised:
        load_agent(shop, settings.load("cpu"))
    said = re.sub(r"agent\.yaml, line [0-9]+:", "agent.yaml:", str(raised.value))
    assert said in (
        f"Wrong setting in {shop}/agent.yaml: {sentence}.",
        f"Wrong setting in {shop}: {sentence}.",
    )


def test_there_are_rows_of_wrong_settings() -> None:
    assert len(WRONG) == PAGE[PAGE.index("| in agent.yaml |") :].count("\n| `")
    assert len(WRONG) >= 10
