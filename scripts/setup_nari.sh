#!/usr/bin/env bash
# nari-qwen3-tts, an engine of the voice for an NVIDIA H100 (docs/tuning.md), in .nari: its repository
# at the commit that was measured, with the packages of its own lock, for an NVIDIA driver of CUDA 13.
# Its kernels are compiled when it is first started, which needs CUDA 13's nvcc and takes 7 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

commit=e8c5b2bf6d65a965037f161d713bfa3e8856feb3
# Its lock is refused by any other uv.
uv_of_its_lock=0.12.2

UV=${UV:-$(command -v uv || echo .uv/bin/uv)}
if ! "$UV" --version >/dev/null 2>&1; then
  echo "uv is missing: run \`make setup\` first." >&2
  exit 1
fi
if [[ ! -d .nari ]]; then
  git init --quiet .nari
fi
if [[ $(git -C .nari rev-parse --quiet --verify HEAD) != "$commit" ]]; then
  git -C .nari fetch --quiet --depth 1 https://github.com/nari-labs/nari-qwen3-tts "$commit"
  git -C .nari checkout --quiet "$commit"
fi
"$UV" tool run --quiet "uv@$uv_of_its_lock" sync --quiet --frozen --no-dev --project .nari \
  --extra codec --extra cuda --extra serving
