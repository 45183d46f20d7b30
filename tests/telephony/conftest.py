"""One livekit-server, with the Redis that its SIP service needs, for all tests of calls."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from livekit import api, rtc
from livekit.agents import AgentSession

from agent.assistant import Assistant
from agent.conduct import Conduct
from agent.definition.definition import AgentDefinition
from agent.known import Known
from agent.models import locate
from agent.phone_settings import PhoneSettings
from agent.post_call_settings import PostCallSettings
from agent.session import make
from agent.settings import ConductSettings, SilenceSettings, load
from agent.stack import Server
from agent.stack.ports import free
from agent.telephony.arrival import User
from agent.telephony.call_control import CallControl
from agent.telephony.night import message_in_room, night_for
from agent.telephony.outbound import OutboundCall
from agent.telephony.sip_call import SipCall
from harness.agents import silent
from harness.caller import Caller, agent_token, join
from harness.recording import SAMPLE_RATE, Samples

from .fakes import SETTINGS, SipApi, dialler
from .lines import Line, open_line
from .scripted import CallLlm, CallStt, CallTts

ROOT = Path(__file__).resolve().parents[2]

CALL = {
    "sip.callID": "SCL_1",
    "sip.callStatus": "active",
    "sip.phoneNumber": "+442079460018",
    "sip.trunkPhoneNumber": "+12025550100",
    "sip.trunkID": "ST_1",
    "sip.hostname": "pbx.example.org",
}
"""What LiveKit's SIP service sets on a caller's participant (livekit/protocol, attrs.go)."""


@contextlib.asynccontextmanager
async def program(*command: str, **environment: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def redis() -> AsyncIterator[str | None]:
    """Where a Redis is; None where none is installed."""
    if not shutil.which("redis-server"):
        yield None
        return
    port = str(free_port())
    quiet = ("--save", "", "--appendonly", "no", "--bind", "127.0.0.1")
    async with program("redis-server", "--port", port, *quiet):
        yield f"127.0.0.1:{port}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(redis: str | None) -> AsyncIterator[Server]:
    ports = free()
    key, secret = "parley", secrets.token_urlsafe(32)
    async with program(
        "scripts/run_livekit.sh",
        LIVEKIT_KEYS=f"{key}: {secret}",
        PARLEY_PORT_LIVEKIT=str(ports["livekit"]),
        PARLEY_PORT_LIVEKIT_UDP=str(ports["livekit_udp"]),
        **({"REDIS_HOST": redis} if redis else {}),
    ):
        url = f"127.0.0.1:{ports['livekit']}"
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(60):
            while True:
                try:
                    await client.get(f"http://{url}")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield Server(f"ws://{url}", key, secret)


@dataclass
class Conversation:
    """Somebody on the phone with a scripted agent."""

    caller: Caller
    session: AgentSession[Conduct]
    phone: CallControl
    llm: CallLlm
    stt: CallStt
    tts: CallTts
    sip: SipApi
    """Takes the place of the SIP service's part of LiveKit's API; the rest of that is real."""
    closed: asyncio.Event

    async def says(self, part: str, *, within: float = 20.0) -> None:
        """Wait until the agent has begun to say something."""
        async with asyncio.timeout(within):
            while not any(part in text for text in self.tts.said):
                await self.caller.tick()


Converse = Callable[..., AbstractAsyncContextManager[Conversation]]


@pytest.fixture
def converse(server: Server, tmp_path: Path) -> Converse:
    folder = tmp_path

    @contextlib.asynccontextmanager
    async def converse(
        *script: str | tuple[str, dict[str, Any]],
        hears: tuple[str, ...] = (),
        settings: PhoneSettings = SETTINGS,
        outbound_call: OutboundCall | None = None,
        agent: AgentDefinition | None = None,
        post_call: PostCallSettings | None = None,
    ) -> AsyncIterator[Conversation]:
        name = f"call-{uuid.uuid4().hex[:8]}"
        agent = agent or silent("parley")
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(
                api.LiveKitAPI(server.url, server.api_key, server.api_secret)
            )
            caller = await stack.enter_async_context(
                join(server, name, identity="sip_caller", call=CALL)
            )
            room = rtc.Room()
            await room.connect(server.url, agent_token(server, name))
            stack.push_async_callback(room.disconnect)
            llm, stt, tts = CallLlm(*script), CallStt(*hears), CallTts()
            # Nobody is asked whether they are there while a test waits for something else.
            patient = SilenceSettings(ask_after=60.0, leave_after=10.0)
            profile = agent.over(
                load("gpu").model_copy(
                    update={
                        "phone": settings,
                        "conduct": ConductSettings(phone_silence=patient),
                    }
                )
            )
            known = Known(agent, profile)
            stack.push_async_callback(known.aclose)
            await known.open()
            conversation = make(
                profile, agent, room=room, stt=stt, llm=llm, tts=tts, language="en", phone=True,
                known=known,
            )  # fmt: skip
            session, floor = conversation.session, conversation.floor
            stack.push_async_callback(conversation.aclose)
            closed = asyncio.Event()
            session.on("close", lambda _: closed.set())
            (participant,) = room.remote_participants.values()
            sip = SipApi()
            client._sip = sip  # type: ignore[assignment]
            user = User(
                participant.identity, "en", SipCall.from_participant(participant), outbound_call
            )
            dials = dialler(folder, client, profile.phone, name, post_call)
            night = night_for(profile.phone, user)
            phone = CallControl(profile.phone, room, client, session, user, dials)
            stack.push_async_callback(phone.aclose)
            phone.start()
            assistant = Assistant(agent, profile, "en", floor, phone, known=known)
            first = message_in_room(night, phone) if night else phone.first_agent(assistant, floor)
            await conversation.start(first, room, hears=caller.identity)
            await caller.until("listening")  # both hear each other from now on
            yield Conversation(caller, session, phone, llm, stt, tts, sip, closed)

    return converse


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def all_of_it(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    # Nobody is asked whether they are there while a test waits for something else.
    patient = '{"ask_after": 60, "leave_after": 60}'
    folder = tmp_path_factory.mktemp("line")
    async with open_line(folder, PARLEY_CONDUCT__PHONE_SILENCE=patient) as line:
        yield line


@pytest_asyncio.fixture(loop_scope="session")
async def line(all_of_it: Line) -> AsyncIterator[Line]:
    """LiveKit's SIP service, the agent and engines of tones, as if nobody had called yet."""
    await all_of_it.forget()
    yield all_of_it
    await all_of_it.over()


@pytest.fixture(scope="session")
def speech() -> Samples:
    """Two seconds of a person's voice: the words do not matter to an STT that has a script."""
    import soundfile

    samples, rate = soundfile.read(locate("speech") / "jfk.wav", dtype="int16")
    resampler = rtc.AudioResampler(rate, SAMPLE_RATE)
    part = samples[round(0.3 * rate) : round(2.3 * rate)]
    frames = resampler.push(rtc.AudioFrame(part.tobytes(), rate, 1, len(part)))
    frames += resampler.flush()
    return np.concatenate([np.frombuffer(frame.data, np.int16) for frame in frames])
