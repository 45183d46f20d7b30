"""The agent server: one process that joins rooms, and what it does in each."""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import sys
import time
from dataclasses import replace
from functools import partial
from tempfile import TemporaryDirectory

from livekit.agents import Agent, APIError, JobContext, JobProcess, cli
from livekit.agents.llm import ToolContext
from livekit.agents.worker import ServerEnvOption
from livekit.plugins import vllm
from livekit.plugins.turn_taking import Endpointer
from livekit.plugins.turn_taking.barge_in import hunch
from livekit.plugins.turn_taking.end_of_turn import smart_turn
from livekit.plugins.turn_taking.model import ModelError, locate

from . import engines, night, omni
from . import settings as settings_module
from .alone import Alone
from .assistant import agent_of
from .conduct import Conduct
from .definition.choice import Agents, Arrived, Assignment
from .definition.definition import AgentDefinition
from .definition.kept import VARIABLE as KEPT
from .definition.kept import KeptAgents
from .definition.loading import agent_argument, find
from .ending import end_with, on_session_end, when_over
from .goodbye import Closing
from .keys import KeyRefusedError, check_agent
from .known import Known
from .language import LanguageSwitch
from .languages import words
from .livekit_server import Credentials, LiveKitError, UnreachableError, ask, from_command_line
from .memory import Caller
from .page_controls import PageControls
from .post_call import About, hand_over, recording_options
from .recovery import CallRecord, StoreError, open_book, somebody_waits
from .server import Server
from .serving import check_port, port_of
from .session import make, turns_of
from .settings import Language, Settings, SettingsError
from .telemetry import RoomPublisher, prometheus, spans
from .telephony import (
    CallControl,
    Details,
    Dialler,
    HungUp,
    NoAnswer,
    NotAllowed,
    User,
    connect_user,
    mask_logs,
)
from .telephony.ledger import assure, open_ledger
from .telephony.night import night_for
from .visitor import Visitor

logger = logging.getLogger("parley")

_LIVEKIT = {
    # LiveKit's end-of-turn model, which is not used here: 244 MB.
    "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
    # It would tell where an event loop was blocked, for which two threads wake every 50 ms in each
    # process, also in one that waits for a call: 7 ms of processor a second.
    "LIVEKIT_AGENTS_LOOP_BLOCK_WARN_MS": "0",
}
"""LiveKit's own settings, where the environment has no others."""


_ADDRESS = os.environ.get("PARLEY_ADDRESS", "127.0.0.1")
_AT = {"AGENT": "health page", "METRICS": "metrics"}


def _warm_up(_: JobProcess) -> None:
    """Load what every room needs, before there is one: nothing waits for it then."""
    smart_turn.load()
    hunch.prewarm()
    prometheus.set_up()
    spans.set_up()
    gc.freeze()  # what stays is not looked through again with each collection


server = Server(
    setup_fnc=_warm_up,
    # The health page and the metrics: on this machine alone unless told otherwise, and where their
    # port is not chosen at any in development, where there may be several servers.
    host=_ADDRESS,
    port=ServerEnvOption(
        dev_default=port_of("PARLEY_PORT_AGENT", 0), prod_default=port_of("PARLEY_PORT_AGENT", 8081)
    ),
    prometheus_port=port_of("PARLEY_PORT_METRICS", 8082 if "start" in sys.argv[1:] else 0),
)


@server.rtc_session(on_request=server.admit, on_session_end=on_session_end)
async def enter(ctx: JobContext) -> None:
    """Hold a conversation in one room."""
    profile = settings_module.load()
    mask_logs()
    if ctx.is_fake_job():  # the console: nobody could go on with it
        await _converse(ctx, profile, None)
        return
    book = open_book(profile.history_store, os.environ["LIVEKIT_URL"])
    record = CallRecord(book, ctx.room, ctx.job.room.name, ctx.local_participant_identity)
    record.start()
    ctx.add_shutdown_callback(record.aclose)
    try:
        await _converse(ctx, profile, record)
    except Exception:
        await record.lose()
        raise


