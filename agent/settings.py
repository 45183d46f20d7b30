"""Typed settings: a profile from ``configs/``, then the environment.

A profile is a YAML file of URLs, model names and thresholds. Environment variables win over
it: ``PARLEY_LLM__BASE_URL`` sets ``llm.base_url``; one that is empty sets nothing. Where LiveKit
itself is (``LIVEKIT_URL``, ``LIVEKIT_API_KEY``, ``LIVEKIT_API_SECRET``) is read by LiveKit's own
code and is not set here.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Literal

from livekit.agents.utils.hw import get_cpu_monitor
from pydantic import (
    AfterValidator,
    AnyWebsocketUrl,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from . import environment
from .engine_settings import (
    Engine,
    LLMSettings,
    Secret,
    Section,
    STTSettings,
    TTSSettings,
)
from .languages import Language as Language
from .memory_settings import MemorySettings
from .phone_settings import PhoneSettings
from .post_call_settings import PostCallSettings
from .sign_in_settings import SignInSettings
from .stand_ins import ROOMS_PER_CORE, USUAL_PORTS, EngineName, is_at, own_ports
from .store_address import store_address
from .turn_settings import Seconds
from .turn_settings import TurnSettings as TurnSettings
from .wrong import SettingsError as SettingsError
from .wrong import Where, in_file, places, read_yaml, sentences, shortened

LANGUAGE_ATTRIBUTE = "parley.language"
"""Participant attribute by which a client names its user's language."""

_MOVED = {
    "instructions": "write instructions: … into its agent.yaml",
    "greeting": "write greeting: {en: …, zh: …} into its agent.yaml",
    "recite": "write recite: true or false into its agent.yaml",
    "never_say": "write never_say: [ … ] into its agent.yaml",
}
"""What is said of an agent and not of the machine, and where it is now."""

CONFIGS = Path(__file__).resolve().parent.parent / "configs"

_ROOMS_PER_CORE = 2.5
"""Conversations for each core that has the agent alone, the fewest of LiveKit's advice."""

_FEWEST_ROOMS = 2
"""Of which one may still be ending when the next begins."""


class SilenceSettings(Section):
    """A user who says nothing."""

    ask_after: Annotated[float, Field(ge=0.0, le=600.0)] = 60.0
    """Silence of both sides before the agent asks whether anybody is there, in seconds; 0 for
    never."""
    leave_after: Annotated[float, Field(ge=0.0, le=600.0)] = 60.0
    """Silence after that question before it says goodbye and ends the conversation, in seconds; 0
    to stay."""


class PlanSettings(Section):
    """Long answers."""

    enabled: bool = True
    """Give them in parts, with a place for the user to come in after each."""
    outline: bool = True
    """Ask the model for the parts, in the assistant's own system prompt, with one sentence of
    outline first. If false, they are cut by length alone."""
    pause: Seconds = 0.8
    """Quiet between two parts, in seconds."""


class ConductSettings(Section):
    """What the agent does of its own accord."""

    silence: SilenceSettings = SilenceSettings()
    """Silence of somebody at the page."""
    phone_silence: SilenceSettings = SilenceSettings(ask_after=10.0, leave_after=10.0)
    """Silence of a caller: a line costs money, and nothing on it shows that the agent listens."""
    filler_after: Seconds = 1.5
    """Silence while a tool runs before the agent says a filler, in seconds; 0 for never."""
    backchannel_after: Seconds = 0.0
    """Speech of the user, pauses aside, before the agent gives a backchannel ("mm-hm", 嗯) at the
    next pause, in seconds; 0 for never. Off by default: a microphone without echo cancellation
    hears it too."""
    plan: PlanSettings = PlanSettings()


class WatchdogSettings(Section):
    """What is done when an engine keeps the caller waiting; seconds of silence."""

    say_after: Annotated[float, Field(ge=0.5, le=30.0)] = 2.5
    """Before a prerecorded prompt is heard: 3 s is when callers ask whether anybody is there, and
    the sound takes 0.2 s to reach them."""
    repeat_after: Annotated[float, Field(ge=1.0, le=30.0)] = 5.0
    """From one prompt to the next."""
    give_up_after: Annotated[float, Field(ge=1.0, le=60.0)] = 10.0
    """Before the turn is given up, with a sentence: a server is started anew in less, and nobody
    waits for longer."""
    goodbye_after: Annotated[int, Field(ge=0, le=100)] = 6
    """Turns in a row that were given up before the agent says goodbye and ends the conversation; 0
    to stay. Six are a minute in which nothing worked."""
    prerecord: bool = True
    """Have the profile's own voice speak the prompts, once, while nobody else needs it. Until then,
    and if false, they are those of the package."""


