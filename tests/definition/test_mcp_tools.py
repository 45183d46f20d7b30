from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession
from livekit.agents.llm import FunctionToolCall

from agent import settings
from agent.conduct import Conduct
from agent.definition.loading import load_agent
from agent.settings import ConductSettings, SettingsError
from harness.livekit_server import free_port
from harness.scripted import Llm

from .conftest import Folder

SHOP = Path(__file__).with_name("mcp_shop.py")


async def called(agent: Agent, name: str, arguments: str = "{}", *answers: str) -> str | None:
    """What the model is told by a tool; None if there is none of the name."""
    call = FunctionToolCall(name=name, arguments=arguments, call_id="call-1")
    async with AgentSession[Any](llm=Llm(call, "Done."), vad=None) as session:
        Conduct(ConductSettings(), session, language="en")
        await session.start(agent)
        for words in ("Please.", *answers):
            await session.run(user_input=words)
        outputs = [i for i in session.history.items if i.type == "function_call_output"]
    return outputs[-1].output if outputs else None


def agent(folder: Folder, server: dict[str, Any], code: str = "", **says: Any) -> Agent:
    path = folder({"tools.py": code} if code else {}, mcp_servers={"shop": server}, **says)
    return Agent(instructions="", tools=load_agent(str(path), settings.load("cpu")).tools())


def command(**says: Any) -> dict[str, Any]:
    return {"command": [sys.executable, str(SHOP)], "allow": ["stock"], **says}


@pytest.mark.slow
async def test_the_allowed_tools_of_a_command_are_there_and_no_others(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_NAME", "Hart's")
    server = command(env={"SHOP": "${SHOP_NAME}"})
    assert await called(agent(folder, server), "stock", '{"tea": "Assam"}') == (
        "5 boxes of Assam, Hart's"
    )
    assert "Unknown function" in str(await called(agent(folder, server), "sell", '{"tea": "x"}'))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python", "python3"])
async def test_python_is_the_one_that_runs_the_agent(
    folder: Folder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    server = command(command=[name, str(SHOP)])
    told = await called(agent(folder, server), "stock", '{"tea": "Assam"}')
    assert told == "5 boxes of Assam, nowhere"


@pytest.mark.slow
async def test_a_tool_with_effects_is_asked_about(folder: Folder) -> None:
    server = command(allow=["sell"], confirm={"sell": "Shall I sell {tea}?"})
    tea = '{"tea": "Assam"}'
    assert await called(agent(folder, server), "sell", tea, "No.") == (
        "The user does not want that."
    )
    assert await called(agent(folder, server), "sell", tea, "Yes.") == "Sold Assam."


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "seconds", "told"),
    [
        ("slow", 1.0, "slow took longer than 1 seconds."),
        ("refused", 20.0, "no till"),
        ("broken", 20.0, "Error executing tool broken"),
        ("stock", 20.0, "tea"),
        ("verbose", 20.0, "no till no till"),
    ],
)
async def test_what_goes_wrong_there_is_a_sentence(
    folder: Folder, name: str, seconds: float, told: str
) -> None:
    server = command(allow=["stock", "slow", "refused", "broken", "verbose"], timeout=seconds)
    said = str(await called(agent(folder, server), name))
    assert told in said
    assert "business" not in said
    assert len(said) <= 2_001


def test_a_question_with_braces_that_are_not_names_is_refused(folder: Folder) -> None:
    server = command(allow=["sell"], confirm={"sell": "Shall I sell {tea.name}?"})
    with pytest.raises(SettingsError, match=r"\{tea\.name\} is not the name of an argument"):
        agent(folder, server)


@pytest.mark.slow
async def test_a_server_is_reached_over_http(folder: Folder) -> None:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, str(SHOP), str(port))
    try:
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    break
                except OSError:
                    await asyncio.sleep(0.1)
        writer.close()
        server = {"url": f"http://127.0.0.1:{port}/mcp", "allow": ["stock"]}
        told = await called(
            agent(folder, server, hosts=[f"127.0.0.1:{port}"]), "stock", '{"tea": "Assam"}'
        )
        assert told == "5 boxes of Assam, nowhere"
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(
    "server",
    [
        {"command": ["/nowhere/at/all"], "allow": ["stock"]},
        {"command": [sys.executable, "-c", "raise SystemExit(1)"], "allow": ["stock"]},
        {"url": "http://127.0.0.1:9/mcp", "allow": ["stock"]},
    ],
)
async def test_without_its_server_an_agent_speaks_on(
    folder: Folder, server: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    code = "def price() -> str:\n    '''Tell.'''\n    return 'two pounds'\n"
    alone = agent(folder, server, code, hosts=["127.0.0.1:9"])
    assert await called(alone, "price") == "two pounds"
    assert "no MCP server" in caplog.text


@pytest.mark.slow
async def test_a_tool_of_its_own_wins_over_one_of_the_same_name(folder: Folder) -> None:
    code = "def stock(tea: str) -> str:\n    '''Tell.'''\n    return 'plenty'\n"
    assert await called(agent(folder, command(), code), "stock", '{"tea": "x"}') == "plenty"


@pytest.mark.parametrize(
    ("server", "part"),
    [
        ({}, "allow is missing"),
        ({"allow": ["x"]}, "give it a url or a command, and not both"),
        ({"url": "https://a.example/mcp", "command": ["x"], "allow": ["x"]}, "and not both"),
        ({"command": ["x"], "allow": []}, "at least 1 item"),
        ({"url": "https://b.example/mcp", "allow": ["x"]}, "b.example is not among hosts"),
        ({"url": "http://a.example/mcp", "allow": ["x"]}, "must begin with https://"),
        ({"command": ["x"], "allow": ["x"], "headers": {"A": "b"}}, "headers are for a url"),
        ({"command": ["x"], "allow": ["x"], "env": {"A": "${NOT_SET_X}"}}, "NOT_SET_X is not set"),
        ({"command": ["x"], "allow": ["x"], "confirm": {"y": "Shall I?"}}, "confirm names y"),
        ({"command": "x y", "allow": ["x"]}, "must be a list"),
        ({"command": ["x"], "allow": ["x"], "cwd": "/"}, "cwd is not a setting (there are url"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_server_is_one_sentence(folder: Folder, server: dict[str, Any], part: str) -> None:
    with pytest.raises(SettingsError) as raised:
        load_agent(str(folder(hosts=["a.example"], mcp_servers={"shop": server})))
    assert part in str(raised.value)
    assert "mcp_servers.shop" in str(raised.value)
