#!/bin/sh
# Runs Debian's prometheus against EventFlow on this machine, on the loopback interface only,
# without a service manager and without root.
#
#   infra/prometheus/prometheus.sh start [service=host:port…]   # then: http://127.0.0.1:9090
#   infra/prometheus/prometheus.sh status | stop | wipe
#
# Services that are not named are expected on 127.0.0.1 and their usual port (or <SERVICE>_PORT).
# PROMETHEUS_PORT (9090), PROMETHEUS_DIR (.data/prometheus) and PROMETHEUS_INTERVAL (how often it
# scrapes and evaluates; as in prometheus.yml) may be set.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
port=${PROMETHEUS_PORT:-9090}
directory=${PROMETHEUS_DIR:-$here/../../.data/prometheus}

command -v prometheus >/dev/null || {
  echo "Cannot run Prometheus as it must be installed: apt-get install prometheus" >&2
  exit 1
}

# Of the server of this directory only: another may listen on the port.
process() {
  [ -f "$directory/pid" ] || return 1
  pid=$(cat "$directory/pid")
  [ -n "$pid" ] && grep -qs "$directory/prometheus.yml" "/proc/$pid/cmdline" && echo "$pid"
}

# The address of each service: as named, else its usual one.
targets() {
  sed -n 's/^- targets: \[\(.*\):\([0-9]*\)\]$/\1 \2/p' "$here/targets.yml" |
    while read -r service usual; do
      variable=$(echo "$service" | tr 'a-z-' 'A-Z_')_PORT
      eval "address=127.0.0.1:\${$variable:-$usual}"
      for given in "$@"; do
        [ "${given%%=*}" = "$service" ] && address=${given#*=}
      done
      printf -- '- targets: [%s]\n  labels: { service: %s }\n' "$address" "$service"
    done
}

start() {
  mkdir -p "$directory"
  directory=$(cd "$directory" && pwd)
  if pid=$(process); then
    echo "Prometheus runs already (process $pid)"
    return
  fi
  cp "$here/alerts.yml" "$directory/"
  targets "$@" >"$directory/targets.yml"
  sed -e "s/localhost:9090/127.0.0.1:$port/" \
    -e "s/\(_interval:\) .*/\1 ${PROMETHEUS_INTERVAL:-10s}/" \
    "$here/prometheus.yml" >"$directory/prometheus.yml"
  setsid prometheus --config.file="$directory/prometheus.yml" \
    --storage.tsdb.path="$directory/data" --storage.tsdb.retention.time=7d \
    --web.listen-address="127.0.0.1:$port" >"$directory/log" 2>&1 </dev/null &
  echo $! >"$directory/pid"
  tries=0
  until grep -qs "Server is ready" "$directory/log"; do
    tries=$((tries + 1))
    if [ "$tries" -ge 300 ] || ! process >/dev/null && [ "$tries" -ge 20 ]; then
      echo "Cannot start Prometheus; its log ends with:" >&2
      tail -n 5 "$directory/log" >&2
      exit 1
    fi
    sleep 0.1
  done
  echo "Prometheus runs (process $(cat "$directory/pid"), http://127.0.0.1:$port, data in $directory)"
}

stop() {
  [ -d "$directory" ] && directory=$(cd "$directory" && pwd)
  if ! pid=$(process); then
    echo "Prometheus does not run"
    return
  fi
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  rm -f "$directory/pid"
  echo "Prometheus has stopped"
}

status() {
  [ -d "$directory" ] && directory=$(cd "$directory" && pwd)
  if pid=$(process); then
    echo "Prometheus runs (process $pid, data in $directory)"
  else
    echo "Prometheus does not run"
    exit 3
  fi
}

wipe() {
  stop
  # Only what start and Prometheus made there: the directory may hold more.
  for name in data alerts.yml targets.yml prometheus.yml log; do
    rm -rf "${directory:?}/$name"
  done
  echo "The data of Prometheus in $directory are gone"
}

case ${1:-} in
start | stop | status | wipe)
  "$@"
  ;;
*)
  echo "usage: $0 start [service=host:port…] | stop | status | wipe" >&2
  exit 2
  ;;
esac