StreamProvider = Literal["twilio", "telnyx", "vonage"]
"""Telephony providers whose media streams the bridge takes."""


class BridgeSettings(Section):
    """What the pipeline over HTTP takes (``python -m agent.bridge``)."""

    api_key: Secret | None = None
    """Bearer token that callers have to send; none is asked for when not given."""
    max_requests: Annotated[int, Field(ge=1, le=1000)] = 16
    """Requests spoken at once; more are refused with 503."""
    per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120
    """Requests of one client address within a minute; more are refused with 429."""
    max_characters: Annotated[int, Field(ge=1, le=100_000)] = 2000
    """Longest text of a request: 2,000 are seven minutes of Chinese speech."""
    max_seconds: Annotated[float, Field(ge=1, le=300)] = 60.0
    """Longest recording of a request, in seconds."""
    stream_url: (
        Annotated[AnyWebsocketUrl, Field(examples=["wss://voice.example.com/media-streams"])] | None
    ) = None
    """The address by which a telephony provider opens media streams, such as
    ``wss://voice.example.com/media-streams``; there are none when not given."""
    stream_provider: StreamProvider = "twilio"
    """Whose media streams they are."""
    stream_token: Secret | None = None
    """What streams have to be signed by, or to bring: Twilio's Auth Token, the
    ``stream_auth_token`` given to Telnyx, or the signature secret of the Vonage account."""
    streams_per_minute: Annotated[int, Field(ge=1, le=100_000)] = 120
    """Media streams that may begin within a minute, of all callers together; more are refused with
    429. How many are held at once is ``max_rooms``."""


