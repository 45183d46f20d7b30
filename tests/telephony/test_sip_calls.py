"""Real calls, through LiveKit's SIP service, from and to real phones.

They run where `livekit-sip`, `baresip` and `sipp` (Debian's sip-tester) are on PATH.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from livekit import api, rtc

from agent.stack import Stack
from agent.stack.phone import phone_stack
from agent.telephony import config
from harness import speech
from harness.recording import SAMPLE_RATE, SILENCE_DBFS, Samples
from harness.softphone import Phone, phone
from tests.room.conftest import likeness

MISSING = [
    name for name in ("redis-server", "livekit-sip", "baresip", "sipp") if not shutil.which(name)
]
pytestmark = [
    pytest.mark.room,
    pytest.mark.timeout(300),  # the first one waits for the whole stack
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}"),
]

TRUNKS = """
inbound:
  open:
    numbers: ["100"]
    allowed_addresses: [127.0.0.0/8]
    language: en
  login:
    numbers: ["200"]
    username: alice
    password_env: SIP_PASSWORD
  pin:
    numbers: ["300"]
    allowed_addresses: [127.0.0.0/8]
    rooms: {prefix: guarded, pin_env: SIP_PIN}
  elsewhere:
    numbers: ["400"]
    allowed_addresses: [203.0.113.7]
