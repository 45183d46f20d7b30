"""An agent that is wrong since the server started: its calls have it as it was."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from agent import settings
from agent.definition.choice import Agents, Assignment
from agent.definition.kept import KeptAgents
from agent.settings import SettingsError
from agent.stack.stack import Stack
from agent.web.answering import sections

from .conftest import Folder

TOOLS = '''
from pathlib import Path

from .prices import TEA

def price() -> str:
    """Tell the price."""
    return f"{TEA} {Path(__file__).with_name('unit.txt').read_text()}"
'''


@pytest.fixture
def kept(tmp_path: Path) -> KeptAgents:
    (tmp_path / "kept").mkdir()
    return KeptAgents(tmp_path / "kept")


def another_call(kept: KeptAgents) -> KeptAgents:
    """What the process of the next call has: the folder alone."""
    return KeptAgents(kept._folder)


def kept_texts(kept: KeptAgents) -> list[Path]:
    assert kept._folder
    return [*kept._folder.rglob("tea.txt")]


def _setting(shop: Path) -> None:
    text = (shop / "agent.yaml").read_text()
    (shop / "agent.yaml").write_text(text.replace("greeting", "greetings"))


def _code(shop: Path) -> None:
    # As the next process has it, which has imported nothing yet.
    moved = shop.rename(shop.with_name("moved"))
    shutil.copytree(moved, shop)
    (shop / "tools.py").unlink()
    (shop / "agent.py").write_text("from .prizes import TEA\n")


def _other_section(shop: Path) -> None:
    with (shop / "agent.yaml").open("a") as file:
        file.write("engines: {llm: {temperature: 9}}\n")


def _gone(shop: Path) -> None:
    (shop / "agent.yaml").unlink()


@pytest.mark.parametrize(
    ("mistake", "sentence"),
    [
        (_setting, "greetings is not a setting (there are "),
        (_code, "agent.py, line 1 cannot be imported: ModuleNotFoundError"),
        (_other_section, "engines.llm.temperature = 9: input should be less"),
        (_gone, "has no agent.yaml"),
    ],
)
async def test_a_call_goes_on_with_what_was_right_last(
    folder: Folder,
    kept: KeptAgents,
    mistake: Callable[[Path], None],
    sentence: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    files = {"tools.py": TOOLS, "prices.py": "TEA = 4\n", "unit.txt": "pounds"}
    shop = folder(files, greeting="Hello!", knowledge={"folder": "../documents"})
    (shop.parent / "documents").mkdir()
    profile = settings.load("cpu").model_copy(update={"agent": str(shop)})
    assert Agents(profile, kept).usual().greeting("en") == "Hello!"
    mistake(shop)
    for _ in range(2):
        agent = Agents(profile, another_call(kept)).take(Assignment(agent="shop"))
        assert (agent.key, agent.source) == ("shop", shop)
        assert agent.greeting("en") == "Hello!"
        assert agent.documents
        assert agent.documents.resolve() == shop.parent / "documents"
        (price,) = agent.functions
        assert await cast(Any, price)() == "4 pounds"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert sentence in record.message
    assert record.message.endswith("Calls go on with shop as it was before.")
    assert "\n" not in record.message
    assert [*kept.told().values()] == [record.message]


def test_the_next_mistake_is_told_too_and_the_right_one_is_kept(
    folder: Folder, kept: KeptAgents
) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(folder(greeting="One"))})
    for n in range(3):
        folder(greeting=f"Hello {n}")
        assert Agents(profile, another_call(kept)).usual().greeting("en") == f"Hello {n}"
        folder(greetings="x" * n)
        assert Agents(profile, another_call(kept)).usual().greeting("en") == f"Hello {n}"
        assert len(kept.told()) == n + 1


def test_an_agent_that_is_one_file(tmp_path: Path, kept: KeptAgents) -> None:
    file = tmp_path / "tea.py"
    file.write_text('"""You sell tea."""\nAGENT = {"greeting": "Hello!"}\n')
    profile = settings.load("cpu").model_copy(update={"agent": str(file)})
    Agents(profile, kept).usual()
    file.write_text("AGENT = {")
    agent = Agents(profile, another_call(kept)).usual()
    assert (agent.key, agent.source, agent.greeting("en")) == ("tea", file, "Hello!")


def test_what_a_package_has_beside_its_code_is_kept_as_it_was(
    folder: Folder, kept: KeptAgents
) -> None:
    shop = folder({"tools.py": "from .menu import tea\n"}, greeting="Hello!")
    code = "from pathlib import Path\n\nTEA = Path(__file__).with_name('tea.txt').read_text()\n"
    (shop / "menu").mkdir()
    (shop / "menu" / "__init__.py").write_text("")
    (shop / "menu" / "tea.py").write_text(code)
    (shop / ".#tools.py").symlink_to("editor@nowhere")  # the lock of an editor
    profile = settings.load("cpu").model_copy(update={"agent": str(shop)})
    for tea in ("black", "green tea"):
        (shop / "menu" / "tea.txt").write_text(tea)
        Agents(profile, another_call(kept)).usual()
    (shop / "menu" / "tea.txt").unlink()
    agent = Agents(profile, another_call(kept)).usual()
    assert (agent.source, agent.greeting("en")) == (shop, "Hello!")
    (last,) = {path.read_text() for path in kept_texts(kept) if "green" in path.read_text()}
    assert last == "green tea"


def test_where_none_is_kept_it_is_refused(folder: Folder, kept: KeptAgents) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(folder(greetings="Hi"))})
    for each in (kept, KeptAgents(None)):
        with pytest.raises(SettingsError, match="greetings is not a setting"):
            Agents(profile, each).usual()


def test_a_page_that_starts_again_offers_it(folder: Folder, kept: KeptAgents) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(folder(voice="Ryan"))})
    before = sections(profile, Agents(profile, kept))
    folder(voices=7)
    with pytest.raises(SettingsError):
        sections(profile)
    assert sections(profile, Agents(profile, another_call(kept))) == before


def test_what_lives_on_keeps_nothing(folder: Folder, kept: KeptAgents) -> None:
    profile, shop = settings.load("cpu"), str(folder())
    kept.load(shop, profile, keep=False)
    folder(greetings="Hi")
    with pytest.raises(SettingsError):
        kept.load(shop, profile)


def test_an_agent_is_right_where_it_cannot_be_kept(
    folder: Folder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("")
    agent = KeptAgents(tmp_path / "file").load(str(folder()), settings.load("cpu"))
    assert agent.key == "shop"
    assert "is not kept" in caplog.text


async def test_the_terminal_tells_each_mistake_once(folder: Folder) -> None:
    said: list[str] = []
    stack = Stack(on_line=said.append)
    profile = settings.load("cpu").model_copy(update={"agent": str(folder(greeting="Hello!"))})
    kept = KeptAgents(Path(stack.variables["PARLEY_KEPT"]))
    telling = asyncio.create_task(stack._tell_mistakes())
    try:
        Agents(profile, kept).usual()
        folder(greetings="Hi")
        for _ in range(2):
            Agents(profile, kept).usual()
        async with asyncio.timeout(20):
            while not said:
                await asyncio.sleep(0.05)
    finally:
        telling.cancel()
        shutil.rmtree(stack.kept)
        os.rmdir(stack.logs)
    (line,) = said
    assert "agent.yaml, line 1: greetings is not a setting" in line
