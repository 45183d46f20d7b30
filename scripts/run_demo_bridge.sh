#!/usr/bin/env bash
# The pipeline over HTTP, without a room: text or a recording in, speech out. Needs the engines of
# the profile to be running (`make demo`, or scripts/run_{llm,tts,stt}_server.sh); describes itself
# at its own address, and scripts/bridge_client.py speaks with it.
#   PARLEY_PROFILE           gpu; or cpu, or a YAML file
#   PARLEY_ADDRESS           127.0.0.1; for others, set PARLEY_BRIDGE__API_KEY too
#   PARLEY_PORT_BRIDGE       8090
#   PARLEY_PORT_METRICS      its Prometheus metrics; none if it is not set
#   VLLM_API_KEY             key of the engines; export one before `make demo`, whose own is random
set -euo pipefail
cd "$(dirname "$0")/.."

if [[ ! -x .venv/bin/python ]]; then
  echo ".venv is missing: run \`make setup\` first." >&2
  exit 1
fi
export PARLEY_PROFILE=${PARLEY_PROFILE:-gpu}
# Engines that ask for a key: the one that was exported to `make demo`, too.
export QWEN3_TTS_API_KEY=${QWEN3_TTS_API_KEY:-${VLLM_API_KEY:-}}
exec .venv/bin/python -m agent.bridge \
  --host "${PARLEY_ADDRESS:-127.0.0.1}" --port "${PARLEY_PORT_BRIDGE:-8090}"