async def _converse(ctx: JobContext, profile: Settings, record: CallRecord | None) -> None:
    dialler: Dialler | None = None  # nor anybody to be called, on the console
    user: User | None = None
    if record:
        details = Details(profile.post_call, ctx.job.room.name, ctx.job.id)
        dialler = Dialler(profile.phone, ctx.api, open_ledger(profile), ctx.job.room.name, details)
        ctx.add_shutdown_callback(dialler.aclose)
    try:
        if dialler:
            user = await connect_user(ctx, profile, dialler)
    except (HungUp, NoAnswer, NotAllowed) as e:
        logger.info("no call came about", extra={"reason": str(e)})
        if dialler:
            await dialler.details.left(str(e) if isinstance(e, NotAllowed) else None)
            await dialler.aclose()
        await ctx.delete_room()
        ctx.shutdown()
        return
    came = time.monotonic()
    before = await record.begin(user.identity) if record and user else None
    call = user.sip_call if user else None
    arrived = Arrived(call.trunk_number, call.caller_id) if call else None
    try:
        agents = Agents(profile, KeptAgents.of_environment())
        agent = agents.take(Assignment.from_metadata(ctx.job.metadata), arrived)
    except SettingsError as e:  # it was right when the server started, and is not kept
        logger.error(str(e))
        if dialler:
            await dialler.details.left()
            await ctx.delete_room()
        ctx.shutdown(reason="the agent is wrong")
        return
    settings = agent.over(profile)
    if dialler and record:
        dialler.details.settings, dialler.details.agent = settings.post_call, agent.key
        # The call is over, though this job is not: nobody goes on with it, and its place is free.
        when_over(ctx, "the end of the call", record.release)
        when_over(ctx, "the detail record", partial(_keep_detail, ctx, record, dialler.details))
    if record is None:  # the console, of which nothing is kept
        settings = settings.model_copy(update={"post_call": None})
    language = agent.spoken(user.language if user else settings.default_language)
    by_phone = user is not None and user.sip_call is not None
    # Who has spoken with an agent before this one goes on speaking, whatever the hour.
    if user and dialler and record and not before and (closed := night_for(settings.phone, user)):
        await night.converse(ctx, closed, settings, agent, user, language, dialler, record, came)
        return
    if settings.omni:
        await omni.converse(ctx, settings.omni, settings, language or "en", phone=by_phone)
        return

    model = engines.llm(settings.llm, hears=True)
    senses = settings.llm.audio != "off" or settings.llm.images
    if senses and (refusal := await refusal_of(model)):
        logger.error("the model cannot hear or see what it shall", extra={"reason": refusal})
        ctx.shutdown(reason=refusal)
        return
    endpointer = Endpointer.load(turns_of(settings, phone=by_phone).options)
    recogniser = engines.stt(settings.stt, language, detector=endpointer)
    voice = engines.tts(settings.tts, language)
    # What is said from here on is in the language of the voice; what is heard in the user's own.
    language = settings.tts.spoken(language) if language else None
    user = replace(user, language=language) if user else None

    visitor = Visitor.from_metadata(ctx.room.metadata) if user else None
    told = visitor if settings.sign_in and settings.sign_in.tell_model else None
    number = user.sip_call.number if user and user.sip_call else None
    caller = Caller.of(visitor=visitor.id if visitor else None, number=number)
    known = Known(agent, settings, caller)
    ctx.add_shutdown_callback(known.aclose)
    await known.open()
    publisher = RoomPublisher(ctx.room)
    conversation = make(
        settings,
        agent,
        room=ctx.room if user else None,
        stt=recogniser,
        llm=model,
        tts=voice,
        language=language,
        phone=by_phone,
        endpointer=endpointer,
        record=publisher.publish,
        since=came,
        visitor=visitor,
        known=known,
    )
    session, floor, conduct = conversation.session, conversation.floor, conversation.conduct
    on_hand_over = record.hand if record else None
    phone = (
        CallControl(
            settings.phone,
            ctx.room,
            ctx.api,
            session,
            user,
            dialler,
            on_hand_over,
            agent.key,
        )
        if user and dialler
        else None
    )
    shown = vllm.TurnImage(ctx.room) if settings.llm.images else None
    assistant = agent_of(agent, settings, language, floor, phone, before, told, known, shown)
    if record:
        record.follow(session)

    async def read_prompt() -> None:
        await model.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())

    async def follow(language: Language) -> None:
        if not agent.speaks(language):
            return
        engines.change_language(recogniser, voice, settings.tts, language)
        conduct.language = settings.tts.spoken(language)
        await assistant.follow(conduct.language)
        await read_prompt()

    switch = LanguageSwitch(ctx.room, follow)
    closing = Closing(ctx.room, session, lambda: words(conduct.spoken_language()).assistant.closing)
    for part in (closing, conversation, switch, publisher):
        ctx.add_shutdown_callback(part.aclose)
    if user and not by_phone:
        controls = PageControls(ctx.room, session, publisher)
        ctx.add_shutdown_callback(controls.aclose)
    end_with(session, ctx, record.is_ours if record else None)

    if user:
        alone = Alone(ctx.room, lambda: session.shutdown(drain=False))
        ctx.add_shutdown_callback(alone.aclose)
    first: Agent = assistant
    if phone:
        phone.start()
        ctx.add_shutdown_callback(phone.aclose)
        # Whoever was called has been found out before, if this agent goes on for another.
        first = assistant if before else phone.first_agent(assistant, floor)
    kept = settings.post_call
    if user and record:
        if kept:
            source = str(agent.source)
            about = partial(_about, agent, user, visitor, conduct, numbers=kept.numbers)

            async def keep() -> None:
                if await record.is_taken() and await somebody_waits(ctx.api, ctx.room.name):
                    return  # the next agent's record has what was said to this one
                await hand_over(ctx.make_session_report(), kept, about(), record.said, source)

            when_over(ctx, "the record", keep)
        # Last: a model writes them, which may take minutes.
        when_over(ctx, "the notes on the caller", lambda: known.learn(record.said))
    options = recording_options(kept, os.environ.get("LIVEKIT_URL", ""))
    await conversation.start(first, ctx.room, record=options)
    # While the greeting plays, the server reads the prompt and the tools: the first answer then
    # waits as little as any other. On 2 cores this takes the CPU profile some seconds.
    await read_prompt()


