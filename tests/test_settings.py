from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import settings
from agent.settings import SettingsError

PROFILES = ["cpu", "gpu", "phone"]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARLEY_PROFILE", raising=False)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_loads(name: str) -> None:
    assert settings.load(name).llm.url.endswith("/v1")


def test_the_environment_names_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PROFILE", "gpu")
    assert settings.load().tts.voice["zh"] == "Vivian"


def test_the_environment_wins_over_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_LLM__BASE_URL", "http://10.0.0.7:8000/v1")
    monkeypatch.setenv("PARLEY_LLM__API_KEY", "hush")
    loaded = settings.load("cpu")
    assert loaded.llm.url == "http://10.0.0.7:8000/v1"
    assert loaded.llm.key == "hush"
    assert loaded.llm.temperature == 0.3  # the rest of the section stays as the profile has it
    assert "hush" not in repr(loaded)


def test_several_servers_share_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load("gpu").tts.urls == ["http://127.0.0.1:8091/v1"]
    monkeypatch.setenv("PARLEY_TTS__REPLICAS", '["http://10.0.0.7:8091/v1", "http://b:8091/v1/"]')
    voice = settings.load("gpu").tts
    assert voice.urls == [voice.url, "http://10.0.0.7:8091/v1", "http://b:8091/v1"]


