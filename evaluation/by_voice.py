"""A scenario by voice: the agent as it runs, in a real room, with a caller who speaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from livekit import api

from agent.assistant import instructions
from agent.definition.definition import AgentDefinition
from agent.rehearsal import settings_of
from agent.settings import Settings
from agent.stack import Stack
from agent.stand_ins import USUAL_PORTS, is_at
from agent.store_address import file_address
from agent.visitor import Visitor
from agent.wrong import SettingsError
from harness import speech
from harness.caller import join
from harness.recording import Samples
from harness.serving import serving

from . import background
from .by_text import MOST_TURNS
from .caller import Caller
from .played import Heard, Played
from .saving import save
from .scenario import Case, unfinished
from .script_server import ScriptServer
from .voice_call import VoiceCall, Voices

RECORDED_WITHIN = 120.0
"""Seconds for the record of a call, with what a model makes of it on 2 cores."""


@dataclass
class Stage:
    """Everything that a call by voice needs, running."""

    stack: Stack
    folder: Path
    """Where records come, and the calls are saved."""
    script: ScriptServer | None
    """None if the profile's model answers."""
    crowd: list[Samples] = field(default_factory=list)


def check(cases: Sequence[Case], profile: Settings) -> None:
    """Refuse what cannot be played by voice on this machine, before anything is started.

    Raises:
        SettingsError: There is something of the kind.
    """
    if not is_at(profile.tts.base_url, USUAL_PORTS["tts"]):
        raise SettingsError(
            "--voice has callers speak with the voice of the CPU profile, and tts.base_url is "
            f"{profile.tts.base_url}: set PARLEY_PROFILE to cpu or phone."
        )
    if profile.post_call and (profile.post_call.webhook or profile.post_call.s3):
        raise SettingsError("--voice would send what comes of it: unset post_call.webhook and s3.")
    for case in cases:
        if case.scenario.language not in speech.VOICES:
            spoken = ", ".join(speech.VOICES)
            raise SettingsError(
                f"{case.path}: there is no caller's voice for {case.scenario.language} ({spoken})."
            )
        background.check(case)


@contextlib.asynccontextmanager
async def stage(
    agent: AgentDefinition, *, scripted: bool, keep: Path | None = None
) -> AsyncIterator[Stage]:
    """Start LiveKit, the engines and the agent.

    Args:
        agent: Who is called.
        scripted: Whether scripts answer for its model.
        keep: Where the calls are saved; nowhere for good if None.

    Raises:
        StackError: Something does not start.
    """
    async with contextlib.AsyncExitStack() as running:
        folder = keep or Path(running.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        variables = {
            "PARLEY_AGENT": str(agent.source),
            "PARLEY_POST_CALL__FOLDER": str(folder / "records"),
            "PARLEY_POST_CALL__SUMMARY": "false",
            "PARLEY_STATE": str(folder / "state"),
            "PARLEY_MEMORY__KEY": uuid.uuid4().hex,
            "PARLEY_MEMORY__STORE": file_address(folder / "memory.sqlite"),
        }
        script = ScriptServer() if scripted else None
        if script:
            url = await running.enter_async_context(serving(script.app()))
            variables |= {
                "PARLEY_LLM__BASE_URL": f"{url}/v1",
                "PARLEY_LLM__TOOLS": "true",
            }
        starting = Stack(environment=variables, profile=_profile())
        stack = await running.enter_async_context(starting)
        yield Stage(stack, folder, script)


async def play(
    case: Case, agent: AgentDefinition, profile: Settings, caller: Caller, stage: Stage
) -> Played:
    """Hold one call.

    Args:
        case: The scenario.
        agent: Who is called.
        profile: The machine that it runs on.
        caller: Who calls.
        stage: What runs.

    Raises:
        SettingsError: The sound behind the caller cannot be read.
    """
    scenario = case.scenario
    agent = replace(agent, variables=scenario.variables)
    settings = settings_of(agent, profile)
    if stage.script:
        stage.script.begin(scenario.agent)
    voices = Voices(stage.stack.tts_url, scenario.language)
    behind = background.background(case, await _crowd(case, stage))
    server = stage.stack.server
    name = f"eval-{case.name}-{uuid.uuid4().hex[:8]}"
    async with api.LiveKitAPI(server.url, server.api_key, server.api_secret) as client:
        dispatch = api.RoomAgentDispatch(metadata=json.dumps({"variables": scenario.variables}))
        # Somebody whom the agent has never met, and may come to know.
        visitor = Visitor(name="", id=name).metadata()
        await client.room.create_room(
            api.CreateRoomRequest(name=name, agents=[dispatch], metadata=visitor)
        )
    started = datetime.now().astimezone()
    played = Played("voice", instructions=instructions(agent, settings, scenario.language))
    async with join(server, name, language=scenario.language) as person:
        person.background = behind
        greeted = bool(agent.greeting(scenario.language))
        call = VoiceCall(scenario, person, caller, voices, greeted=greeted)
        played.failure = await call.hold((scenario.expect.turns or MOST_TURNS) + 1)
    waits = [first - asked for asked, first in call.waits]
    saved = await asyncio.to_thread(
        save, stage.folder / f"{case.name}.zip", started, person, call.waits
    )
    played.heard = Heard(saved, waits, call.cut_offs, call.moments)
    await _fill_in(played, name, stage, case, settings)
    return played


async def _fill_in(played: Played, room: str, stage: Stage, case: Case, settings: Settings) -> None:
    """What the agent's own record says of the call."""
    record = await _record(stage.folder / "records", room)
    if record is None:
        played.failure = played.failure or "the agent left no record of the call"
        return
    played.seconds = record["seconds"]
    played.transcript, played.tools = record["transcript"], record["tools"]
    schema = settings.post_call.outcome if settings.post_call else None
    script = case.scenario.agent.outcome
    if schema is not None and (stage.script is None or script is not None):
        played.outcome_due, played.outcome = True, record["outcome"]
    if stage.script and not played.failure:
        if stage.script.asked_too_often:
            played.failure = "the model was asked more often than it has lines"
        elif stage.script.left:
            played.failure = unfinished(stage.script.left[0])


async def _record(folder: Path, room: str) -> dict[str, Any] | None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(RECORDED_WITHIN):
            while True:
                if record := await asyncio.to_thread(_found, folder, room):
                    return record
                await asyncio.sleep(0.2)
    return None


def _found(folder: Path, room: str) -> dict[str, Any] | None:
    for path in folder.glob("*/call_*.json"):
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["room"] == room:
            return record
    return None


async def _crowd(case: Case, stage: Stage) -> Sequence[Samples]:
    noise = case.scenario.caller.noise
    if noise and noise.sound == "babble" and not stage.crowd:
        for voice in speech.VOICES["en"]:
            for text in background.CROWD:
                sound = speech.utterance(stage.stack.tts_url, text, language="en", voice=voice)
                stage.crowd.append(await sound)
    return stage.crowd


def _profile() -> str:
    return os.environ.get("PARLEY_PROFILE", "cpu")
