from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml

from agent.knowledge import Folder, KnowledgeError
from agent.knowledge import folder as folder_module
from agent.knowledge import index as index_module
from agent.knowledge.folder import LOOK_AGAIN

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ROOT / "bench" / "documents"


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    root = tmp_path / "documents"
    (root / "more").mkdir(parents=True)
    (root / "hours.md").write_text("# Hours\nWe open at nine.\n", encoding="utf-8")
    (root / "more" / "parking.txt").write_text("Cars stand in the yard.", encoding="utf-8")
    return root


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., Folder]]:
    folders: list[Folder] = []

    def open_(path: Path, **options: object) -> Folder:
        folders.append(Folder(path, tmp_path / "index.sqlite3", **options))  # type: ignore[arg-type]
        return folders[-1]

    yield open_
    for folder in folders:
        await folder.aclose()


async def renewed(folder: Folder) -> None:
    assert folder._renewing is not None
    await asyncio.gather(folder._renewing, return_exceptions=True)


async def sources(folder: Folder, query: str) -> list[str]:
    return [passage.source for passage in await folder.search(query, 5)]


async def test_a_passage_comes_with_its_source(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    (passage,) = await opened(documents).search("When do you open?", 5)
    assert (passage.text, passage.source) == ("We open at nine.", "hours.md › Hours")
    assert passage.score > 0


@pytest.mark.parametrize(
    "query", ["hello", "", "???", '" OR body:*', "zebra", "NEAR(", "a" * 10_000]
)
async def test_what_nothing_is_said_about_finds_nothing(
    documents: Path, opened: Callable[..., Folder], query: str
) -> None:
    assert await opened(documents).search(query, 5) == []


async def test_a_word_is_found_in_its_other_forms(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    folder = opened(documents)
    for query in ("opening", "HOUR", "parked car", "park"):  # by its stem, and by its beginning
        assert await folder.search(query, 5), query


async def test_an_index_is_made_again_when_a_file_changes_comes_or_goes(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    clock = Clock()
    folder = opened(documents, clock=clock)
    assert await sources(folder, "yard") == ["more/parking.txt"]
    (documents / "more" / "parking.txt").unlink()
    (documents / "hours.md").write_text("# Hours\nThe gate of the yard shuts at six.", "utf-8")
    (documents / "new.md").write_text("A yard is three feet.", "utf-8")
    clock.now += LOOK_AGAIN - 0.1
    assert await sources(folder, "yard") == ["more/parking.txt"]  # not looked yet
    clock.now += 0.2
    await folder.search("yard", 5)  # looks, and does not wait for it
    await renewed(folder)
    assert set(await sources(folder, "yard")) == {"hours.md › Hours", "new.md"}


async def test_an_index_that_is_there_is_taken(
    documents: Path, opened: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(documents).ready()
    monkeypatch.setattr(folder_module, "build", None)
    assert await sources(opened(documents), "yard") == ["more/parking.txt"]


@pytest.mark.parametrize("damage", ["version", "bytes"])
async def test_an_index_of_another_version_or_a_damaged_one_is_made_again(
    documents: Path,
    opened: Callable[..., Folder],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    damage: str,
) -> None:
    await opened(documents).ready()
    if damage == "version":
        monkeypatch.setattr(index_module, "VERSION", index_module.VERSION + 1)
    else:
        (tmp_path / "index.sqlite3").write_bytes(b"not a database" * 500)
    assert await sources(opened(documents), "yard") == ["more/parking.txt"]


async def test_a_file_that_cannot_be_read_is_told_at_the_start_and_survived_later(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    clock = Clock()
    folder = opened(documents, clock=clock)
    await folder.ready()
    (documents / "bad.md").write_bytes(b"\xff\xfe\x00")
    clock.now += LOOK_AGAIN
    await folder.search("yard", 5)
    await renewed(folder)
    assert await sources(folder, "yard") == ["more/parking.txt"]  # the index of before
    with pytest.raises(KnowledgeError, match=r"bad\.md cannot be read as UTF-8"):
        await opened(documents).ready()


async def test_a_folder_that_cannot_be_used_is_told_in_a_sentence(
    documents: Path, opened: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KnowledgeError, match="nowhere does not exist"):
        await opened(documents / "nowhere").ready()
    with pytest.raises(KnowledgeError, match="nowhere does not exist"):
        await opened(documents / "nowhere").search("yard", 5)
    monkeypatch.setattr(index_module, "MOST_BYTES", 10)
    with pytest.raises(KnowledgeError, match="search service"):
        await opened(documents).ready()


async def test_hidden_files_and_links_to_elsewhere_are_left_out(
    documents: Path, opened: Callable[..., Folder], tmp_path: Path
) -> None:
    secret = tmp_path / "secret.md"
    secret.write_text("The yard has a key.", "utf-8")
    os.symlink(secret, documents / "link.md")
    (documents / ".git").mkdir()
    (documents / ".git" / "notes.md").write_text("The yard of git.", "utf-8")
    (documents / "yard.png").write_bytes(b"yard")
    assert await sources(opened(documents), "yard") == ["more/parking.txt"]


async def test_the_event_loop_goes_on_while_an_index_is_made(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    text = "\n\n".join(f"# Heading {i}\nSome words about item {i}." for i in range(3000))
    (documents / "large.md").write_text(text, "utf-8")
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await opened(documents).ready()
    ticking.cancel()
    assert ticks > 20


async def test_who_stops_waiting_for_an_index_does_not_stop_it(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    folder = opened(documents)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await folder.search("yard", 5)
    await renewed(folder)
    assert folder._index is not None


async def test_a_folder_that_is_closed_says_so(
    documents: Path, opened: Callable[..., Folder]
) -> None:
    folder = opened(documents)
    await folder.ready()
    await folder.aclose()
    await folder.aclose()
    with pytest.raises(KnowledgeError, match="closed"):
        await folder.search("yard", 5)


@pytest.mark.parametrize(
    ("document", "question"),
    [
        ("駐車場は建物の裏にあります。", "駐車場はどこですか？"),
        ("お支払いはカードでもできます。", "カードは使えますか？"),
        ("주차장은 건물 뒤에 있습니다.", "주차장이 어디예요?"),
        ("책을 예약하면 사흘 안에 옵니다.", "책 예약은 얼마나 걸려요?"),
        ("Der Parkplatz ist hinter dem Haus.", "Gibt es Parkplätze?"),
        ("Парковка находится за зданием.", "Где парковка?"),
        ("L’ascenseur est derrière la porte.", "Où est l’ascenseur ?"),
    ],
)
async def test_other_languages_are_found_too(
    documents: Path, opened: Callable[..., Folder], document: str, question: str
) -> None:
    (documents / "other.md").write_text(document, "utf-8")
    assert (await sources(opened(documents), question))[:1] == ["other.md"]


@pytest.mark.parametrize(("language", "at_least"), [("en", 27), ("zh", 28)])
async def test_most_questions_find_their_answer_among_three_passages(
    opened: Callable[..., Folder], language: str, at_least: int
) -> None:
    questions = [
        question
        for file in (ROOT / "bench" / "lookup.yaml", Path(__file__).with_name("questions.yaml"))
        for question in yaml.safe_load(file.read_text("utf-8"))[language]
    ]
    assert len(questions) == 30
    folder = opened(DOCUMENTS / language)
    found = 0
    for question in questions:
        passages = await folder.search(question["ask"], 3)
        found += any(passage.source.endswith(f"› {question['section']}") for passage in passages)
    assert found >= at_least
