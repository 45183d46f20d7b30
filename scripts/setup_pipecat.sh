#!/usr/bin/env bash
# Pipecat as it comes from PyPI, for bench/duplex, in an environment of its own (0.5 GB). Run
# again, it does only what is left to do.
#   PARLEY_CACHE   it is kept in pipecat/ of it, by default ~/.cache/parley
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=bench/duplex/pipecat.txt
pipecat=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}/pipecat
if cmp --silent "$wanted" "$pipecat/installed"; then
  exit 0
fi

UV=${UV:-$(command -v uv || echo .uv/bin/uv)}
if ! "$UV" --version >/dev/null 2>&1 || [[ ! -x .venv/bin/python ]]; then
  echo "uv or .venv is missing: run \`make setup\` first." >&2
  exit 1
fi
"$UV" venv --quiet --clear --python .venv/bin/python "$pipecat"
"$UV" pip sync --quiet --python "$pipecat/bin/python" "$wanted"
cp "$wanted" "$pipecat/installed"
