#!/bin/sh
# Runs Debian's redis-server for EventFlow, without a service manager and without root.
#
#   infra/redis/redis.sh start    # then: REDIS_ADDR=localhost:6379 deno task start
#   infra/redis/redis.sh status | stop | wipe
#
# REDIS_PORT (6379), REDIS_DIR (.data/redis) and REDIS_PASSWORD (none) may be set.
set -eu

port=${REDIS_PORT:-6379}
directory=${REDIS_DIR:-.data/redis}
password=${REDIS_PASSWORD:-}

command -v redis-server >/dev/null || {
  echo "Cannot run Redis as redis-server must be installed: apt-get install redis-server" >&2
  exit 1
}

ask() {
  REDISCLI_AUTH=$password redis-cli -p "$port" "$@" 2>/dev/null
}

# Of the server of this directory only: another may listen on the port.
process() {
  [ -f "$directory/redis.pid" ] || return 1
  pid=$(cat "$directory/redis.pid")
  [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null && echo "$pid"
}

start() {
  if pid=$(process); then
    echo "Redis runs already (process $pid, port $port)"
    return
  fi
  if [ "$(ask ping || true)" != "" ]; then
    echo "Cannot start Redis as its port must be free: current value is \"$port\"" >&2
    exit 1
  fi
  mkdir -p "$directory"
  directory=$(cd "$directory" && pwd)
  # The password goes through a file: arguments can be seen by everybody on the machine.
  (
    umask 077
    cat >"$directory/redis.conf" <<EOF
bind 127.0.0.1 -::1
port $port
dir "$directory"
pidfile "$directory/redis.pid"
logfile "$directory/redis.log"
daemonize yes
# Nothing is thrown out when the memory is full: EventFlow is told, and waits.
maxmemory-policy noeviction
# What is lost at worst is the last second or two; "always" loses nothing and writes slower.
appendonly yes
appendfsync everysec
save ""
EOF
    if [ -n "$password" ]; then
      printf 'requirepass "%s"\n' "$(printf %s "$password" | sed 's/[\\"]/\\&/g')" \
        >>"$directory/redis.conf"
    fi
  )
  redis-server "$directory/redis.conf" >/dev/null
  tries=0
  until [ "$(ask ping || true)" = "PONG" ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 100 ]; then
      echo "Cannot start Redis; its log is $directory/redis.log" >&2
      exit 1
    fi
    sleep 0.1
  done
  echo "Redis runs (process $(cat "$directory/redis.pid"), port $port, data in $directory)"
}

stop() {
  if ! pid=$(process); then
    echo "Redis does not run"
    return
  fi
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  echo "Redis has stopped"
}

status() {
  if pid=$(process); then
    echo "Redis runs (process $pid, port $port, $(ask dbsize) keys, $(
      ask info memory | tr -d '\r' | sed -n 's/^used_memory_human://p'
    ))"
  else
    echo "Redis does not run"
    exit 3
  fi
}

wipe() {
  stop
  # Only what start and Redis made there: the directory may hold more.
  rm -rf "$directory/appendonlydir"
  rm -f "$directory/redis.conf" "$directory/redis.log" "$directory/redis.pid"
  echo "The data of Redis in $directory are gone"
}

case ${1:-} in
start | stop | status | wipe) "$1" ;;
*)
  echo "usage: $0 start|stop|status|wipe" >&2
  exit 2
  ;;
esac