@pytest.mark.parametrize(
    ("variable", "value", "parts"),
    [
        ("PARLEY_LLM__TEMPERATURE", "9", ["llm.temperature", "'9'", "allowed: 0.0 to 2.0"]),
        ("PARLEY_TURNS__MIN_SILENCE", "0", ["turns.min_silence", "allowed: 0.05 to 2.0"]),
        ("PARLEY_TURNS__MAX_DELAY", "31", ["turns.max_delay", "allowed: 0.0 to 30.0"]),
        ("PARLEY_LLM__TEMPRATURE", "1", ["llm.temprature is not a setting", "temperature"]),
        ("PARLEY_LLM__AUDIO", "loud", ["llm.audio", "'off', 'beside' or 'instead'"]),
        ("PARLEY_CONDUCT__SILENCE__ASK_AFTER", "-1", ["ask_after", "allowed: 0.0 to 600.0"]),
        ("PARLEY_CONDUCT__FILLER", "1", ["conduct.filler is not a setting", "filler_after"]),
        ("PARLEY_LANGUAGE", "sv", ["language", "'es', 'it' or 'auto'"]),
        ("PARLEY_STT__BASE_URL", "nowhere", ["stt.base_url", "valid URL"]),
        ("PARLEY_AGENTS", '{"a b": "/x"}', ["agents.a b: its name must look like tea-shop"]),
        ("PARLEY_PHONE__AGENTS", '{"Ben": "clinic"}', ["phone.agents.Ben", "like +4930123456"]),
        # What has to be JSON: the variable itself, and how it is written.
        (
            "PARLEY_AGENTS",
            "clinic",
            [
                "PARLEY_AGENTS = 'clinic' is not JSON",
                """'{"name": "…"}', or PARLEY_AGENTS__NAME=…""",
            ],
        ),
        (
            "PARLEY_TTS__VOICE",
            "af_bella",
            ["PARLEY_TTS__VOICE = 'af_bella' is not JSON", "or PARLEY_TTS__VOICE__EN=…"],
        ),
        ("PARLEY_TTS__LANGUAGES", "en,zh", ["PARLEY_TTS__LANGUAGES = 'en,zh'", "write a list"]),
        ("PARLEY_TTS__REPLICAS", "http://a:1/v1", ["PARLEY_TTS__REPLICAS", "write a list"]),
        ("PARLEY_LLM__EXTRA_BODY", "top_k=5", ["PARLEY_LLM__EXTRA_BODY", "is not JSON"]),
        ("PARLEY_PHONE__DESTINATIONS", "sales=1", ["PARLEY_PHONE__DESTINATIONS", "is not JSON"]),
        ("PARLEY_LLM", "http://x:1/v1", ["PARLEY_LLM is a section", "PARLEY_LLM__BASE_URL"]),
        ("PARLEY_TURNS", "fast", ["PARLEY_TURNS is a section", "PARLEY_TURNS__VAD_THRESHOLD"]),
        ("PARLEY_TTS__VOICE", '["a"]', ["tts.voice: it must hold settings by name"]),
        ("PARLEY_TTS__LANGUAGES", "[]", ["tts.languages: it must have at least 1 item"]),
        ("PARLEY_LLM", "[1]", ["llm: it must hold settings by name"]),
        ("PARLEY_OMNI", "http://x", ["omni: it must hold settings by name"]),
        # Typos where pydantic does not look.
        (
            "PARLEY_LMM__BASE_URL",
            "http://x:1/v1",
            ["LMM__BASE_URL is not", "PARLEY_LLM__BASE_URL is"],
        ),
        ("PARLEY_LLM_BASE_URL", "http://x:1/v1", ["not a variable", "PARLEY_LLM__BASE_URL is"]),
        ("PARLEY_PROFIL", "gpu", ["PARLEY_PROFIL is not", "(PARLEY_PROFILE is)"]),
        ("PARLEY_CERTIFICAT", "made", ["(PARLEY_CERTIFICATE is)"]),
        ("PARLEY_PAGE__TITLE", "x", ["PARLEY_PAGE__TITLE is not a setting (there are language"]),
        # Words that a person can do something with.
        ("PARLEY_LLM__BASE_URL", "gpu:8000", ["llm.base_url = 'gpu:8000': URL scheme should be"]),
        (
            "PARLEY_MAX_ROOMS",
            "lots",
            ["max_rooms = 'lots': ", "1 to 1000), or input should be"],
        ),
        ("PARLEY_TTS__VOICE__XX", "a", ["tts.voice.xx: its name should be 'en'"]),
        ("PARLEY_HISTORY_STORE", "localhost", ["it must look like redis://HOST:PORT/DATABASE"]),
        (
            "PARLEY_PHONE__DESTINATIONS__SALES__ADDRESS",
            "x",
            ["sales.address = 'x': it must"],
        ),
        ("PARLEY_BRIDGE__STREAM_URL", "https://x", ["URL scheme should be 'ws' or 'wss'"]),
        ("PARLEY_PHONE__TOOLS", '["introduce_call"]', ["phone.tools.0", "'warm_transfer'"]),
        ("PARLEY_PHONE__COUNTRIES", '["UK"]', ["phone.countries.0", "as GB"]),
        ("PARLEY_PHONE__RANGES", '["dear"]', ["phone.ranges.0", "'premium_rate'"]),
        # Addresses, each as somebody has once written one.
        ("PARLEY_LLM__BASE_URL", "localhost:8000", ["write it like http://127.0.0.1:8000/v1"]),
        ("PARLEY_LLM__BASE_URL", "http://", ["empty host; write it like"]),
        ("PARLEY_LLM__BASE_URL", "http://a:99999/v1", ["invalid port number; write it like"]),
        ("PARLEY_STT__BASE_URL", "'http://a:1/v1'", ["without a base; write it like"]),
        ("PARLEY_TTS__BASE_URL", "http://[::1/v1", ["invalid IPv6 address; write it like"]),
        ("PARLEY_LLM__BASE_URL", "http://a:8000", ["so write http://a:8000/v1"]),
        ("PARLEY_LLM__BASE_URL", "http://a:8000/", ["so write http://a:8000/v1"]),
        ("PARLEY_LLM__BASE_URL", "http://a:1/v1/chat/completions", ["ends in /chat/completions"]),
        ("PARLEY_TTS__BASE_URL", "http://a:1/v1/audio/speech/", ["ends in /audio/speech"]),
        ("PARLEY_LLM__BASE_URL", "http://a:1/v1 # mine", ["it has a ? or a #"]),
        ("PARLEY_TTS__REPLICAS", '["http://b:1"]', ["tts.replicas", "http://b:1/v1"]),
        ("PARLEY_BRIDGE__STREAM_URL", "wss://", ["like wss://voice.example.com/media-streams"]),
        ("PARLEY_HISTORY_STORE", "redis://:s3cr3t@a:b/0", ["its port must be a number"]),
        ("PARLEY_PHONE__BUDGET_STORE", "redis://a:99999/0", ["its port must be a number"]),
        # Values of another kind than they look like.
        ("PARLEY_TURNS__MIN_DELAY", "0,5", ["it must be a number (allowed: 0.0 to 30.0)"]),
        ("PARLEY_MAX_ROOMS", "1.5", ["it must be a whole number (allowed: 1 to 1000)"]),
        ("PARLEY_TTS__VOICE", '{"en": 5}', ["tts.voice.en = 5: it must be a text"]),
        ("PARLEY_TTS__VOICE", "null", ["tts.voice = null: it must hold settings by name"]),
        ("PARLEY_TTS__VOICE", '{"en": "a", "en": "b"}', ["PARLEY_TTS__VOICE has en twice"]),
        ("PARLEY_LLM", '{"model": "a", "model": "b"}', ["PARLEY_LLM has model twice"]),
        ("PARLEY_LLM__EXTRA_BODY", '{"a": {"b": 1, "b": 2}}', ["has b twice in one object"]),
        ("PARLEY_LLM__EXTRA_BODY", '{"top_p": NaN}', ["is not JSON"]),
        ("PARLEY_LLM__EXTRA_BODY", "[" * 50_000, ["is not JSON"]),
        # What would keep nobody out.
        ("PARLEY_BRIDGE__STREAM_TOKEN", " ", ["bridge.stream_token: it is empty"]),
        ("PARLEY_BRIDGE", '{"api_key": ""}', ["bridge.api_key: it is empty"]),
        # A setting below one that is no section.
        ("PARLEY_LANGUAGE__EN", "x", ["PARLEY_LANGUAGE is one value, not a section"]),
        ("PARLEY_LLM__MODEL__NAME", "x", ["PARLEY_LLM__MODEL is one value"]),
        ("PARLEY_AGENT__NAME", "x", ["PARLEY_AGENT is one value"]),
        # Where it is: the variable, also of what is missing beside it.
        ("PARLEY_LLM__TEMPERATURE", "9", ["in the environment (PARLEY_LLM__TEMPERATURE): llm.t"]),
        ("PARLEY_TTS__VOICE", '{"en": 5}', ["in the environment (PARLEY_TTS__VOICE): tts.v"]),
        ("PARLEY_SIGN_IN__OIDC__CLIENT_ID", "x", ["(PARLEY_SIGN_IN__OIDC__CLIENT_ID): sign_in"]),
    ],
)
def test_a_wrong_value_is_one_sentence_that_names_it(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, parts: list[str]
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        settings.load("cpu")
    message = str(caught.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PARLEY_LLM__API_KEY", "s3cr3t\n"),
        ("PARLEY_LLM__API_KEY", "s3cr3t key"),
        ("PARLEY_LLM__API_KEY", "s3cr3tключ"),
        ("PARLEY_LLM__API_KEY__X", "s3cr3t"),
        ("PARLEY_BRIDGE__API_KEY__X", "s3cr3t"),
        ("PARLEY_LLM", '{"api_key": "s3cr3t"'),
        ("PARLEY_LLM", '["s3cr3t"]'),
        ("PARLEY_LLM", '"s3cr3t"'),
        ("PARLEY_MEMORY", "s3cr3t"),
        ("PARLEY_LLM__BASE_URL", "http://me:s3cr3t@host"),
        ("PARLEY_HISTORY_STORE", "redis://:s3cr3t@host:port/0"),
        ("PARLEY_LLM__BASE_URL", "http://host/v1?key=s3cr3t"),
        ("PARLEY_LLM__FALLBACK", '[{"api_key": "s3cr3t"}]'),
        ("PARLEY_LLM__BASE_URL", "http://me:s3cr3t@host:port/v1"),
        ("PARLEY_HISTORY_STORE", "http://:s3cr3t@host"),
        ("PARLEY_HISTORY_STORE", "http://:a/s3cr3t@host"),
        ("PARLEY_HISTORY_STORE", "http://:a@s3cr3t@host"),
        ("PARLEY_TTS__REPLICAS", "http://me:s3cr3t@host:1/v1"),
        ("PARLEY_POST_CALL__DATABASE", "postgresql://me:1234#s3cr3t@host/db"),
        ("PARLEY_HISTORY_STORE", "redis://:1234#s3cr3t@host/0"),
        ("PARLEY_PHONE__BUDGET_STORE", "redis://:12/s3cr3t@host/0"),
    ],
)
def test_a_secret_is_in_no_sentence(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as caught:
        settings.load("cpu")
    assert "s3cr3t" not in str(caught.value)
    assert variable.removeprefix("PARLEY_").split("__")[0] in str(caught.value).upper()


@pytest.mark.parametrize("section", ["llm", "stt", "tts", "bridge"])
def test_a_key_without_quotes_is_in_no_sentence(section: str, tmp_path: Path) -> None:
    profile = yaml.safe_load(Path("configs/cpu.yaml").read_text("utf-8"))
    profile.setdefault(section, {})["api_key"] = 1234567890123456789
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(profile), "utf-8")
    with pytest.raises(SettingsError, match=f"{section}.api_key") as caught:
        settings.load(str(tmp_path / "own.yaml"))
    assert "1234567890" not in str(caught.value)


