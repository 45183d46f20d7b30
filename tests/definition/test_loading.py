from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent import settings
from agent.definition.loading import PACKAGED, agent_argument, find, load_agent
from agent.settings import SettingsError

from .conftest import Folder


def test_parley_is_a_folder_like_any_other() -> None:
    parley = load_agent("parley", settings.load("cpu"))
    assert parley.key == "parley"
    assert parley.over(settings.load("gpu")) == settings.load("gpu")


def test_the_tools_of_a_folder_are_those_of_all_its_sources(folder: Folder) -> None:
    shop = load_agent("shop", settings.load("cpu"))
    assert shop.tool_names == ["look_up", "request_callback", "find_order", "start_return"]
    look = {"description": "Look.", "url": "https://a.example/"}
    says = {"hosts": ["a.example"], "http_tools": {"find": look}, "builtin_tools": ["get_time"]}
    assert load_agent(str(folder(**says))).tool_names == ["get_time", "find"]


def test_a_folder_is_found_by_path_by_name_and_by_the_environment(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder(at="agents").rename(tmp_path / "shop")
    (tmp_path / "agents").mkdir()
    assert find(str(path)) == path
    path.rename(tmp_path / "agents" / "shop")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARLEY_AGENT", "shop")
    assert load_agent(settings.load("cpu").agent).source == tmp_path / "agents" / "shop"


def test_one_python_file_is_an_agent(tmp_path: Path) -> None:
    path = tmp_path / "tea-shop.py"
    path.write_text(
        '"""You sell tea."""\n'
        'AGENT = {"greeting": "Tea?", "builtin_tools": ["get_time"]}\n'
        "def price(tea: str) -> str:\n"
        '    """Tell a price."""\n'
        '    return "two pounds"\n'
    )
    shop = load_agent(str(path))
    assert (shop.key, shop.settings.name) == ("tea-shop", "tea-shop")
    assert shop.instructions("en", in_parts=False).startswith("You sell tea. Answer in English")
    assert shop.greeting("zh") == "Tea?"
    assert [tool.info.name for tool in shop.functions] == ["price"]


def test_how_the_page_looks_is_said_by_the_folder(folder: Folder) -> None:
    path = folder({"logo.svg": "<svg/>"}, page={"logo": "logo.svg", "color": "#0c6b5b"})
    shop = load_agent(str(path))
    assert shop.logo == path / "logo.svg"
    assert shop.settings.page.color == "#0c6b5b"
    (path / "logo.svg").unlink()
    with pytest.raises(SettingsError, match=r"page\.logo: there is no file .*logo\.svg: put it"):
        load_agent(str(path))
    for wrong in ({"color": "green"}, {"logo": "logo.html"}):
        with pytest.raises(SettingsError, match=r"Wrong setting in .*page\."):
            load_agent(str(folder(at="wrong", page=wrong)))


def test_the_modules_of_a_folder_import_each_other(folder: Folder, tmp_path: Path) -> None:
    tools = "from .teas import TEAS\ndef teas() -> str:\n    '''List them.'''\n    return TEAS\n"
    path = folder({"tools.py": tools, "teas.py": "TEAS = 'green'"})
    other = tmp_path / "other"
    other.mkdir()
    assert load_agent(str(path)).functions[0].info.name == "teas"
    # Another folder of the same name has modules of its own.
    moved = path.rename(other / "shop")
    (moved / "teas.py").write_text("TEAS = 'black'\n")
    (moved / "tools.py").write_text(tools.replace("def teas", "def kinds"))
    assert load_agent(str(moved)).functions[0].info.name == "kinds"


@pytest.mark.parametrize(
    ("says", "parts"),
    [
        ({"greetings": "Hi"}, ["greetings is not a setting", "greeting, manner"]),
        ({"limits": {"hours": 1}}, ["limits.hours is not a setting", "(there are minutes, turns"]),
        ({"engines": {"vad": {}}}, ["engines.vad is not a setting", "(there are llm, stt, tts)"]),
        ({"name": ""}, ["name = ''", "at least 1 character"]),
        ({"languages": ["en", "sv"]}, ["languages.1 = 'sv'", "'es' or 'it'"]),
        ({"builtin_tools": ["weather"]}, ["builtin_tools.0", "'get_time', 'calculate'"]),
        ({"phone_tools": ["dial"]}, ["phone_tools.0 = 'dial'", "'hang_up'"]),
        ({"limits": {"turns": 0}}, ["limits.turns = 0", "allowed: 1 to 10000"]),
        ({"limits": {"minutes": "long"}}, ["limits.minutes = 'long'", "it must be a number"]),
        ({"limits": {"tokens": 5}}, ["limits.tokens = 5", "allowed: 100 to 100000000"]),
        ({"instructions": {"sv": "Du"}}, ["instructions.sv", "'it' or 'any'"]),
        ({"instructions": {"en": "You"}}, ["instructions has no text for zh", "leave zh out"]),
        ({"instructions": ["You"]}, ["instructions: it must hold settings by name"]),
        ({"instructions": "Hi {{who}}"}, ["names {{who}}", "(there are name)"]),
        ({"greeting": "{{ who }}", "variables": {"a": "b"}}, ["{{who}}", "(there are a, name)"]),
        ({"variables": {"Who": "x"}}, ["variables.Who: its name must look like order_number"]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_a_wrong_setting_is_one_sentence(
    folder: Folder, says: dict[str, Any], parts: list[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        load_agent(str(folder(**says)))
    sentence = str(raised.value)
    assert "shop/agent.yaml" in sentence
    assert all(part in sentence for part in parts), sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("says", "parts"),
    [
        ({"engines": {"llm": {"temprature": 1}}}, ["engines.llm.temprature is not a setting"]),
        ({"engines": {"tts": {"replicas": 3}}}, ["engines.tts.replicas = 3"]),
        (
            {"engines": {"llm": {"replicas": ["http://192.0.2.1:8000/v1"]}}},
            ["engines.llm.replicas needs engines.llm.base_url beside it"],
        ),
        ({"engines": {"llm": {"temperature": 9}}}, ["engines.llm.temperature", "0.0 to 2.0"]),
        ({"conduct": {"filler": 1}}, ["conduct.filler is not a setting", "filler_after"]),
        ({"conduct": {"plan": {"pause": 99}}}, ["conduct.plan.pause = 99", "0.0 to 30.0"]),
        ({"turns": {"max_delay": -1}}, ["turns.max_delay = -1", "0.0 to 30.0"]),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_what_it_asks_of_the_profile_is_checked_as_the_profile_is(
    folder: Folder, says: dict[str, Any], parts: list[str]
) -> None:
    path = str(folder(**says))
    with pytest.raises(SettingsError) as raised:
        load_agent(path, settings.load("cpu"))
    assert all(part in str(raised.value) for part in parts), raised.value


@pytest.mark.parametrize("text", ["- a list", "just words", "name: ["])
def test_a_file_that_is_no_settings_is_one_sentence(folder: Folder, text: str) -> None:
    path = folder()
    (path / "agent.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"agent\.yaml is not (valid YAML|an agent)"):
        load_agent(str(path))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: A\nname: B\n", "line 2: name is given a second time (first in line 1)"),
        ("name: A\ngreeting: {en: Hi, en: Hello}\n", "line 2: en is given a second time"),
        ("name: A\nhttp_tools:\n  x: {}\n  x: {}\n", "line 4: x is given a second time"),
        ("name: A\ninstructions:\n", "line 2: instructions has no value"),
        ("name: A\ninstructions: Note: sell tea.\n", "line 2, column 19: a text with a colon"),
        ("name: A\ngreeting:\n\ten: Hi\n", "line 3, column 1: a tab: indent with spaces"),
        ("name: A\ngreeting: {no: Hei}\n", "line 2: a name has to be a text"),
        ("name: A\ninstuctions: x\n", "line 2: instructions is missing"),
        ("", "is empty: an agent holds settings by name"),
    ],
)
def test_it_is_said_in_which_line(folder: Folder, text: str, sentence: str) -> None:
    path = folder()
    (path / "agent.yaml").write_text(text)
    with pytest.raises(SettingsError) as raised:
        load_agent(str(path))
    assert sentence in str(raised.value)
    assert "\n" not in str(raised.value)


def test_something_that_is_nearly_an_agent_is_told_what_it_lacks(
    folder: Folder, tmp_path: Path
) -> None:
    shop = folder()
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "yml").mkdir()
    (tmp_path / "yml/agent.yml").write_text("name: A")
    (tmp_path / "nested/agent.yaml").mkdir(parents=True)
    for name, sentence in {
        "shop/agent.yaml": f"is the file of an agent: name its folder, {shop}.",
        "empty": "has no agent.yaml: write it",
        "notes.txt": "is neither a folder nor a Python file",
        "yml": "agent.yml is to be called agent.yaml: rename it",
        "nested": "agent.yaml is not a file",
    }.items():
        with pytest.raises(SettingsError) as raised:
            find(str(tmp_path / name))
        assert sentence in str(raised.value)


def test_a_folder_in_place_of_the_code_is_not_passed_over(folder: Folder) -> None:
    shop = folder()
    (shop / "tools.py").mkdir()
    with pytest.raises(SettingsError, match=r"tools\.py is not a file"):
        load_agent(str(shop))


def test_code_that_ends_the_program_does_not_end_it_without_a_word(folder: Folder) -> None:
    shop = folder({"tools.py": "import sys\n\nsys.exit(0)\n"})
    with pytest.raises(SettingsError, match=r"tools\.py, line 3 cannot be imported: SystemExit"):
        load_agent(str(shop))


@pytest.mark.parametrize("name", ["nobody", "/nowhere/at/all", "shop.txt"])
def test_an_agent_that_is_not_there_is_a_list_of_those_that_are(
    folder: Folder, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder(at="agents").rename(tmp_path / "clinic")
    (tmp_path / "agents").mkdir()
    (tmp_path / "clinic").rename(tmp_path / "agents" / "clinic")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as raised:
        find(name)
    assert f"There is no agent {name!r}" in str(raised.value)
    packaged = [path.name for path in PACKAGED.iterdir() if path.is_dir()]
    assert f"one of {', '.join(sorted({'clinic', *packaged}))}." in str(raised.value)


@pytest.mark.parametrize("name", ["tea.shop", "tea shop", "-tea", "t" * 41])
def test_a_folder_whose_name_no_call_could_ask_for_is_refused(folder: Folder, name: str) -> None:
    with pytest.raises(SettingsError, match="its name may have letters, digits, - and _"):
        find(str(folder(at=name)))


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("def broken(:\n", ["line 1", "SyntaxError"]),
        ("x = 1\n\nimport nothing_of_this_name\n", ["line 3", "ModuleNotFoundError"]),
        ("\nTEAS = PRICES['tea']\n", ["line 2", "NameError", "PRICES"]),
        ("raise RuntimeError('no till')\n", ["line 1", "RuntimeError: no till."]),
    ],
)
def test_code_that_cannot_be_imported_says_at_which_line(
    folder: Folder, code: str, parts: list[str]
) -> None:
    with pytest.raises(SettingsError) as raised:
        load_agent(str(folder({"tools.py": code})))
    assert all(part in str(raised.value) for part in ["tools.py", "cannot be imported", *parts])


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("from livekit.agents import Agent\nclass Tea(Agent): ...\n", "Tea in .* take turns"),
        (
            "from agent.authoring import Assistant\n"
            "class Tea(Assistant): ...\nclass Cake(Assistant): ...\n",
            "has Tea and Cake, and a call begins with one",
        ),
        ("AGENT = 1\n\ndef f() -> str: ...\n", "f has no docstring"),
    ],
)
def test_classes_and_functions_that_cannot_be_used_say_why(
    folder: Folder, code: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        load_agent(str(folder({"agent.py": code})))


@pytest.mark.parametrize("said", ["[1]", "'words'", "{1: 2}"])
def test_a_python_file_says_what_it_is_in_a_dictionary(tmp_path: Path, said: str) -> None:
    path = tmp_path / "shop.py"
    path.write_text(f"'''You sell tea.'''\nAGENT = {said}\n")
    with pytest.raises(SettingsError, match="AGENT must be a dictionary"):
        load_agent(str(path))


def test_an_agent_without_instructions_is_told_how_to_have_some(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    path.write_text("AGENT = {}\n")
    with pytest.raises(SettingsError, match=r"instructions is missing \(instructions: …\)"):
        load_agent(str(path))


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("def get_time() -> str:\n    '''Tell.'''\n", {"builtin_tools": ["get_time"]}),
        ("def calculate() -> str:\n    '''Sum.'''\n", {"builtin_tools": ["calculate"]}),
    ],
)
def test_two_tools_of_one_name_are_refused(folder: Folder, code: str, says: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="has two tools of the name"):
        load_agent(str(folder({"tools.py": code}, **says)))


@pytest.mark.parametrize(
    ("line", "chosen", "left"),
    [
        (["agent.py", "dev"], None, ["agent.py", "dev"]),
        (["agent.py", "dev", "--agent", "a/b", "--reload"], "a/b", ["agent.py", "dev", "--reload"]),
        (["agent.py", "--agent=b", "start"], "b", ["agent.py", "start"]),
    ],
)
def test_the_agent_is_taken_from_livekits_command_line(
    line: list[str], chosen: str | None, left: list[str]
) -> None:
    assert agent_argument(line) == chosen
    assert line == left


@pytest.mark.parametrize("line", [["x", "--agent"], ["x", "dev", "--agent", "--reload"]])
def test_an_agent_that_is_not_named_is_asked_for(line: list[str]) -> None:
    with pytest.raises(SettingsError, match="--agent needs the path"):
        agent_argument(line)
