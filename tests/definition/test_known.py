"""What an agent's folder knows, remembers and leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import AgentSession
from livekit.agents.llm import ChatContext
from livekit.plugins.turn_taking import Floor

from agent import settings
from agent.assistant import agent_of
from agent.conduct import Conduct
from agent.definition.loading import load_agent
from agent.known import Known
from agent.memory import Caller, Entry, open_store
from agent.rehearsal import Call, Script, rehearse
from agent.session import make
from agent.settings import Settings, SettingsError
from harness.scripted import Llm

from .conftest import Folder

KEY = "k" * 32
PRICES = (
    "# Prices\n\n## Assam\n\nA pot of Assam is four pounds fifty.\n\n## Sencha\n\nSix pounds.\n"
)
ADA = Caller("phone", "+12025550143")


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_CACHE", str(tmp_path / "cache"))


def documented(folder: Folder, at: str = "knowledge", **says: object) -> Path:
    path = folder(**says)
    (path / at).mkdir(parents=True)
    (path / at / "prices.md").write_text(PRICES, "utf-8")
    return path


def with_tools(profile: Settings, tools: bool) -> Settings:
    return profile.model_copy(update={"llm": profile.llm.model_copy(update={"tools": tools})})


@pytest.mark.parametrize(
    ("at", "says"), [("knowledge", {}), ("texts", {"knowledge": {"folder": "texts"}})]
)
async def test_documents_beside_the_settings_are_looked_up(
    folder: Folder, at: str, says: dict[str, Any]
) -> None:
    path = documented(folder, at, **says)
    async with rehearse(path, Call("look_up", query="Assam pot price"), "Four fifty.") as talk:
        await talk.say("What does a pot of Assam cost?")
        (result,) = talk.results
    assert result.startswith("[prices.md › Prices › Assam]\nA pot of Assam is four pounds fifty.")


async def test_a_model_without_tools_reads_them_beside_the_question(folder: Folder) -> None:
    agent = load_agent(str(documented(folder, greeting="")))
    profile = with_tools(settings.load("cpu"), tools=False)
    model, sources = Llm("Four fifty."), list[str]()
    known = Known(agent, profile)
    known.found = sources.extend
    await known.open()
    try:
        async with AgentSession[Any](llm=model, vad=None) as session:
            Conduct(profile.conduct, session, language="en", agent=agent.settings, known=known)
            floor = Floor(None, profile.turns.options)
            await session.start(agent_of(agent, profile, "en", floor, known=known))
            await session.run(user_input="What does a pot of Assam cost?")
    finally:
        await known.aclose()
    asked = model.asked[0].messages()[-1].text_content or ""
    assert "A pot of Assam is four pounds fifty." in asked
    assert asked.endswith("\n\nWhat does a pot of Assam cost?")
    assert sources[0] == "prices.md › Prices › Assam"


async def test_what_is_looked_up_for_it_leaves_the_documents_to_be_searched(folder: Folder) -> None:
    agent = load_agent(str(documented(folder, builtin_tools=["calculate"])))
    (agent.documents or Path()).joinpath("offers.md").write_text("# Offers\n\nRoom 17: 23 beds.\n")
    known = Known(agent, with_tools(settings.load("cpu"), tools=False))
    sources, shown = list[str](), list[ChatContext]()
    known.found = sources.extend

    async def ask(chat_ctx: ChatContext) -> AsyncGenerator[str, None]:
        shown.append(chat_ctx)
        yield "391."

    said = ChatContext.empty()
    said.add_message(role="user", content="What is 17 times 23?")
    await known.open()
    try:
        assert [part async for part in known.answered(ask, said, "en")] == ["391."]
    finally:
        await known.aclose()
    asked = shown[0].messages()[-1].text_content or ""
    assert "Room 17: 23 beds." in asked
    assert asked.endswith("\n\nFrom the calculator: 17 × 23 = 391.\n\nWhat is 17 times 23?")
    assert sources == ["offers.md › Offers"]


async def test_the_sources_are_told_to_the_record_of_the_turn(folder: Folder) -> None:
    agent, profile = load_agent(str(documented(folder))), settings.load("cpu")
    known = Known(agent, profile)
    conversation = make(profile, agent, room=None, known=known)
    assert known.found == conversation.recorder.found
    await conversation.aclose()
    await known.aclose()
    await known.aclose()


async def test_a_folder_without_documents_has_nothing_to_look_up(folder: Folder) -> None:
    async with rehearse(folder(), "Yes.") as talk:
        assert [tool.id for tool in talk.session.current_agent.tools] == []


def test_a_folder_of_documents_that_is_not_there_is_one_sentence(folder: Folder) -> None:
    path = folder(knowledge={"folder": "texts"})
    with pytest.raises(SettingsError, match=r"knowledge\.folder: .*/shop/texts is not a folder"):
        load_agent(str(path))


@pytest.mark.parametrize("name", ["look_up", "forget_me"])
def test_a_tool_of_ones_own_cannot_have_the_name_of_one_of_these(folder: Folder, name: str) -> None:
    path = documented(folder, memory={})
    (path / "tools.py").write_text(f"def {name}() -> str:\n    '''Do it.'''\n    return ''\n")
    with pytest.raises(SettingsError, match=f"has two tools of the name {name}"):
        load_agent(str(path))


async def test_a_caller_who_agrees_is_known_the_next_time(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_MEMORY__KEY", KEY)
    monkeypatch.setenv("PARLEY_MEMORY__STORE", f"sqlite:///{tmp_path}/memory.sqlite3")
    profile = with_tools(settings.load("cpu"), tools=True)
    agent = load_agent(str(folder(greeting="", memory={"callers": ["phone"]})), profile)
    own = agent.over(profile)
    assert own.memory
    store = open_store(own.memory.store)

    async def call(*lines: str | Call, say: list[str]) -> Script:
        known = Known(agent, own, ADA)
        await known.open()
        model = Script(*lines)
        floor = Floor(None, own.turns.options, llm=model)
        Conduct(own.conduct, floor.session, language="en", agent=agent.settings, known=known)
        try:
            async with floor.session as session, asyncio.timeout(30):
                first = agent_of(agent, own, "en", floor, known=known)
                await session.start(first, record=False)
                for words in say:
                    await session.run(user_input=words)
        finally:
            await known.aclose()
        return model

    await call(Call("remember_me"), "Gladly.", say=["Remember me.", "Yes."])
    entry = await store.read(ADA.key(own.memory))
    assert entry is not None
    noted = Entry("She drinks Assam.", (), entry.calls, entry.last_call, entry.version)
    assert await store.write(ADA.key(own.memory), noted)
    await store.aclose()
    model = await call("Assam again?", say=["It is me."])
    assert "She drinks Assam." in (model.asked[0].messages()[-1].text_content or "")


async def test_nothing_is_kept_of_somebody_who_is_not_known(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_MEMORY__KEY", KEY)
    monkeypatch.setenv("PARLEY_MEMORY__STORE", f"sqlite:///{tmp_path}/memory.sqlite3")
    profile = settings.load("cpu")
    agent = load_agent(str(folder(memory={})), profile)
    known = Known(agent, agent.over(profile))
    await known.open()
    assert known.tools == []
    await known.learn(ChatContext.empty())
    await known.aclose()
    assert not (tmp_path / "memory.sqlite3").exists()


def test_a_folder_says_what_is_remembered_and_the_profile_where(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_MEMORY__KEY", KEY)
    monkeypatch.setenv("PARLEY_MEMORY__STORE", "sqlite:////var/notes")
    monkeypatch.setenv("PARLEY_MEMORY__FACTS", "7")
    profile = settings.load("cpu")
    own = load_agent(str(folder(memory={"callers": ["phone"]}))).over(profile).memory
    assert own
    assert (own.callers, own.facts, own.store) == (["phone"], 7, "sqlite:////var/notes")
    assert own.key.get_secret_value() == KEY
    assert load_agent(str(folder())).over(profile).memory is None  # which did not ask for it


def test_a_folder_says_what_records_hold_and_the_profile_where_they_go(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_POST_CALL__FOLDER", "/srv/calls")
    monkeypatch.setenv("PARLEY_POST_CALL__SUMMARY", "false")
    profile = settings.load("cpu")
    own = load_agent(str(folder(post_call={"numbers": True}))).over(profile).post_call
    assert own
    assert (own.folder, own.numbers, own.summary) == (Path("/srv/calls"), True, False)
    assert load_agent(str(folder())).over(profile).post_call == profile.post_call


def test_without_a_place_for_records_it_runs_and_says_that_it_keeps_none(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    profile = settings.load("cpu")
    own = load_agent(str(folder(post_call={"numbers": True}))).over(profile)
    assert own.post_call is None
    assert (
        "so there are none: set PARLEY_POST_CALL__FOLDER, or s3, database or webhook" in caplog.text
    )
    caplog.clear()
    assert load_agent(str(folder())).over(profile).post_call is None
    assert not caplog.text


@pytest.mark.parametrize(
    ("says", "environment", "sentence"),
    [
        ({"memory": {}}, {}, "remembers callers: set PARLEY_MEMORY__KEY to a secret of 32"),
        (
            {"post_call": {"recording": True}},
            {"POST_CALL__WEBHOOK": '{"url": "https://a.example", "secret": "%s"}' % ("a" * 40)},
            "post_call: recording needs a folder or s3 for the sound",
        ),
    ],
)
def test_what_the_profile_has_to_say_beside_it_is_one_sentence(
    folder: Folder,
    monkeypatch: pytest.MonkeyPatch,
    says: dict[str, Any],
    environment: dict[str, str],
    sentence: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(f"PARLEY_{name}", value)
    path = str(folder(**says))
    with pytest.raises(SettingsError) as raised:
        load_agent(path, settings.load("cpu"))
    assert sentence in str(raised.value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("MEMORY__KEY", "too-short-a-secret", "at least 32"),
        ("POST_CALL__WEBHOOK", '{"url": "https://a.example", "secret": "hush"}', "24 to 64 bytes"),
    ],
)
def test_a_wrong_secret_is_not_told(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setenv(f"PARLEY_{name}", value)
    with pytest.raises(SettingsError, match=why) as raised:
        settings.load("cpu")
    assert "too-short" not in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_a_call_that_is_recorded_says_so_before_the_greeting(
    folder: Folder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARLEY_POST_CALL__FOLDER", str(tmp_path / "calls"))
    says = {"recording": True, "announcement": {"en": "We record."}}
    async with rehearse(folder(greeting="Tea?", post_call=says)) as talk:
        assert talk.said == ["We record. Tea?"]


def test_an_agent_whose_model_is_offered_no_tools_says_which_they_are(folder: Folder) -> None:
    code = {"tools.py": "def price() -> str:\n    'Tell.'\n    return ''\n"}
    cpu, gpu = settings.load("cpu"), settings.load("gpu")
    agent = load_agent(str(folder(code)))
    assert "shop answers without its tools (price): llm.tools is false" in agent.toolless(cpu)
    assert agent.toolless(gpu) == ""
    assert load_agent(str(folder(code, engines={"llm": {"tools": True}}))).toolless(cpu) == ""
    elsewhere = {"llm": {"base_url": "http://127.0.0.1:9000/v1"}}  # whose model is another
    assert load_agent(str(folder(code, at="larger", engines=elsewhere))).toolless(cpu) == ""
    assert load_agent(str(folder(at="bare", builtin_tools=["get_time"]))).toolless(cpu) == ""


def test_the_languages_that_a_profile_has_no_voice_for_are_said(folder: Folder) -> None:
    cpu, gpu = settings.load("cpu"), settings.load("gpu")
    (said,) = load_agent(str(folder(languages=["de", "en"]))).limits(cpu)
    assert said.startswith("The voice of this profile does not speak Deutsch: ")
    assert load_agent(str(folder(at="english", languages=["en"]))).limits(cpu) == []
    every = load_agent(str(folder(at="every")))
    assert "Deutsch, Français" in every.limits(cpu)[0]
    assert every.limits(gpu) == []
    own = {"tts": {"languages": ["de"]}}  # a voice of its own
    assert load_agent(str(folder(at="own", languages=["de"], engines=own))).limits(cpu) == []
