"""The command line of each service, from its environment variables."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from .machine import (
    Gpu,
    Refusal,
    check_memory,
    check_quantization,
    check_weights,
    checkpoint_config,
)

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"

# MiB on an H100: docs/tuning.md. The figure of 0.24 is the sum of its own limits.
_TTS_MEMORY = {"low_latency": 11_200, "concurrent": 12_800, "l40s": 7_700, "0.24": 10_600}


_TTS_MODEL = "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"

# nari-qwen3-tts by its profile: MiB on an H200 (docs/tuning.md), and how many requests it takes at
# once. `ttfa` has 32 rows in each of its two stages, which 64 requests can use up to the last: it
# raises then, and its engine is dead. `balanced` has 64 and 64. Its cache of 192 pages is more than
# enough for as many units of an ordinary length, and one unit cannot fill it: the plugin asks for
# 600 frames at most.
_NARI = {"ttfa": (24_500, 32), "balanced": (50_700, 64)}


@dataclass(frozen=True)
class Program:
    """A server's command, and where it is had.

    Args:
        command: Its name and first arguments.
        folder: Where its setup puts it, below the repository.
        setup: How to get it, as the end of a sentence.
    """

    command: tuple[str, ...]
    folder: str
    setup: str

    def find(self) -> str:
        """Its path.

        Raises:
            Refusal: It is not on this machine.
        """
        name = self.command[0]
        path = shutil.which(name, path=f"{ROOT / self.folder}/bin{os.pathsep}{os.environ['PATH']}")
        if path is None:
            raise Refusal(f"{name} is neither in {self.folder} nor on PATH: {self.setup}.")
        return path


VLLM = Program(("vllm", "serve"), ".venv-gpu", "run `make setup-gpu`")
NARI = Program(
    ("nari-qwen3-tts-server",),
    ".nari/.venv",
    "run `make setup-nari`, or start its container (docs/tuning.md)",
)


@dataclass(frozen=True)
class Service:
    """A server to start.

    Args:
        name: "llm", "tts" or "stt".
        what: What messages call it, as in "the voice is ready".
        port: The port that it listens on.
        arguments: Arguments after the program's own.
        environment: Environment variables to set.
        program: What serves it.
        streamed: Fields of a request for which it streams raw PCM, if it is a voice.
    """

    name: str
    what: str
    port: int
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    program: Program = VLLM
    streamed: Mapping[str, object] = field(default_factory=dict)


def llm(env: Mapping[str, str], gpu: Gpu) -> Service:
    """The language model: upstream vLLM, text only.

    Raises:
        Refusal: It does not fit this machine.
    """
    model = env.get("LLM_MODEL", "cpatonn/Qwen3-Omni-30B-A3B-Instruct-AWQ-4bit")
    quantization = env.get("LLM_QUANTIZATION", "compressed-tensors")
    share = _share(env, "LLM_GPU_MEMORY_UTILIZATION", "0.6")
    check_quantization(model, quantization, "LLM_QUANTIZATION")
    check_weights(model, gpu, share, "LLM_GPU_MEMORY_UTILIZATION")
    check_memory(
        gpu,
        round(share * gpu.total),
        f"The language model at {share:g}",
        "start it before the other services, or lower LLM_GPU_MEMORY_UTILIZATION",
    )
    arguments = [
        *(model, "--max-model-len", env.get("LLM_MAX_MODEL_LEN", "2048")),
        *("--gpu-memory-utilization", f"{share:g}"),
        *(["--quantization", quantization] if quantization else []),
        *("--kv-cache-dtype", env.get("LLM_KV_CACHE_DTYPE", "fp8")),
        # Replies come before background work; the plugin gives each its priority.
        *("--scheduling-policy", "priority"),
        *("--enable-prefix-caching", "--enable-prompt-tokens-details"),
        *("--enable-request-id-headers", "--enable-server-load-tracking"),
        # A model that also hears and sees is loaded without its towers.
        "--language-model-only",
        *("--enable-auto-tool-choice", "--tool-call-parser", env.get("LLM_TOOL_PARSER", "hermes")),
    ]
    return Service("llm", "the language model", _port(env, "LLM_PORT", 8000), arguments)


def tts(env: Mapping[str, str], gpu: Gpu) -> Service:
    """The speech synthesiser: vllm-omni with one of our deploy files, or nari-qwen3-tts.

    Raises:
        Refusal: It does not fit this machine.
    """
    engines = {"vllm-omni": _vllm_omni, "nari": _nari}
    name = env.get("TTS_ENGINE", "vllm-omni")
    if name not in engines:
        raise Refusal(f"TTS_ENGINE={name!r} is not an engine: set it to {' or '.join(engines)}.")
    return engines[name](env, gpu)


def _vllm_omni(env: Mapping[str, str], gpu: Gpu) -> Service:
    name = env.get("TTS_CONFIG", "low_latency" if gpu.total > 50_000 else "l40s")
    config = Path(name) if name.endswith(".yaml") else CONFIGS / f"qwen3_tts_{name}.yaml"
    if not config.is_file():
        known = ", ".join(sorted(_TTS_MEMORY))
        raise Refusal(
            f"TTS_CONFIG={name!r} is not a deploy file: set it to {known} or to a YAML file."
        )
    needed = _TTS_MEMORY.get(name) or round(_shares(config) * gpu.total)
    check_memory(gpu, needed, f"The voice as {name}", "stop something, or set TTS_CONFIG=l40s")
    arguments = [
        env.get("TTS_MODEL", _TTS_MODEL),
        *("--omni", "--deploy-config", str(config), "--trust-remote-code"),
    ]
    # Otherwise a unit whose talker has died is waited for for 600 s.
    wait = {"VLLM_OMNI_INPUT_WAIT_TIMEOUT_S": env.get("VLLM_OMNI_INPUT_WAIT_TIMEOUT_S", "15")}
    port = _port(env, "TTS_PORT", 8091)
    streamed = {"stream_format": "audio"}
    return Service("tts", "the voice", port, arguments, wait, streamed=streamed)


def _shares(deploy: Path) -> float:
    """The share of the GPU's memory that the stages of a deploy file name together."""
    try:
        stages = yaml.safe_load(deploy.read_text(encoding="utf-8"))["stages"]
        return sum(float(stage.get("gpu_memory_utilization", 0.0)) for stage in stages)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, yaml.YAMLError) as e:
        raise Refusal(
            f"{deploy} is not a deploy file of vllm-omni ({type(e).__name__}): give one with "
            "`stages`."
        ) from e


