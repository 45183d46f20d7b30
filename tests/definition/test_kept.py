"""An agent that is wrong since the server started: its calls have it as it was."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest

from agent import settings
from agent.definition import parts
from agent.definition.choice import Agents, Assignment
from agent.definition.kept import KeptAgents, _locked
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


def versions(kept: KeptAgents) -> list[Path]:
    assert kept._folder
    return [path for path in kept._folder.glob("*/*") if path.is_dir()]


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


ORDERS = """
from pathlib import Path

AT = Path(__file__).parent
TEA = (AT / "tea.txt").read_text()


def note(order: str) -> None:
    with (AT / "orders.log").open("a") as file:
        file.write(order)
"""


@pytest.fixture
def writing(folder: Folder) -> Path:
    """An agent whose package writes into its own folder."""
    shop = folder({"tools.py": "from .book import orders\n"}, greeting="Hello!")
    (shop / "book").mkdir()
    for name, text in (("__init__.py", ""), ("orders.py", ORDERS), ("tea.txt", "black")):
        (shop / "book" / name).write_text(text)
    return shop


def orders_of(kept: KeptAgents) -> ModuleType:
    """The module of a kept agent, as the last one that was imported has it."""
    at = str(kept._folder)
    (*_, found) = [
        module
        for name, module in list(sys.modules.items())
        if name.endswith(".book.orders") and str(module.__file__).startswith(at)
    ]
    return found


def test_what_a_package_writes_makes_no_version_and_is_not_written_into_a_copy(
    writing: Path, kept: KeptAgents, caplog: pytest.LogCaptureFixture
) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(writing)})
    log = writing / "book" / "orders.log"
    for n in range(3):
        log.write_text("tea, " * n)
        (writing / "book" / f"{n}.sqlite-journal").write_text("")
        Agents(profile, another_call(kept)).usual()
    assert len(versions(kept)) == 1
    (writing / "agent.yaml").write_text("greetings: Hi\n")
    (writing / "book" / "tea.txt").write_text("green")  # found where it is
    (writing / "book" / "sugar.txt").write_text("brown")
    for n in range(2):
        agent = Agents(profile, another_call(kept)).usual()
        assert agent.greeting("en") == "Hello!"
        log.write_text(log.read_text() + f"milk {n}, ")
    orders = orders_of(kept)
    assert orders.TEA == "green"
    assert (orders.AT / "sugar.txt").read_text() == "brown"
    orders.note("cake")
    assert log.read_text() == "tea, tea, milk 0, milk 1, cake"
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1


def test_where_what_a_package_needs_is_gone_its_own_sentence_is_said(
    writing: Path, kept: KeptAgents
) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(writing)})
    Agents(profile, kept).usual()
    (writing / "agent.yaml").write_text("greetings: Hi\n")
    (writing / "book" / "tea.txt").unlink()
    with pytest.raises(SettingsError, match="greetings is not a setting"):
        Agents(profile, another_call(kept)).usual()


def test_old_versions_go_but_not_one_that_a_call_has_nor_what_is_linked(
    writing: Path, kept: KeptAgents
) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(writing)})

    def change(n: int) -> set[Path]:
        (writing / "book" / "new.py").write_text(f"N = {n}\n" + "\n" * n)
        Agents(profile, another_call(kept)).usual()
        return set(versions(kept))

    (first,), (second,) = change(1), change(2)
    assert first != second
    (second.parent / "begun").mkdir()  # of a call that was killed
    with _locked(second):  # as another process has it
        assert len(change(3)) == 2
        (third,) = change(4) - {second}
    (fifth,) = change(5)
    right = (writing / "agent.yaml").read_text()
    (writing / "agent.yaml").write_text("greetings: Hi\n")
    Agents(profile, another_call(kept)).usual()  # which this process has from now on
    (writing / "agent.yaml").write_text(right)
    assert fifth in change(6)
    assert len({first, second, third, fifth}) == 4
    assert (writing / "book" / "tea.txt").read_text() == "black"


def test_a_file_that_is_gone_before_it_is_looked_at_ends_no_call(
    writing: Path, kept: KeptAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    (writing / ".#tools.py").symlink_to("editor@nowhere")  # the lock of an editor
    (writing / "book" / ".#orders.py").symlink_to("editor@nowhere")
    (writing / "book" / "again").symlink_to(writing)  # which leads back to where it is
    passing = writing / "book" / "passing.py"
    look = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path == passing:
            passing.unlink(missing_ok=True)
        return look(path, follow_symlinks=follow_symlinks)

    profile = settings.load("cpu").model_copy(update={"agent": str(writing)})
    passing.write_text("")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", stat)
        assert Agents(profile, another_call(kept)).usual().greeting("en") == "Hello!"
    assert not passing.exists()
    assert len(versions(kept)) == 1
    (writing / "agent.yaml").write_text("greetings: Hi\n")
    assert Agents(profile, another_call(kept)).usual().greeting("en") == "Hello!"


def test_what_is_changed_while_it_is_copied_is_kept_by_the_next_call(
    writing: Path, kept: KeptAgents, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = settings.load("cpu").model_copy(update={"agent": str(writing)})

    def copied(source: Path, target: Path) -> None:
        (source / "book" / "new.py").write_text("")
        parts.copy(source, target)

    with monkeypatch.context() as patch:
        patch.setattr("agent.definition.kept.copy", copied)
        Agents(profile, another_call(kept)).usual()
    assert versions(kept) == []
    Agents(profile, another_call(kept)).usual()
    assert len(versions(kept)) == 1


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
