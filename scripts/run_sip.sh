#!/usr/bin/env bash
# Starts LiveKit's SIP service: the `livekit-sip` on PATH, else its container image.
#   PARLEY_SIP_ADDRESS          127.0.0.1; an address of this machine lets others call
#   PARLEY_SIP_PUBLIC_ADDRESS   the same; the router's address on the internet if there is one
#   PARLEY_PORT_SIP             5060, signalling (UDP and TCP)
#   PARLEY_SIP_MEDIA_PORTS      10000-10199, media (UDP)
#   PARLEY_SIP_CERTIFICATE      a file in PEM: then signalling is taken over TLS as well
#   PARLEY_SIP_CERTIFICATE_KEY  the file of its key
#   PARLEY_PORT_SIP_TLS         5061, signalling over TLS
#   PARLEY_SIP_IMAGE            livekit/sip:v1.11.0
#   REDIS_HOST                  127.0.0.1:6379, the Redis that LiveKit uses
#   REDIS_PASSWORD              its password, if it has one
#   LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET
# `scripts/run_sip.sh check` only says whether there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

# The first that knows every setting of configs/sip.yaml; an older one passes over what it does not
# know without a word, and phones behind a router then hear nothing (ignore_local_addr_in_sdp).
oldest=1.4.0
tried=1.11.0

if command -v livekit-sip >/dev/null; then
  service=(livekit-sip)
  version=$(livekit-sip --version 2>/dev/null </dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1) || version=
  # Built by hand it says 0.0.0 or nothing: that is no old one.
  if [[ -z $version || $version == 0.0.0 ]]; then
    echo "livekit-sip does not tell its version: $oldest or newer is needed, and $tried was tried." >&2
  elif [[ $(printf '%s\n' "$oldest" "$version" | sort -V | head -1) != "$oldest" ]]; then
    echo "livekit-sip is version $version, and $oldest or newer is needed: put a newer one on PATH" \
      "($tried was tried), or take it off PATH and start docker." >&2
    exit 1
  fi
elif docker info >/dev/null 2>&1; then
  service=(docker)
else
  echo "LiveKit's SIP service is not installed: start docker, so that its image livekit/sip:v$tried can be" \
    "used, or put the program livekit-sip on PATH ($oldest or newer, from https://github.com/livekit/sip)." >&2
  exit 127
fi
certificate=${PARLEY_SIP_CERTIFICATE:-} key=${PARLEY_SIP_CERTIFICATE_KEY:-}
if [[ -n $certificate$key ]]; then
  if [[ -z $certificate || -z $key ]]; then
    echo "PARLEY_SIP_CERTIFICATE and PARLEY_SIP_CERTIFICATE_KEY belong together: set both or neither." >&2
    exit 1
  fi
  for file in "$certificate" "$key"; do
    if [[ $file == *\'* || ! -f $file || ! -r $file ]]; then
      echo "The certificate of calls over TLS cannot be read: there is no file $file that this user may read." >&2
      exit 1
    fi
  done
  certificate=$(realpath "$certificate") key=$(realpath "$key")
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
# In YAML a quote within quotes is written twice.
password=${REDIS_PASSWORD:-} quote=\'
password=\'${password//$quote/$quote$quote}\'
SIP_CONFIG_BODY=${SIP_CONFIG_BODY/PASSWORD/"$password"}
if [[ -n $certificate ]]; then
  SIP_CONFIG_BODY+="
tls:
  port: ${PARLEY_PORT_SIP_TLS:-5061}
  certs: [{cert_file: '$certificate', key_file: '$key'}]"
fi
export SIP_CONFIG_BODY

if [[ ${service[0]} == docker ]]; then
  service+=(run --rm --network host -e SIP_CONFIG_BODY
    -e LIVEKIT_API_KEY -e LIVEKIT_API_SECRET -e LIVEKIT_WS_URL)
  for file in ${certificate:+"$certificate" "$key"}; do service+=(-v "$file:$file:ro"); done
  service+=("${PARLEY_SIP_IMAGE:-livekit/sip:v$tried}")
fi

"${service[@]}" &
# Asked to stop, it would wait for the end of every call; interrupted, it hangs up.
trap 'kill -INT $!' TERM INT HUP
wait $! || wait $!