"""
NUMBER = "+441632960123"
GREETING = "Hello! I'm Parley. What can I do for you?"
QUESTION = "What is the capital of France?"
PASSWORD = "correct-horse"
SCENARIOS = Path(__file__).parent / "scenarios"


@dataclass
class Line:
    """The stack, and what a test wants of it."""

    stack: Stack
    server: api.LiveKitAPI
    folder: Path
    question: Samples

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.stack.ports['sip']}"

    def uri(self, number: str) -> str:
        return f"sip:{number}@{self.address}"

    @asynccontextmanager
    async def phone(
        self, microphone: Samples, *, number: str = NUMBER, codec: str = "pcmu", account: str = ""
    ) -> AsyncIterator[Phone]:
        folder = self.folder / f"phone{len(list(self.folder.iterdir()))}"
        async with phone(folder, microphone, number, codec=codec, account=account) as made:
            yield made

    async def rooms(self, prefix: str = "call_") -> list[str]:
        listed = await self.server.room.list_rooms(api.ListRoomsRequest())
        return [room.name for room in listed.rooms if room.name.startswith(prefix)]

    async def transcribe(self, heard: Samples) -> str:
        return await speech.transcribe(self.stack.stt_url, heard, SAMPLE_RATE, language="en")

    @asynccontextmanager
    async def observer(self, room: str) -> AsyncIterator[rtc.Room]:
        """A participant that only watches."""
        watching = rtc.Room()
        await watching.connect(self.stack.server.url, self.stack.server.token(room, "observer"))
        try:
            yield watching
        finally:
            await watching.disconnect()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def line(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIP_PASSWORD", PASSWORD)
        patch.setenv("SIP_PIN", "2468")
        patch.setenv("PARLEY_SIP_MEDIA_PORTS", "42000-42199")
        folder = tmp_path_factory.mktemp("phones")
        (folder / "trunks.yaml").write_text(TRUNKS)
        trunks = config.load(folder / "trunks.yaml")
        async with phone_stack(trunks, on_line=print) as stack:
            at = stack.server
            voice = speech.VOICES["en"][0]
            question = await speech.utterance(stack.tts_url, QUESTION, language="en", voice=voice)
            async with api.LiveKitAPI(at.url, at.api_key, at.api_secret) as server:
                yield Line(stack, server, folder, question)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * SAMPLE_RATE), np.int16)


def loud(samples: Samples) -> bool:
    return bool(np.abs(samples).max() > 10 ** (SILENCE_DBFS / 20) * 32768)


async def eventually(condition: Callable[[], Awaitable[object]], within: float = 30) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("codec", ["pcmu", "pcma"])
async def test_a_question_by_phone_is_answered(line: Line, codec: str) -> None:
    microphone = np.concatenate([silence(7), line.question, silence(15)])
    async with line.phone(microphone, codec=codec) as caller:
        caller.dial(line.uri("100"))
        await caller.until("terminated", within=60)
    assert f"Set audio decoder: {codec.upper()} 8000Hz" in caller.log
    assert f"Set audio encoder: {codec.upper()} 8000Hz" in caller.log
    greeting = await line.transcribe(caller.heard[: 7 * SAMPLE_RATE])
    answer = await line.transcribe(caller.heard[8 * SAMPLE_RATE :])
    print(codec, "greeting:", greeting, "answer:", answer)
    assert likeness(greeting, GREETING) > 0.6
    assert "paris" in answer.lower()


async def test_the_right_password_is_let_in(line: Line) -> None:
    login = f"auth_user=alice;auth_pass={PASSWORD}"
    async with line.phone(silence(4), account=login) as caller:
        caller.dial(line.uri("200"))
        await caller.until("Call established")
        await caller.until("terminated", within=30)
    assert loud(caller.heard)


@pytest.mark.parametrize("password", ["wrong", PASSWORD])
async def test_a_password_opens_the_line_or_not(line: Line, password: str) -> None:
    answered = await sipp(line, "login", "200", "-au", "alice", "-ap", password)
    assert answered is (password == PASSWORD)


async def test_without_a_password_nobody_is_let_in(line: Line) -> None:
    assert not await sipp(line, "info", "200")


async def test_the_pin_opens_the_room(line: Line) -> None:
    async with line.phone(silence(25)) as caller:
        caller.dial(line.uri("300"))
        await caller.until("Call established")
        assert not await line.rooms("guarded_")
        await caller.press("2468#")
        await eventually(lambda: line.rooms("guarded_"))


async def test_a_wrong_pin_opens_nothing(line: Line) -> None:
    await eventually(lambda: none(line.rooms("guarded_")))
    async with line.phone(silence(25)) as caller:
        caller.dial(line.uri("300"))
        await caller.until("Call established")
        await caller.press("1357#")
        await caller.until("terminated")
        assert not await line.rooms("guarded_")


async def none(found: Awaitable[list[str]]) -> bool:
    return not await found


@asynccontextmanager
async def in_call(line: Line, seconds: float = 40) -> AsyncIterator[tuple[Phone, str]]:
    """A phone in a call, and the name of its room."""
    before = set(await line.rooms())
    async with line.phone(silence(seconds)) as caller:
        caller.dial(line.uri("100"))
        await caller.until("Call established")
        (room,) = set(await line.rooms()) - before
        yield caller, room


async def test_digits_by_rfc_4733_reach_the_room(line: Line) -> None:
    pressed: list[str] = []
    async with in_call(line) as (caller, room), line.observer(room) as watching:
        watching.on("sip_dtmf_received", lambda event: pressed.append(event.digit))
        await caller.press("1590*#")
        async with asyncio.timeout(10):
            while len(pressed) < 6:
                await asyncio.sleep(0.05)
    assert pressed == [*"1590*#"]


async def test_a_room_tells_the_numbers_but_is_not_named_after_the_caller(line: Line) -> None:
    async with in_call(line) as (_, room), line.observer(room) as watching:
        (caller,) = (
            participant
            for participant in watching.remote_participants.values()
            if participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        )
        told = caller.attributes
    assert told["sip.phoneNumber"] == NUMBER
    assert told["sip.trunkPhoneNumber"] == "100"
    assert told["sip.callStatus"] == "active"
    assert told["parley.language"] == "en"
    assert NUMBER not in room


async def test_a_caller_is_referred_to_another_phone(line: Line) -> None:
    async with (
        line.phone(silence(20), number="500", account="answermode=auto") as other,
        in_call(line) as (caller, room),
    ):
        await line.server.sip.transfer_sip_participant(
            api.TransferSIPParticipantRequest(
                room_name=room,
                participant_identity=f"sip_{NUMBER}",
                transfer_to=f"sip:500@{other.address}",
            )
        )
        await other.until("Call established")
        await eventually(lambda: none(line.rooms(room)))
        assert "transferring call" in caller.log


async def test_the_job_ends_when_the_caller_hangs_up(line: Line) -> None:
    async with in_call(line) as (caller, room):
        caller.hang_up()
        await eventually(lambda: none(line.rooms(room)))


async def test_the_phone_is_free_when_the_room_ends(line: Line) -> None:
    async with in_call(line) as (caller, room):
        await line.server.room.delete_room(api.DeleteRoomRequest(room=room))
        await caller.until("session closed")


async def sipp(
    line: Line, scenario: str, number: str, *arguments: str, from_host: str = "127.0.0.1"
) -> bool:
    """Call with sipp; returns whether all went as the scenario has it, so that it was answered."""
    process = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-s", number),
        *("-key", "from_host", from_host, *arguments),
        *("-m", "1", "-i", "127.0.0.1", "-nostdin", "-timeout", "20", "-timeout_error"),
        line.address,
        cwd=line.folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait() == 0


async def test_a_digit_by_info_is_refused_and_the_call_goes_on(line: Line) -> None:
    # LiveKit's service takes RFC 4733 only: the scenario gets 405 for it, then hangs up in order.
    assert await sipp(line, "info", "100")


@pytest.mark.parametrize("number", ["999", "400"])
async def test_a_call_that_no_trunk_lets_in_is_not_answered(line: Line, number: str) -> None:
    assert not await sipp(line, "info", number)
    assert not await line.rooms(f"call_{number}_")


@pytest.mark.parametrize("host", ["203.0.113.7", "203.0.113.7/32"])
async def test_a_forged_from_header_is_not_answered(line: Line, host: str) -> None:
    # LiveKit itself lets in whose From names an entry of the trunk's addresses to the letter.
    assert not await sipp(line, "info", "400", from_host=host)
    await eventually(lambda: none(line.rooms("call_400_")))
