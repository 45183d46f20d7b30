#!/usr/bin/env bash
# Starts livekit-server: the one on PATH, else the one that `make setup` built.
#   PARLEY_ADDRESS            127.0.0.1; an address of this machine opens the server to its network
#   PARLEY_MEDIA_ADDRESS      where media are sent; empty: PARLEY_ADDRESS
#   PARLEY_PORT_LIVEKIT       7880, signalling (TCP)
#   PARLEY_PORT_LIVEKIT_UDP   7882, media
#   PARLEY_PORT_LIVEKIT_TCP   7881, media where UDP is blocked; with media on 127.0.0.1: none
#   PARLEY_PORT_LIVEKIT_METRICS  figures for Prometheus; empty: none
#   REDIS_HOST                HOST:PORT of a Redis, for calls by phone; none is needed without them
#   REDIS_PASSWORD            its password, if it has one
#   LIVEKIT_KEYS              "KEY: SECRET", or LIVEKIT_API_KEY and LIVEKIT_API_SECRET
set -euo pipefail
cd "$(dirname "$0")/.."

address=${PARLEY_ADDRESS:-127.0.0.1}
media=${PARLEY_MEDIA_ADDRESS:-$address}
if [[ -z ${LIVEKIT_KEYS:-} ]]; then
  : "${LIVEKIT_API_KEY:?set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, as your agent has them}"
  : "${LIVEKIT_API_SECRET:?set LIVEKIT_API_SECRET, of at least 32 characters, as your agent has it}"
  # In YAML a quote within quotes is written twice.
  quote=\'
  key=\'${LIVEKIT_API_KEY//$quote/$quote$quote}\' secret=\'${LIVEKIT_API_SECRET//$quote/$quote$quote}\'
  export LIVEKIT_KEYS="$key: $secret"
fi
secret=${LIVEKIT_KEYS#*: }
secret=${secret#[\"\']} secret=${secret%[\"\']}
if [[ $address != 127.* && ${#secret} -lt 32 ]]; then
  echo "The secret has ${#secret} characters: beyond this machine make one of 32 or more," \
    "as by \`openssl rand -hex 32\`." >&2
  exit 1
fi
PATH="$PATH:${PARLEY_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/parley}/bin"
if ! command -v livekit-server >/dev/null; then
  echo "livekit-server is neither on PATH nor in the cache: run \`make setup\`." >&2
  exit 127
fi
# LiveKit takes media over TCP on every address, whatever it is bound to: on one machine it is to do
# so only when asked, as for a tunnel.
if [[ $media == 127.* ]]; then tcp=0; else tcp=7881; fi
at="/^bind/s/127\.0\.0\.1/$address/; /^bind/!s/127\.0\.0\.1/$media/g"
exec livekit-server \
  --config-body "$(sed "/^ *#/d; $at" configs/livekit.yaml)" \
  --port "${PARLEY_PORT_LIVEKIT:-7880}" \
  --udp-port "${PARLEY_PORT_LIVEKIT_UDP:-7882}" \
  --rtc.tcp_port "${PARLEY_PORT_LIVEKIT_TCP:-$tcp}" \
  --prometheus.port "${PARLEY_PORT_LIVEKIT_METRICS:-0}"
