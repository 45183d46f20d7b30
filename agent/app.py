"""The agent server: one process that joins rooms, and what it does in each."""

from __future__ import annotations

import importlib
import logging
import math
import os
import sys

from livekit.agents import AgentServer, APIError, JobContext, JobProcess, JobRequest, cli
from livekit.agents.llm import ToolContext
from livekit.agents.worker import ServerEnvOption
from livekit.plugins import vllm
from livekit.plugins.turn_taking import Endpointer
from livekit.plugins.turn_taking.end_of_turn import smart_turn

from . import engines, omni
from . import settings as settings_module
from .assistant import Assistant, SensingAssistant
from .keys import KeyRefusedError, check_agent
from .language import LanguageSwitch
from .once import Once
from .session import make, turns_of
from .settings import Language, SettingsError
from .telemetry import TurnPublisher
from .telephony import CallControl, HungUp, NoAnswer, NotAllowed, connect_user, mask_logs

logger = logging.getLogger("parley")


def _load(server: AgentServer) -> float:
    """Share of the rooms that this server takes which are in use.

    LiveKit's default is the load of the whole machine, which refuses every caller while the
    engines on the same processor work.
    """
    return len(server.active_jobs) / settings_module.load().max_rooms


_once = Once()
_accepting: set[str] = set()
"""The jobs that were taken and have no process yet: they are not among the server's."""


async def _admit(request: JobRequest) -> None:
    """Take a job if there is room for it; else LiveKit may ask another server."""
    taken = {running.job.id for running in server.active_jobs} | _accepting
    if len(taken) >= settings_module.load().max_rooms:
        await request.reject(terminate=False)
        return
    if _once.again(request.job.room):
        await request.reject()
        return
    _accepting.add(request.id)
    try:
        await request.accept()
    finally:
        _accepting.discard(request.id)


def _warm_up(_: JobProcess) -> None:
    """Load what every room needs, before there is one: nothing waits for it then."""
    smart_turn.load()


server = AgentServer(
    setup_fnc=_warm_up,
    load_fnc=_load,
    # A threshold would refuse jobs by a guess of what those load that start: the third of ten at
    # once, or the tenth. Who is admitted is counted; the load tells which server has more room.
    load_threshold=math.inf,
    # The health page: on this machine alone unless told otherwise, at any port in development.
    host=os.environ.get("PARLEY_ADDRESS", "127.0.0.1"),
    port=ServerEnvOption(
        dev_default=0, prod_default=int(os.environ.get("PARLEY_PORT_AGENT", "8081"))
    ),
)


@server.rtc_session(on_request=_admit)
async def enter(ctx: JobContext) -> None:
    """Hold a conversation in one room."""
    settings = settings_module.load()
    mask_logs()
    try:
        user = await connect_user(ctx, settings)
    except (HungUp, NoAnswer, NotAllowed) as e:
        logger.info("no call came about", extra={"reason": str(e)})
        await ctx.delete_room()
        ctx.shutdown()
        return
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

    conversation = make(
        settings,
        room=ctx.room if user else None,
        stt=recogniser,
        llm=model,
        tts=voice,
        language=language,
        phone=by_phone,
        endpointer=endpointer,
    )
    session, floor, conduct = conversation.session, conversation.floor, conversation.conduct
    phone = CallControl(settings.phone, ctx.room, ctx.api, session, user) if user else None
    if senses:
        shown = vllm.TurnImage(ctx.room) if settings.llm.images else None
        assistant: Assistant = SensingAssistant(settings, language, floor, shown, phone)
    else:
        assistant = Assistant(settings, language, floor, phone)

    async def read_prompt() -> None:
        await model.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())

    async def follow(language: Language) -> None:
        recogniser.update_options(language=language)
        voice.update_options(language=language, voice=settings.tts.voice_of(language))
        conduct.language = language
        await assistant.follow(language)
        await read_prompt()

    switch, publisher = LanguageSwitch(ctx.room, follow), TurnPublisher(session, ctx.room)
    floor.on("judged", publisher.on_overlap)
    for part in (conversation, switch, publisher):
        ctx.add_shutdown_callback(part.aclose)
    session.on("close", lambda _: ctx.shutdown())  # the job ends with the conversation

    if phone:
        phone.start()
        ctx.add_shutdown_callback(phone.aclose)
    await conversation.start(phone.first_agent(assistant, floor) if phone else assistant, ctx.room)
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
        settings_module.load()
        check_agent()
    except (SettingsError, KeyRefusedError) as e:
        sys.exit(str(e))
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
