"""The agent server: one process that joins rooms, and what it does in each."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys

from livekit import rtc
from livekit.agents import AgentServer, AgentSession, APIError, JobContext, cli, inference
from livekit.agents.llm import ToolContext
from livekit.agents.voice import room_io
from livekit.agents.voice.turn import TurnHandlingOptions
from livekit.agents.worker import ServerEnvOption
from livekit.plugins import vllm

from . import engines
from . import settings as settings_module
from .assistant import Assistant, HearingAssistant
from .settings import LANGUAGE_ATTRIBUTE, Language, SettingsError, TurnSettings
from .telemetry import TurnPublisher

logger = logging.getLogger("parley")


def _load(server: AgentServer) -> float:
    """Share of the rooms that this server takes which are in use.

    LiveKit's default is the load of the whole machine, which refuses every caller while the
    engines on the same processor work.
    """
    return len(server.active_jobs) / settings_module.load().max_rooms


server = AgentServer(
    load_fnc=_load,
    load_threshold=1.0,
    # The health page: on this machine alone unless told otherwise, at any port in development.
    host=os.environ.get("PARLEY_ADDRESS", "127.0.0.1"),
    port=ServerEnvOption(
        dev_default=0, prod_default=int(os.environ.get("PARLEY_PORT_AGENT", "8081"))
    ),
)


@server.rtc_session()
async def enter(ctx: JobContext) -> None:
    """Hold a conversation in one room."""
    settings = settings_module.load()
    language = settings.language if settings.language != "auto" else None
    if not ctx.is_fake_job():  # the console has no participants
        await ctx.connect()
        language = _language_of(await ctx.wait_for_participant()) or language

    thinker = engines.llm(settings.llm, hears=True)
    if settings.llm.audio != "off" and (refusal := await refusal_of(thinker)):
        logger.error("the model cannot be used as llm.audio says", extra={"reason": refusal})
        ctx.shutdown(reason=refusal)
        return
    ear = engines.stt(settings.stt, language)
    voice = engines.tts(settings.tts, language)
    kind = Assistant if settings.llm.audio == "off" else HearingAssistant
    assistant = kind(settings, language)
    session: AgentSession[None] = AgentSession(
        stt=ear,
        llm=thinker,
        tts=voice,
        vad=inference.VAD(model="silero", min_silence_duration=settings.turns.min_silence),
        turn_handling=turn_handling(settings.turns),
        # Captions and history follow the plugin's timed words, not an estimate.
        use_tts_aligned_transcript=True,
        # The plugin reads markdown and emoji itself; LiveKit's filters would hold text back.
        tts_text_transforms=None,
        aec_warmup_duration=settings.turns.echo_warmup or None,
    )

    # The turn is decided while its answer is made already, and a noise only pauses it.
    voice.follow(session)

    async def follow(language: Language) -> None:
        ear.update_options(language=language)
        voice.update_options(language=language, voice=settings.tts.voice_of(language))
        await assistant.follow(language)
        await thinker.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())

    follows: set[asyncio.Task[None]] = set()

    @ctx.room.on("participant_attributes_changed")
    def _on_attributes(changed: dict[str, str], participant: rtc.Participant) -> None:
        chosen = _language_of(participant) if LANGUAGE_ATTRIBUTE in changed else None
        if chosen:
            task = asyncio.create_task(follow(chosen))
            follows.add(task)
            task.add_done_callback(follows.discard)

    ctx.add_shutdown_callback(TurnPublisher(session, ctx.room).aclose)

    @session.on("close")
    def _on_close(_: object) -> None:
        ctx.shutdown()  # the job ends with the conversation

    await session.start(
        assistant,
        room=ctx.room,
        room_options=room_io.RoomOptions(delete_room_on_close=True),
        record=False,
    )
    # While the greeting plays, the server reads the prompt and the tools: the first answer then
    # waits as little as any other. On 2 cores this takes the CPU profile some seconds.
    await thinker.warm(assistant.chat_ctx, ToolContext(assistant.tools).flatten())


def turn_handling(turns: TurnSettings) -> TurnHandlingOptions:
    """LiveKit's turn handling, every part of it set to something that runs on this machine.

    ``dev`` mode would otherwise choose detectors in LiveKit's cloud.
    """
    return {
        "turn_detection": (
            "vad" if turns.detector == "vad" else inference.TurnDetector(version="v1-mini")
        ),
        "endpointing": {"min_delay": turns.min_delay, "max_delay": turns.max_delay},
        "interruption": {
            "mode": "vad",
            "min_duration": turns.min_interruption,
            "false_interruption_timeout": turns.false_interruption_timeout,
        },
        "preemptive_generation": {"enabled": True, "preemptive_tts": True},
    }


async def refusal_of(thinker: vllm.LLM) -> str | None:
    """Why the model cannot be used as it is set, or None; asks its server."""
    try:
        await thinker.ready()
    except APIError as e:
        await thinker.aclose()
        return e.message
    return None


def _language_of(participant: rtc.Participant) -> Language | None:
    match participant.attributes.get(LANGUAGE_ATTRIBUTE):
        case "en":
            return "en"
        case "zh":
            return "zh"
        case _:
            return None


def main() -> None:
    """Run LiveKit's command line, once the settings are known to be right."""
    try:
        settings_module.load()
    except SettingsError as e:
        sys.exit(str(e))
    if "console" in sys.argv[1:]:
        try:
            importlib.import_module("sounddevice")
        except OSError:
            sys.exit(
                "The console uses this machine's microphone through PortAudio, which is not"
                " installed: apt-get install libportaudio2, or speak in a room (dev, start)."
            )
    cli.run_app(server)
