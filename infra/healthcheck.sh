#!/bin/bash
# healthcheck.sh [port]: succeeds when the service on this port (or HEALTHCHECK_PORT) lives. Bash
# alone, since the image has no curl; starting the service's own binary for it would take a hundred
# times longer and send traces.
set -eu
port=${1:-${HEALTHCHECK_PORT:-8007}}
exec 3<>"/dev/tcp/127.0.0.1/$port"
printf 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[ "$status" = 200 ]
