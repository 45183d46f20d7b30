#!/usr/bin/env bash
# Starts LiveKit's SIP service: the `livekit-sip` on PATH, else its container image.
#   PARLEY_SIP_ADDRESS          127.0.0.1; an address of this machine lets others call
#   PARLEY_SIP_PUBLIC_ADDRESS   the same; the router's address on the internet if there is one
#   PARLEY_PORT_SIP             5060, signalling (UDP and TCP)
#   PARLEY_SIP_MEDIA_PORTS      10000-10199, media (UDP)
#   PARLEY_SIP_IMAGE            livekit/sip:latest
#   REDIS_HOST                  127.0.0.1:6379, the Redis that LiveKit uses
#   LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET
# `scripts/run_sip.sh check` only says whether there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

if command -v livekit-sip >/dev/null; then
  service=(livekit-sip)
elif docker info >/dev/null 2>&1; then
  service=(docker run --rm --network host -e SIP_CONFIG_BODY
    -e LIVEKIT_API_KEY -e LIVEKIT_API_SECRET -e LIVEKIT_WS_URL
    "${PARLEY_SIP_IMAGE:-livekit/sip:latest}")
else
  echo "LiveKit's SIP service is not installed: put a livekit-sip on PATH, or start docker so that its" \
    "container image can be used." >&2
  exit 127
fi
[[ ${1:-} != check ]] || exit 0

: "${LIVEKIT_API_KEY:?set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, as your LiveKit server has them}"
: "${LIVEKIT_API_SECRET:?set LIVEKIT_API_SECRET, as your LiveKit server has it}"
export LIVEKIT_WS_URL=${LIVEKIT_URL:-ws://127.0.0.1:7880}
address=${PARLEY_SIP_ADDRESS:-127.0.0.1}
SIP_CONFIG_BODY=$(sed "/^ *#/d
  s/REDIS/${REDIS_HOST:-127.0.0.1:6379}/
  s/MEDIA_PORTS/${PARLEY_SIP_MEDIA_PORTS:-10000-10199}/
  s/PORT/${PARLEY_PORT_SIP:-5060}/
  s/ADDRESS/$address/
  s/PUBLIC/${PARLEY_SIP_PUBLIC_ADDRESS:-$address}/" configs/sip.yaml)
export SIP_CONFIG_BODY

"${service[@]}" &
# Asked to stop, it would wait for the end of every call; interrupted, it hangs up.
trap 'kill -INT $!' TERM INT HUP
wait $! || wait $!