@pytest.mark.parametrize(
    "where",
    [
        ("bridge", "stream_token"),
        ("bridge", "api_key"),
        ("llm", "api_key"),
        ("sign_in", "oidc", "client_secret"),
        ("post_call", "s3", "secret_access_key"),
        ("memory", "key"),
    ],
)
def test_an_empty_secret_is_refused(where: tuple[str, ...], tmp_path: Path) -> None:
    profile: dict[str, Any] = yaml.safe_load(Path("configs/cpu.yaml").read_text("utf-8"))
    section = profile
    for name in where[:-1]:
        section = section.setdefault(name, {})
    section[where[-1]] = ""
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(profile), "utf-8")
    with pytest.raises(SettingsError, match=rf"{'.'.join(where)}: it (is empty: |must have)"):
        settings.load(str(tmp_path / "own.yaml"))


def test_what_is_not_filled_in_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = settings.load("cpu")
    for line in Path("env.example").read_text("utf-8").splitlines():
        if named := re.match("PARLEY_[A-Z0-9_]+(?==)", line):
            monkeypatch.setenv(named[0], "")
    for variable in ("PARLEY_LLM", "PARLEY_TTS__VOICE", "PARLEY_POST_CALL__WEBHOOK__URL"):
        monkeypatch.setenv(variable, "")  # a section, JSON, and one of a section that there is not
    assert settings.load("cpu") == usual


