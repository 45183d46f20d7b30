#!/usr/bin/env bash
# Tests a package as its users get it: the wheel in an environment of its own, with the tests that
# its source distribution ships.
#   scripts/test_distribution.sh DIST [PYTEST ARGUMENT…]
# DIST holds one wheel and the source distribution that it was built from.
set -euo pipefail
dist=$(cd "${1:?the folder of the distributions}" && pwd)
shift
wheels=("$dist"/*.whl) sources=("$dist"/*.tar.gz)
if [[ ! -f ${wheels[0]} || ! -f ${sources[0]} || ${#wheels[@]} != 1 || ${#sources[@]} != 1 ]]; then
  echo "$dist must hold one wheel and one source distribution." >&2
  exit 1
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -xzf "${sources[0]}" -C "$work" --strip-components 1
# The sources are not to be found: what is tested is the wheel.
rm -r "$work/livekit"

"${PYTHON:-python3}" -m venv "$work/venv"
python=$work/venv/bin/python
"$python" -m pip install --quiet "pip>=25.1" # which knows dependency groups
cd "$work"
"$python" -m pip install --quiet "${wheels[0]}" --group test
"$python" -m pip check
"$python" -m livekit.agents download-files
"$python" -m pytest -q "$@"