def _nari(env: Mapping[str, str], gpu: Gpu) -> Service:
    profile = env.get("TTS_CONFIG", "ttfa")
    if profile not in _NARI:
        raise Refusal(
            f"TTS_CONFIG={profile!r} is not a profile of nari-qwen3-tts: set it to "
            f"{' or '.join(_NARI)}."
        )
    model = env.get("TTS_MODEL", _TTS_MODEL)
    if model != _TTS_MODEL and not _is_custom_voice(model):
        raise Refusal(
            f"nari-qwen3-tts knows no TTS_MODEL={model!r}: set it to {_TTS_MODEL}, or to a folder "
            "that has this model."
        )
    if "H100" not in gpu.name:
        raise Refusal(
            f"nari-qwen3-tts starts on an H100 only, by the card's name, and this is a {gpu.name}: "
            "set TTS_ENGINE=vllm-omni."
        )
    needed, most = _NARI[profile]
    check_memory(
        gpu, needed, f"The voice as {profile}", "stop something, or set TTS_ENGINE=vllm-omni"
    )
    arguments = ["--model", model, "--profile", profile, "--max-active-requests", str(most)]
    port = _port(env, "TTS_PORT", 8091)
    return Service("tts", "the voice", port, arguments, program=NARI, streamed={"stream": True})


def _is_custom_voice(folder: str) -> bool:
    config = (checkpoint_config(folder) if Path(folder).is_dir() else None) or {}
    kind = config.get("tts_model_size"), config.get("tts_model_type")
    return kind == ("1b7", "custom_voice")


def stt(env: Mapping[str, str], gpu: Gpu) -> Service:
    """The speech recogniser: Whisper or Qwen3-ASR on upstream vLLM.

    Raises:
        Refusal: It does not fit this machine.
    """
    model = env.get("STT_MODEL", "openai/whisper-large-v3-turbo")
    share = _share(env, "STT_GPU_MEMORY_UTILIZATION", "0.12")
    check_weights(model, gpu, share, "STT_GPU_MEMORY_UTILIZATION")
    check_memory(
        gpu,
        round(share * gpu.total),
        f"The speech recogniser at {share:g}",
        "lower STT_GPU_MEMORY_UTILIZATION, or stop something",
    )
    arguments = [
        model,
        *("--gpu-memory-utilization", f"{share:g}"),
    ]
    return Service("stt", "the speech recogniser", _port(env, "STT_PORT", 8002), arguments)


SERVICES = {"llm": llm, "tts": tts, "stt": stt}


def command(service: Service, path: str, host: str, extra: str) -> list[str]:
    """The whole command line.

    Args:
        service: The service to start.
        path: Path of its program.
        host: Address to listen on.
        extra: More arguments, as a shell writes them; they win.
    """
    where = ["--host", host, "--port", str(service.port)]
    own = service.program.command[1:]
    return [path, *own, *service.arguments, *where, *shlex.split(extra)]


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise Refusal(f"{name}={text!r} is not a port number (1 to 65535).")
    return int(text)


def _share(env: Mapping[str, str], name: str, default: str) -> float:
    text = env.get(name, default)
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share < 1:
        raise Refusal(f"{name}={text!r} is not a share of the GPU's memory (0.05 to 0.95).")
    return share