class Settings(BaseSettings):
    """Everything a profile can say."""

    model_config = SettingsConfigDict(
        env_prefix="PARLEY_",
        # As those of env.example are, and what a script expands that nobody has set.
        env_ignore_empty=True,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    language: Literal[Language, "auto"] = "auto"
    """Language of a user whose client names none; ``auto`` lets the STT engine detect it."""
    max_rooms: Annotated[int, Field(ge=1, le=1000)] | Literal["auto"] = 10
    """Conversations held at once; LiveKit's advice is 10 to 25 on 4 cores. ``auto`` is what this
    machine carries: 10 on 4 cores, and with engines of its own on them one for each core."""
    history_store: (
        Annotated[
            str,
            Field(pattern=r"^(redis|rediss|unix)://", examples=["redis://HOST:PORT/DATABASE"]),
            AfterValidator(store_address),
        ]
        | None
    ) = None
    """Where the history of calls in progress is kept, for an agent that has to go on with one:
    the Redis that several agent servers share, ``redis://HOST:PORT/DATABASE``; a file in the
    user's state folder when not given, which those of one machine share."""
    rooms_per_address: Annotated[int, Field(ge=1, le=1000)] = 4
    """Of these, how many the page gives to one client address."""
    max_minutes: Annotated[float, Field(gt=0.0, le=1440.0)] = 30.0
    """Longest conversation at the page, in minutes, after which the agent says goodbye: whoever
    stays on keeps a place from the next. Calls by phone have ``phone.max_minutes``."""
    sign_in: SignInSettings | None = None
    """Has visitors of the page sign in; whoever reaches it may talk when not given."""
    agent: str = "parley"
    """Who speaks, unless a call says otherwise: a folder with an ``agent.yaml``, a Python file, or
    the name of one that comes with Parley (``PARLEY_AGENT``)."""
    agents: dict[
        Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$", examples=["tea-shop"])],
        str,
    ] = {}
    """Further agents that calls may ask for, each by a name of its own."""
    llm: LLMSettings
    stt: STTSettings
    tts: TTSSettings
    turns: TurnSettings = TurnSettings()
    conduct: ConductSettings = ConductSettings()
    watchdog: WatchdogSettings = WatchdogSettings()
    bridge: BridgeSettings = BridgeSettings()
    omni: Engine | None = None
    """An experiment: a model that hears and speaks, in place of the three engines in a room."""
    phone: PhoneSettings = PhoneSettings()
    memory: MemorySettings | None = None
    """Where agents that remember callers keep what they know of them."""
    post_call: PostCallSettings | None = None
    """What is kept of a call once it is over; nothing when not given."""

    @property
    def rooms(self) -> int:
        """Conversations held at once, where ``auto`` too."""
        if self.max_rooms != "auto":
            return self.max_rooms
        engines: dict[EngineName, Engine] = {"llm": self.llm, "stt": self.stt, "tts": self.tts}
        ports = own_ports()
        own = any(
            is_at(engine.base_url, USUAL_PORTS[name], ports[name])
            for name, engine in engines.items()
        )
        # Of a container those that it may use.
        cores = get_cpu_monitor().cpu_count()
        return max(_FEWEST_ROOMS, int(cores * (ROOMS_PER_CORE if own else _ROOMS_PER_CORE)))

    @property
    def default_language(self) -> Language | None:
        """Language of a user whose client names none; None to detect it."""
        return None if self.language == "auto" else self.language

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the profile, which arrives as init arguments."""
        return env_settings, init_settings


def profile_path(name: str) -> Path:
    """Find a profile by name (``cpu``) or by path (``/etc/parley/mine.yaml``).

    Raises:
        SettingsError: There is no such profile; the text lists those that exist.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else CONFIGS / f"{name}.yaml"
    with suppress(OSError):  # of a folder that may not be looked into, or of too long a name
        if path.is_file():
            return path
        if path.exists():
            raise SettingsError(f"The profile {name} is not a file: name a YAML file.")
    known = ", ".join(sorted(p.stem for p in CONFIGS.glob("*.yaml") if _is_profile(p)))
    raise SettingsError(
        f"There is no profile {shortened(name)}: set PARLEY_PROFILE to one of {known}, "
        "or to a YAML file."
    )


def load(profile: str | None = None) -> Settings:
    """Read a profile and the environment.

    Args:
        profile: Name or path; ``PARLEY_PROFILE`` or ``cpu`` when not given.

    Raises:
        SettingsError: A key or value is wrong; the text names it with what is allowed.
    """
    path = profile_path(profile or os.environ.get("PARLEY_PROFILE") or "cpu")
    content = read_yaml(path, "a profile")
    _refuse_moved(path, content)
    _refuse_capitals(path, content)
    if wrong := [*environment.unknown(Settings), *environment.unreadable(Settings)]:
        raise SettingsError(f"Wrong setting in the environment: {'; '.join(wrong)}.")
    try:
        return Settings(**content)
    except ValidationError as e:
        where = _origin(path, places(e, Settings), content)
        raise SettingsError(f"Wrong setting in {where}: {sentences(e, Settings, _missing)}.") from e


def _refuse_moved(path: Path, content: dict[str, object]) -> None:
    """Tell of settings that a profile had once: pydantic would not see those of the environment."""
    for name, now in _MOVED.items():
        variable = f"PARLEY_{name.upper()}"
        given = [
            key for key in os.environ if key.upper().split("__")[0] == variable and os.environ[key]
        ]
        for where in (*([f"{name} in {path}"] if name in content else []), *given):
            raise SettingsError(
                f"{where} has moved to the agent's own folder: {now} "
                "(docs/your-agent.md; PARLEY_AGENT names the folder)."
            )


def _refuse_capitals(path: Path, content: dict[str, object]) -> None:
    """Refuse a name that differs by its capitals: pydantic takes one of two and drops the other."""
    for name in content:
        if name not in Settings.model_fields and name.lower() in Settings.model_fields:
            raise SettingsError(
                f"Wrong setting in {in_file(path, (name,))}: {name} is not a setting "
                f"({name.lower()} is)."
            )


def _origin(path: Path, wrong: list[Where], content: dict[str, object]) -> str:
    """Where settings that are wrong come from: which lines of the profile, which variables."""
    variables = {
        # Of one that is missing, what is beside it.
        loc: environment.variable_of(loc) or environment.variable_of(loc[: loc[0] not in content])
        for loc in wrong
    }
    named = list(dict.fromkeys(name for name in variables.values() if name))
    filed = [loc for loc, name in variables.items() if not name]
    told = [in_file(path, *filed)] if filed else []
    return " and ".join([*told, *([f"the environment ({', '.join(named)})"] if named else [])])


def _missing(loc: Where) -> str:
    first = loc if loc[-1] not in ("llm", "stt", "tts") else (*loc, "base_url")
    return f"set it in the profile or as PARLEY_{'__'.join(first).upper()}"


def _is_profile(path: Path) -> bool:
    return "\nllm:" in "\n" + path.read_text(encoding="utf-8")
