#!/usr/bin/env bash
# The STT: Whisper or Qwen3-ASR on upstream vLLM.
#   STT_MODEL                       openai/whisper-large-v3-turbo, or Qwen/Qwen3-ASR-1.7B
#   STT_GPU_MEMORY_UTILIZATION      0.12
#   STT_PORT                        8002
#   STT_EXTRA_ARGS                  more of vLLM's own, which win
#   PARLEY_ADDRESS  127.0.0.1; an address of this machine opens the server to its network
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -x .venv/bin/python ]]; then
  echo ".venv is missing: run \`make setup\` first." >&2
  exit 1
fi
exec .venv/bin/python -m agent.gpu stt "$@"