def test_an_empty_name_of_a_profile_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_PROFILE", "")
    assert settings.load() == settings.load("cpu")


def test_what_others_call_their_variables_is_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Kubernetes sets them for services that are called parley and parley-llm.
    for name in ("PORT", "SERVICE_HOST", "PORT_8080_TCP_ADDR", "LLM_PORT", "LLM_SERVICE_PORT"):
        monkeypatch.setenv(f"PARLEY_{name}", "tcp://10.0.0.7:8080")
    monkeypatch.setenv("PARLEY_SOMETHING", "of ours")
    settings.load("cpu")


def test_a_profile_says_which_languages_its_voice_does_not_speak() -> None:
    assert settings.load("gpu").tts.limits() is None
    limits = settings.load("cpu").tts.limits()
    assert limits is not None
    assert "日本語, 한국어, Deutsch" in limits
    assert "中文" not in limits
    assert limits.endswith("answered in English.")
    voice = settings.load("cpu").tts.model_copy(update={"voice": {"en": "heart", "de": "none"}})
    assert [voice.spoken(each) for each in ("de", "zh", "en")] == ["en", "zh", "en"]
    assert voice.voice_of("de") == "heart"


def test_the_sound_of_a_turn_is_one_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load("gpu").llm.audio == "off"  # YAML's own word for false
    monkeypatch.setenv("PARLEY_LLM__AUDIO", "instead")
    assert settings.load("gpu").llm.audio == "instead"


