"""The command line of each service, from its environment variables."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .machine import Gpu, Refusal, check_memory, check_quantization

CONFIGS = Path(__file__).resolve().parents[2] / "configs"

# MiB on an H100: docs/tuning.md. The figure of 0.24 is the sum of its own limits.
_TTS_MEMORY = {"low_latency": 11_200, "concurrent": 12_800, "l40s": 7_700, "0.24": 10_600}


@dataclass(frozen=True)
class Service:
    """A server to start.

    Args:
        name: "llm", "tts" or "stt".
        what: What messages call it, as in "the voice is ready".
        port: The port that it listens on.
        arguments: Arguments after ``vllm serve``.
        environment: Environment variables to set.
    """

    name: str
    what: str
    port: int
    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)


def llm(env: Mapping[str, str], gpu: Gpu) -> Service:
    """The language model: upstream vLLM, text only.

    Raises:
        Refusal: It does not fit this machine.
    """
    model = env.get("LLM_MODEL", "cpatonn/Qwen3-Omni-30B-A3B-Instruct-AWQ-4bit")
    quantization = env.get("LLM_QUANTIZATION", "compressed-tensors")
    share = _share(env, "LLM_GPU_MEMORY_UTILIZATION", "0.6")
    check_quantization(model, quantization, "LLM_QUANTIZATION")
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
    """The speech synthesiser: vllm-omni with one of our deploy files.

    Raises:
        Refusal: It does not fit this machine.
    """
    name = env.get("TTS_CONFIG", "low_latency" if gpu.total > 50_000 else "l40s")
    config = Path(name) if name.endswith(".yaml") else CONFIGS / f"qwen3_tts_{name}.yaml"
    if not config.is_file():
        known = ", ".join(sorted(_TTS_MEMORY))
        raise Refusal(
            f"TTS_CONFIG={name!r} is not a deploy file: set it to {known} or to a YAML file."
        )
    if needed := _TTS_MEMORY.get(name):
        check_memory(gpu, needed, f"The voice as {name}", "stop something, or set TTS_CONFIG=l40s")
    arguments = [
        env.get("TTS_MODEL", "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice"),
        *("--omni", "--deploy-config", str(config), "--trust-remote-code"),
    ]
    # Otherwise a unit whose talker has died is waited for for 600 s.
    wait = {"VLLM_OMNI_INPUT_WAIT_TIMEOUT_S": env.get("VLLM_OMNI_INPUT_WAIT_TIMEOUT_S", "15")}
    return Service("tts", "the voice", _port(env, "TTS_PORT", 8091), arguments, wait)


def stt(env: Mapping[str, str], gpu: Gpu) -> Service:
    """The speech recogniser: Whisper or Qwen3-ASR on upstream vLLM.

    Raises:
        Refusal: It does not fit this machine.
    """
    share = _share(env, "STT_GPU_MEMORY_UTILIZATION", "0.12")
    check_memory(
        gpu,
        round(share * gpu.total),
        f"The speech recogniser at {share:g}",
        "lower STT_GPU_MEMORY_UTILIZATION, or stop something",
    )
    arguments = [
        env.get("STT_MODEL", "openai/whisper-large-v3-turbo"),
        *("--gpu-memory-utilization", f"{share:g}"),
    ]
    return Service("stt", "the speech recogniser", _port(env, "STT_PORT", 8002), arguments)


SERVICES = {"llm": llm, "tts": tts, "stt": stt}


def command(service: Service, vllm: str, host: str, extra: str) -> list[str]:
    """The whole command line.

    Args:
        service: The service to start.
        vllm: Path of the program.
        host: Address to listen on.
        extra: More arguments, as a shell writes them; they win.
    """
    where = ["--host", host, "--port", str(service.port)]
    return [vllm, "serve", *service.arguments, *where, *shlex.split(extra)]


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
