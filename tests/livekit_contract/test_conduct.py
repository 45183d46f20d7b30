"""What conduct/ of the turn-taking plugin relies on in LiveKit's session and room."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import Agent, CloseEvent, function_tool
from livekit.agents.llm import FunctionToolCall
from livekit.agents.metrics import LLMMetrics
from livekit.agents.types import TOPIC_CHAT
from livekit.agents.utils.aio import cancel_and_wait
from livekit.agents.voice import room_io
from livekit.agents.voice.io import AudioInput, PlaybackStartedEvent

from harness.virtual_time import in_virtual_time, now

from .conftest import Conversation, Start
from .test_turns import BEGINS, ENDS

LONG = "One two three four five six seven eight nine ten."


class Silence(AudioInput):
    def __init__(self) -> None:
        super().__init__(label="Silence")

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.sleep(0.05)
        return rtc.AudioFrame(bytes(2400), 24_000, 1, 1200)


class Wrapped(AudioInput):
    def __init__(self, source: AudioInput) -> None:
        super().__init__(label="Wrapped", source=source)
        self.frames = 0

    async def __anext__(self) -> rtc.AudioFrame:
        frame = await super().__anext__()
        self.frames += 1
        return frame


@in_virtual_time
async def test_participants_can_wrap_the_input_when_the_agent_first_listens(start: Start) -> None:
    wrapped: list[Wrapped] = []

    def before(talk: Conversation) -> None:
        talk.session.input.audio = Silence()

        @talk.session.on("agent_state_changed")
        def wrap(_: object) -> None:
            if not wrapped:
                wrapped.append(Wrapped(talk.session.input.audio))  # type: ignore[arg-type]
                talk.session.input.audio = wrapped[0]

    async with start(before=before):
        await asyncio.sleep(1)
    assert wrapped[0].frames > 10, (
        "the session does not read the input that it was given in its first agent_state_changed:"
        " conduct/participants.py (_on_agent_state) puts _CatchUp in front of LiveKit's there"
    )


async def test_participants_finds_livekits_input_in_the_first_state_change(start: Start) -> None:
    seen: list[Any] = []

    def before(talk: Conversation) -> None:
        @talk.session.on("agent_state_changed")
        def note(event: Any) -> None:
            seen.append((event.old_state, event.new_state, talk.session.input.audio))

    async with start(before=before, room=rtc.Room()) as talk:
        assert seen[0][:2] == ("initializing", "listening"), (
            f"{seen}: the first agent_state_changed is another one. conduct/participants.py finds"
            " its input in it, conduct/backchannel.py prepares its sounds at 'initializing'"
        )
        why = (
            "session.input.audio is not set in the first agent_state_changed, or room_io is not"
            " there: see conduct/participants.py (_on_agent_state, _agree)"
        )
        assert seen[0][2] is not None, why
        assert talk.session.room_io.linked_participant is None, why


def participant(identity: str) -> Any:
    return SimpleNamespace(
        identity=identity,
        sid=identity,
        name=identity,
        metadata="",
        kind=rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD,
        attributes={},
        track_publications={},
        disconnect_reason=rtc.DisconnectReason.CLIENT_INITIATED,
    )


@pytest.mark.parametrize("moves", [True, False])
async def test_participants_turns_to_another_before_livekit_hears_that_one_left(
    start: Start, moves: bool
) -> None:
    room = rtc.Room()
    closed: list[CloseEvent] = []
    anna, ben = participant("anna"), participant("ben")
    room._remote_participants = {"anna": anna, "ben": ben}
    # Of a room that was never joined. Nothing is sent: captions are not the matter here.
    room._local_participant = SimpleNamespace(identity="agent", track_publications={})  # type: ignore[assignment]

    def before(talk: Conversation) -> None:
        def left(_: object) -> None:
            if moves:
                talk.session.room_io.set_participant("ben")

        room.on("participant_disconnected", left)
        talk.session.on("close", closed.append)

    async with start(before=before, room=room) as talk:
        talk.session.room_io.set_participant("anna")
        linked = talk.session.room_io.linked_participant
        assert linked
        assert linked.identity == "anna"
        del room._remote_participants["anna"]
        room.emit("participant_disconnected", anna)
        await asyncio.sleep(0.2)
        assert bool(closed) is not moves, (
            f"closed: {bool(closed)}, though the handler that was registered before the start"
            f" {'turned' if moves else 'did not turn'} to another person. conduct/participants.py"
            " (_on_left) counts on its handler coming before room_io's, which ends the session"
        )


async def test_participants_needs_text_input_off_since_a_topic_has_one_handler() -> None:
    room = rtc.Room()
    room.register_text_stream_handler(TOPIC_CHAT, lambda *_: None)
    refused = False
    try:
        room.register_text_stream_handler(TOPIC_CHAT, lambda *_: None)
    except ValueError:
        refused = True
    why = (
        "agent/session.py starts with text_input=False, since conduct/participants.py takes the"
        " chat and a topic has one handler. If it may have several now, both would answer"
    )
    assert refused, why
    assert room_io.RoomOptions(text_input=False).text_input is False, why


@in_virtual_time
async def test_interjection_can_take_a_turn_down_without_an_answer(start: Start) -> None:
    async with start() as talk:
        talk.detector.tell(BEGINS)
        await asyncio.sleep(0.5)
        talk.stt.hears("I was saying")
        await asyncio.sleep(0.5)
        words = talk.session.commit_user_turn(skip_reply=True, transcript_timeout=1.0)
        said = await asyncio.wait_for(words, 3)
        await asyncio.sleep(0.5)
        assert (said, talk.words) == ("I was saying", ["> I was saying"]), (
            f"{said}, {talk.words}: commit_user_turn(skip_reply=True) returns the words and adds"
            " their message; see conduct/interjection.py (_opening), conduct/participants.py"
        )
    why = (
        "commit_user_turn(skip_reply=True) answers: conduct/interjection.py (_opening) speaks then"
    )
    assert len(talk.llm.asked) <= 1, why
    assert not talk.log, why


@in_virtual_time
async def test_interjection_knows_what_nobody_heard_by_the_absence_of_chat_items(
    start: Start,
) -> None:
    async with start() as talk:
        talk.tts.delay = 1.0
        speech = talk.session.say("Nobody hears this.")
        await asyncio.sleep(0.5)
        await talk.session.interrupt()
        why = (
            f"{speech.chat_items}: a speech that was cut before its first sound has chat items."
            " conduct/interjection.py (interject) says it again in the next pause without"
        )
        assert speech.interrupted, why
        assert not speech.chat_items, why
        assert not talk.words, why


@in_virtual_time
async def test_filler_can_say_words_that_are_no_item_of_the_history(start: Start) -> None:
    async with start() as talk:
        await talk.session.say("One moment.", add_to_chat_ctx=False)
        history = talk.session.history.messages()
    why = (
        f"{talk.words}: say(add_to_chat_ctx=False) adds a message, which conduct/filler.py (_fill)"
        " would send to the model between a tool call and its result"
    )
    assert not talk.words, why
    assert not history, why


@in_virtual_time
async def test_filler_hears_of_a_tool_as_it_starts_and_as_it_ends(start: Start) -> None:
    heard: list[Any] = []

    @function_tool
    async def look_up() -> str:
        """Look it up."""
        await asyncio.sleep(2)
        return "found"

    def before(talk: Conversation) -> None:
        @talk.session.on("tool_execution_updated")
        def note(event: Any) -> None:
            update = event.update
            call = getattr(update, "function_call", update)
            heard.append((round(now()), type(update).__name__, call.call_id))

    call = FunctionToolCall(name="look_up", arguments="{}", call_id="1")
    agent = Agent(instructions="", tools=[look_up])
    async with start(call, "Found.", agent=agent, before=before) as talk:
        await talk.session.generate_reply()
    assert [heard[0], heard[-1]] == [(0, "ToolCallStarted", "1"), (2, "ToolCallEnded", "1")], (
        f"{heard}: conduct/filler.py (_on_tool) counts running tools by call id from these events"
    )


@in_virtual_time
async def test_idle_is_told_that_the_user_is_away_and_can_put_it_off(start: Start) -> None:
    states: list[tuple[float, str]] = []

    def before(talk: Conversation) -> None:
        note = lambda event: states.append((round(now()), event.new_state))  # noqa: E731
        talk.session.on("user_state_changed", note)

    async with start(before=before, user_away_timeout=5.0) as talk:
        await asyncio.sleep(3)
        talk.session.reset_away_timer()
        await asyncio.sleep(8)
    why = f"{states}: conduct/idle.py asks at 'away', and puts it off with reset_away_timer()"
    assert (8, "away") in states, why
    assert (5, "away") not in states, why


@in_virtual_time
async def test_waiting_gets_activity_closed_error_when_the_conversation_ends(start: Start) -> None:
    from livekit.agents.voice.agent_activity import ActivityClosedError

    async with start() as talk:
        talk.session.say(LONG)
        await asyncio.sleep(1)
        waiting = asyncio.create_task(talk.session.wait_for_idle())
        await asyncio.sleep(0.5)
        assert not waiting.done(), "wait_for_idle() returns while the agent speaks: waiting.py"
        await talk.session.aclose()
        await asyncio.wait([waiting], timeout=5)
        error = waiting.exception() if waiting.done() and not waiting.cancelled() else None
        await cancel_and_wait(waiting)
    assert isinstance(error, ActivityClosedError), (
        f"{error!r}: conduct/waiting.py (report) takes ActivityClosedError from wait_for_idle() for"
        " the end of the conversation, and logs any other error"
    )


@in_virtual_time
async def test_participants_can_note_the_speaker_on_the_message_that_the_model_gets(
    start: Start,
) -> None:
    def before(talk: Conversation) -> None:
        @talk.session.on("conversation_item_added")
        def note(event: Any) -> None:
            if event.item.type == "message" and event.item.role == "user":
                event.item.extra.setdefault("speaker", "Anna")

    async with start("Yes.", "Yes.", before=before) as talk:
        for words in ("Hello", "Hello again"):
            talk.detector.tell(BEGINS)
            await asyncio.sleep(0.5)
            talk.stt.hears(words)
            talk.detector.tell(ENDS)
            await asyncio.sleep(3)
        users = [m for m in talk.llm.asked[-1].messages() if m.role == "user"]
        first = users[0]
    assert (first.text_content, first.extra.get("speaker")) == ("Hello", "Anna"), (
        f"{first}: what is put into the extra of an added message does not reach llm_node."
        " conduct/participants.py (_on_item, attributed) keeps who spoke there"
    )


@in_virtual_time
async def test_turn_records_are_told_of_requests_and_of_the_first_sound(start: Start) -> None:
    requests: list[LLMMetrics] = []
    played: list[PlaybackStartedEvent] = []
    async with start("Yes.") as talk:
        talk.llm.on("metrics_collected", requests.append)
        assert talk.session.output.audio is not None
        talk.session.output.audio.on("playback_started", played.append)
        talk.detector.tell(BEGINS)
        await asyncio.sleep(0.5)
        talk.stt.hears("Hello")
        talk.detector.tell(ENDS)
        await asyncio.sleep(3)
    why = "agent/telemetry/recorder.py takes the stages of a turn from these events"
    assert [(request.cancelled, request.duration >= 0) for request in requests] == [
        (False, True)
    ], why
    assert requests[0].metadata is not None, why
    assert len(played) == 1, why
