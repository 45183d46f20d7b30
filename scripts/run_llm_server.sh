#!/usr/bin/env bash
# The language model: upstream vLLM, text only. Start it before the other services on its GPU.
#   LLM_MODEL                       cpatonn/Qwen3-Omni-30B-A3B-Instruct-AWQ-4bit
#   LLM_QUANTIZATION                compressed-tensors; empty for a checkpoint that has none
#   LLM_MAX_MODEL_LEN               2048
#   LLM_GPU_MEMORY_UTILIZATION      0.6
#   LLM_KV_CACHE_DTYPE              fp8
#   LLM_TOOL_PARSER                 hermes
#   LLM_PORT                        8000
#   LLM_EXTRA_ARGS                  more of vLLM's own, which win
#   PARLEY_ADDRESS  127.0.0.1; an address of this machine opens the server to its network
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -x .venv/bin/python ]]; then
  echo ".venv is missing: run \`make setup\` first." >&2
  exit 1
fi
exec .venv/bin/python -m agent.gpu llm "$@"
