#!/usr/bin/env bash
# The TTS: Qwen3-TTS on vllm-omni, warmed up before it says that it is ready.
#   TTS_ENGINE    vllm-omni; or nari, for an H100 (`make setup-nari` installs it)
#   TTS_CONFIG    low_latency, concurrent, l40s, 0.24, or a YAML file; of nari ttfa or balanced
#                 (docs/tuning.md)
#   TTS_MODEL     Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice
#   TTS_PORT      8091
#   TTS_EXTRA_ARGS  more of the engine's own, which win
# SoX is not needed: vllm-omni warns that it is missing, and only resampling by its Python package
# would use it.
#   PARLEY_ADDRESS  127.0.0.1; an address of this machine opens the server to its network
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -x .venv/bin/python ]]; then
  echo ".venv is missing: run \`make setup\` first." >&2
  exit 1
fi
exec .venv/bin/python -m agent.gpu tts "$@"
