#!/usr/bin/env bash
# vLLM and vllm-omni, as gpu/requirements.txt has locked them, in .venv-gpu: 12 GB, for Python 3.12
# and an NVIDIA driver of CUDA 13. The agent's own environment stays as it is.
set -euo pipefail
cd "$(dirname "$0")/.."

UV=${UV:-$(command -v uv || echo .uv/bin/uv)}
if ! "$UV" --version >/dev/null 2>&1; then
  echo "uv is missing: run \`make setup\` first." >&2
  exit 1
fi
if [[ ! -x .venv-gpu/bin/python ]]; then
  "$UV" venv --quiet --python 3.12 .venv-gpu
fi
"$UV" pip sync --quiet --python .venv-gpu/bin/python gpu/requirements.txt
# Ours for vllm-omni: first audio sooner under load.
"$UV" pip install --quiet --no-deps --python .venv-gpu/bin/python gpu/plugin