async def _keep_detail(ctx: JobContext, record: CallRecord, details: Details) -> None:
    if await record.is_taken() and await somebody_waits(ctx.api, ctx.room.name):
        details.drop()  # the next agent's has all of the call
    await details.left()


def _about(
    agent: AgentDefinition, user: User, visitor: Visitor | None, conduct: Conduct, *, numbers: bool
) -> About:
    """What the record of a call says of it that LiveKit does not know."""
    call = user.sip_call
    return About(
        agent=agent.key,
        channel="phone" if call else "web",
        direction="outbound" if user.outbound_call else "inbound",
        language=conduct.language,
        number=call.number if call and numbers else None,
        visitor=(visitor.id or None) if visitor else None,
    )


async def refusal_of(model: vllm.LLM) -> str | None:
    """Why the model cannot be used as it is set, or None; asks its server."""
    try:
        await model.ready()
    except APIError as e:
        await model.aclose()
        return e.message
    return None


def main() -> None:
    """Run LiveKit's command line, once the settings are known to be right."""
    kept: TemporaryDirectory[str] | None = None
    try:
        if chosen := agent_argument():
            os.environ["PARLEY_AGENT"] = str(find(chosen))
        profile = settings_module.load()
        if _holds_calls(sys.argv[1:]) and not os.environ.get(KEPT):
            kept = TemporaryDirectory(prefix="parley-kept-")  # until this ends
            os.environ[KEPT] = kept.name
        limits = Agents(profile, KeptAgents.of_environment()).limits()
        if _holds_calls(sys.argv[1:]):
            # Without it no process would come up, and LiveKit would make new ones without end.
            locate()
        if _serves(sys.argv[1:]):
            livekit = _reach(sys.argv[1:])
            asyncio.run(assure(profile))
            asyncio.run(_keeps_calls(profile, livekit.url))
    except (SettingsError, KeyRefusedError, LiveKitError, ModelError) as e:
        sys.exit(str(e))
    for sentence in limits:
        print(sentence, file=sys.stderr)
    if "console" in sys.argv[1:]:
        try:
            importlib.import_module("sounddevice")
        except OSError:
            sys.exit(
                "The console uses this machine's microphone through PortAudio, which is not"
                " installed: apt-get install libportaudio2, or speak in a room (dev, start)."
            )
    mask_logs()
    for variable, value in _LIVEKIT.items():
        os.environ.setdefault(variable, value)
    try:
        cli.run_app(server)
    finally:
        if kept:
            kept.cleanup()
        if server.failure:  # or LiveKit's command line would end as if all had been well
            sys.exit(server.failure)


def _serves(arguments: list[str]) -> bool:
    return bool({"dev", "start", "connect"} & {*arguments}) and "--help" not in arguments


def _holds_calls(arguments: list[str]) -> bool:
    return _serves(arguments) or ("console" in arguments and "--help" not in arguments)


async def _keeps_calls(profile: Settings, livekit: str) -> None:
    """See that the history of calls in progress can be kept.

    Raises:
        SettingsError: The file cannot be used. A Redis may still be starting, and is told.
    """
    book = open_book(profile.history_store, livekit)
    try:
        await book.read()
    except StoreError as e:
        said = f"Calls in progress cannot be kept: {e}"
        if profile.history_store is None:
            raise SettingsError(f"{said} Set PARLEY_STATE to a folder that can be used.") from e
        print(f"{said} It is tried again.", file=sys.stderr)
    finally:
        await book.aclose()


def _reach(arguments: list[str]) -> Credentials:
    """See that the ports are free and that LiveKit takes the key; it may still be starting.

    Raises:
        LiveKitError: The server is not named, or does not take the key.
        KeyRefusedError: The key keeps nobody out.
    """
    variables = from_command_line(arguments)
    livekit = Credentials.given("the agent takes the calls of that LiveKit server", variables)
    check_agent(variables)
    for name, usual in (("AGENT", 8081), ("METRICS", 8082)):
        variable = f"PARLEY_PORT_{name}"
        port = port_of(variable, usual if "start" in arguments else 0)
        check_port(_ADDRESS, port, f"the agent's {_AT[name]}", variable)
    try:
        asyncio.run(ask(livekit))
    except UnreachableError as e:
        server.unreached = str(e)
        print(f"{e} It is tried again for some minutes.", file=sys.stderr)
    return livekit