def test_each_engine_may_have_a_second_choice(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    second = """
  fallback:
    base_url: http://10.0.0.9:{port}/v1
    model: small
"""
    profile.write_text(
        "".join(
            f"{name}:\n  base_url: http://127.0.0.1:{port}/v1\n{second.format(port=port).lstrip(chr(10))}"
            for name, port in (("llm", 8000), ("stt", 8002), ("tts", 8091))
        )
    )
    loaded = settings.load(str(profile))
    for section in (loaded.llm, loaded.stt, loaded.tts):
        assert section.fallback is not None
        assert section.fallback.url.startswith("http://10.0.0.9:")
        assert section.fallback.model == "small"


def test_a_second_choice_is_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings.load("gpu").tts.fallback is None
    monkeypatch.setenv("PARLEY_TTS__FALLBACK__BASE_URL", "http://127.0.0.1:8103/v1")
    monkeypatch.setenv("PARLEY_TTS__FALLBACK__VOICE", '{"zh": "zf_xiaoyi"}')
    second = settings.load("gpu").tts.fallback
    assert second is not None
    assert second.url == "http://127.0.0.1:8103/v1"
    assert (second.voice_of("zh"), second.voice_of("en")) == ("zf_xiaoyi", None)


def test_a_second_choice_has_none_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_LLM__FALLBACK__BASE_URL", "http://127.0.0.1:8101/v1")
    monkeypatch.setenv("PARLEY_LLM__FALLBACK__FALLBACK__BASE_URL", "http://127.0.0.1:8102/v1")
    with pytest.raises(SettingsError, match="fallback"):
        settings.load("gpu")


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    profile = tmp_path / "half.yaml"
    profile.write_text("llm:\n  base_url: http://127.0.0.1:1/v1\n")
    with pytest.raises(SettingsError, match="stt is missing .* PARLEY_STT"):
        settings.load(str(profile))


def test_a_wrong_key_in_a_profile_is_named(tmp_path: Path) -> None:
    profile = tmp_path / "typo.yaml"
    profile.write_text((settings.CONFIGS / "cpu.yaml").read_text() + "\nlanguages: en\n")
    with pytest.raises(SettingsError, match="languages is not a setting"):
        settings.load(str(profile))


@pytest.mark.parametrize("name", ["instructions", "greeting", "recite", "never_say"])
def test_what_has_moved_to_the_agent_is_not_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((settings.CONFIGS / "cpu.yaml").read_text("utf-8") + f"\n{name}: true\n")
    with pytest.raises(SettingsError) as raised:
        settings.load(str(path))
    said = str(raised.value)
    assert f"{name} in {path} has moved to the agent's own folder: write {name}: " in said
    assert "docs/your-agent.md" in said
    assert "\n" not in said
    monkeypatch.setenv(f"PARLEY_{name.upper()}", "")
    settings.load("cpu")
    monkeypatch.setenv(f"PARLEY_{name.upper()}__EN", "Hello.")
    with pytest.raises(SettingsError, match=f"^PARLEY_{name.upper()}__EN has moved"):
        settings.load("cpu")


def test_both_places_of_what_is_wrong_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    lines = (settings.CONFIGS / "cpu.yaml").read_text("utf-8").splitlines()
    path.write_text("\n".join([*lines, "max_minutes: 0", "turns:", "  min_delay: 99"]), "utf-8")
    monkeypatch.setenv("PARLEY_STT__REALTIME", "perhaps")
    with pytest.raises(SettingsError) as raised:
        settings.load(str(path))
    assert str(raised.value).startswith(
        f"Wrong setting in {path}, lines {len(lines) + 1} and {len(lines) + 3} and the environment "
        "(PARLEY_STT__REALTIME): "
    )


@pytest.mark.parametrize("name", ["folder.yaml", "pipe.yaml"])
def test_a_profile_that_is_no_file_is_not_read(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")  # to read it would take for ever
    with pytest.raises(SettingsError, match=rf"{name} is not a file: name a YAML file\."):
        settings.load(str(tmp_path / name))


@pytest.mark.parametrize("name", ["a" * 5000, "a\0b", "cpu.yaml", "CPU", "../cpu.yml"])
def test_a_name_that_is_none_of_a_profile_is_told_those_there_are(name: str) -> None:
    with pytest.raises(SettingsError, match="There is no profile .* one of cpu, ") as raised:
        settings.load(name)
    assert len(str(raised.value)) < 300


def test_broken_yaml_names_the_file(tmp_path: Path) -> None:
    profile = tmp_path / "broken.yaml"
    profile.write_text("llm: [")
    with pytest.raises(SettingsError, match=r"broken\.yaml is not valid YAML"):
        settings.load(str(profile))


def test_an_unknown_profile_lists_those_there_are() -> None:
    with pytest.raises(SettingsError, match="one of cpu, experimental-omni, gpu"):
        settings.load("nosuch")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        (b"\x80", "cannot be read"),
        (b"a", "must hold settings by name"),
        (b"- a", "must hold settings by name"),
        (b"? []\n: a", "line 1: a name has to be a text"),
        (b"1: a", "line 1: a name has to be a text: put a number"),
        (b"# nothing", "is empty: a profile holds settings by name"),
        (b"on: 2026-13-45", "line 1: a name has to be a text"),
        (b"a: [", "not valid YAML: line 1, column 5: a bracket is not closed"),
        (b"agent: a\nllm: {}", r"line 2: llm\.base_url is missing"),
        (b"agent: a\n\nLlm: {}", r"line 3: Llm is not a setting \(llm is\)"),
        (b"agent: a\nagent: b", "line 2: agent is given a second time"),
        (b"llm: {base_url: 'http://a:1/v1', base_url: 'http://b:1/v1'}", "base_url is given a sec"),
        (b"omni: {bas_url: x}", r"omni\.bas_url is not a setting \(there are base_url"),
        (
            b"phone: {destinations: {sales: {address: '100', abuot: x}}}",
            r"sales\.abuot is not a setting \(there are address, about",
        ),
    ],
)
def test_a_file_that_is_no_profile_is_refused_in_a_sentence(
    tmp_path: Path, text: bytes, part: str
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(text)
    with pytest.raises(SettingsError, match=part) as refused:
        settings.load(str(path))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("profile", "cores", "rooms"), [("cpu", 8.0, 8), ("cpu", 0.5, 2), ("gpu", 8.0, 20)]
)
def test_rooms_are_as_many_as_the_machine_carries(
    monkeypatch: pytest.MonkeyPatch, profile: str, cores: float, rooms: int
) -> None:
    class Cores:
        def cpu_count(self) -> float:
            return cores

    monkeypatch.setattr("agent.settings.get_cpu_monitor", Cores)
    monkeypatch.setenv("PARLEY_MAX_ROOMS", "auto")
    assert settings.load(profile).rooms == rooms
    monkeypatch.setenv("PARLEY_MAX_ROOMS", "3")
    assert settings.load(profile).rooms == 3


def test_engines_elsewhere_leave_the_processor_to_the_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two = settings.load("cpu").rooms
    for engine in ("LLM", "STT", "TTS"):
        monkeypatch.setenv(f"PARLEY_{engine}__BASE_URL", "http://gpu.example:8000/v1")
    assert settings.load("cpu").rooms > two
