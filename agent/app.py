"""The agent server: one process that joins rooms, and what it does in each."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from dataclasses import replace

from livekit.agents import Agent, APIError, JobContext, JobProcess, cli
from livekit.agents.llm import ToolContext
from livekit.agents.worker import ServerEnvOption
from livekit.plugins import vllm
from livekit.plugins.turn_taking import Endpointer
from livekit.plugins.turn_taking.end_of_turn import smart_turn

from . import engines, omni
from . import settings as settings_module
from .alone import Alone
from .assistant import Assistant, SensingAssistant
from .keys import KeyRefusedError, check_agent
from .language import LanguageSwitch
from .recovery import CallRecord, open_book
from .server import Server
from .session import make, turns_of
from .settings import Language, Settings, SettingsError
from .telemetry import RoomPublisher, prometheus, spans
from .telephony import CallControl, HungUp, NoAnswer, NotAllowed, connect_user, mask_logs

logger = logging.getLogger("parley")


def _warm_up(_: JobProcess) -> None:
    """Load what every room needs, before there is one: nothing waits for it then."""
    smart_turn.load()
    prometheus.set_up()
    spans.set_up()


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not (text.isdecimal() and int(text) < 65536):
        sys.exit(f"{variable} = {text!r} is not a port number (0 to 65535; 0 is any free one).")
    return int(text)


server = Server(
    setup_fnc=_warm_up,
    # The health page and the metrics: on this machine alone unless told otherwise, and where their
    # port is not chosen at any in development, where there may be several servers.
    host=os.environ.get("PARLEY_ADDRESS", "127.0.0.1"),
    port=ServerEnvOption(
        dev_default=_port("PARLEY_PORT_AGENT", 0), prod_default=_port("PARLEY_PORT_AGENT", 8081)
    ),
    prometheus_port=_port("PARLEY_PORT_METRICS", 8082 if "start" in sys.argv[1:] else 0),
)


@server.rtc_session(on_request=server.admit)
async def enter(ctx: JobContext) -> None:
    """Hold a conversation in one room."""
    settings = settings_module.load()
    mask_logs()
    if ctx.is_fake_job():  # the console: nobody could go on with it
        await _converse(ctx, settings, None)
        return
    book = open_book(settings.history_store, os.environ["LIVEKIT_URL"])
    record = CallRecord(book, ctx.room, ctx.job.room.name, ctx.local_participant_identity)
    record.start()
    ctx.add_shutdown_callback(record.aclose)
    try:
        await _converse(ctx, settings, record)
    except Exception:
        await record.lose()
        raise


async def _converse(ctx: JobContext, settings: Settings, record: CallRecord | None) -> None:
    try:
        user = await connect_user(ctx, settings)
    except (HungUp, NoAnswer, NotAllowed) as e:
        logger.info("no call came about", extra={"reason": str(e)})
        await ctx.delete_room()
        ctx.shutdown()
        return
    came = time.monotonic()
    before = await record.begin(user.identity) if record and user else None
    if settings.omni:
        await omni.converse(ctx, settings.omni, settings.turns)
        return
    language = user.language if user else settings.default_language

    model = engines.llm(settings.llm, hears=True)
    senses = settings.llm.audio != "off" or settings.llm.images
    if senses and (refusal := await refusal_of(model)):
        logger.error("the model cannot hear or see what it shall", extra={"reason": refusal})
        ctx.shutdown(reason=refusal)
        return
    by_phone = user is not None and user.sip_call is not None
    endpointer = Endpointer.load(turns_of(settings, phone=by_phone).options)
    recogniser = engines.stt(settings.stt, language, detector=endpointer)
    voice = engines.tts(settings.tts, language)
    # What is said from here on is in the language of the voice; what is heard in the user's own.
    language = settings.tts.spoken(language) if language else None
    user = replace(user, language=language) if user else None

    publisher = RoomPublisher(ctx.room)
    conversation = make(
        settings,
        room=ctx.room if user else None,
        stt=recogniser,
        llm=model,
        tts=voice,
        language=language,
        phone=by_phone,
        endpointer=endpointer,
        record=publisher.publish,
        since=came,
    )
    session, floor, conduct = conversation.session, conversation.floor, conversation.conduct
    on_hand_over = record.release if record else None
    phone = (
        CallControl(settings.phone, ctx.room, ctx.api, session, user, on_hand_over)
        if user
        else None
    )
    if senses:
        shown = vllm.TurnImage(ctx.room) if settings.llm.images else None
        assistant: Assistant = SensingAssistant(settings, language, floor, shown, phone, before)
    else:
        assistant = Assistant(settings, language, floor, phone, before)
    if record:
        record.follow(session)

    async def read_prompt() -> None:
        await model.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())

    async def follow(language: Language) -> None:
        engines.change_language(recogniser, voice, settings.tts, language)
        conduct.language = settings.tts.spoken(language)
        await assistant.follow(conduct.language)
        await read_prompt()

    switch = LanguageSwitch(ctx.room, follow)
    for part in (conversation, switch, publisher):
        ctx.add_shutdown_callback(part.aclose)
    session.on("close", lambda _: ctx.shutdown())  # the job ends with the conversation

    if user:
        alone = Alone(ctx.room, lambda: session.shutdown(drain=False))
        ctx.add_shutdown_callback(alone.aclose)
    first: Agent = assistant
    if phone:
        phone.start()
        ctx.add_shutdown_callback(phone.aclose)
        # Whoever was called has been found out before, if this agent goes on for another.
        first = assistant if before else phone.first_agent(assistant, floor)
    await conversation.start(first, ctx.room)
    # While the greeting plays, the server reads the prompt and the tools: the first answer then
    # waits as little as any other. On 2 cores this takes the CPU profile some seconds.
    await read_prompt()


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
    try:
        settings = settings_module.load()
        check_agent()
    except (SettingsError, KeyRefusedError) as e:
        sys.exit(str(e))
    if limits := settings.tts.limits:
        print(limits, file=sys.stderr)
    if "console" in sys.argv[1:]:
        try:
            importlib.import_module("sounddevice")
        except OSError:
            sys.exit(
                "The console uses this machine's microphone through PortAudio, which is not"
                " installed: apt-get install libportaudio2, or speak in a room (dev, start)."
            )
    mask_logs()
    cli.run_app(server)
