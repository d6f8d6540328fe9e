#!/usr/bin/env bash
# A Kafka broker of its own, without Docker: one KRaft node on the loopback interface, from the jars
# of Maven Central. For development and tests, never for production.
#
#   infra/kafka/kafka.sh fetch|start|stop|restart|kill|status|wipe
#
# Debian packages: openjdk-17-jre-headless maven openssl
#
#   KAFKA_PORT   plain listener (9092); the next four ports are the controller, SASL, TLS, SASL over TLS
#   KAFKA_DATA   where it keeps its log, certificates and pid (.data/kafka-<port>)
#   KAFKA_JARS   where the jars are kept (.data/kafka-jars-<version>)
#   KAFKA_HEAP   heap of the broker in MiB (512)
#   KAFKA_VIA    port of a TCP proxy (unset = none): the sixth port is then a plain listener more, which
#                the proxy leads to and whose clients are sent to the proxy only
#   KAFKA_ACL    1: users of the SASL listeners may do what an ACL allows them and nothing else; who
#                comes in without a name, by the plain listener, may do everything (unset = all may)
#
# `kill` ends it as a power cut would. The users of the SASL listeners are in `users` below; the
# certificate authority that clients must trust is $KAFKA_DATA/tls/ca.pem.
set -euo pipefail

version=4.3.1
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
port=${KAFKA_PORT:-9092}
data=${KAFKA_DATA:-$root/.data/kafka-$port}
jars=${KAFKA_JARS:-$root/.data/kafka-jars-$version}
heap=${KAFKA_HEAP:-512}
users=(plain-user:plain-secret scram-user:scram-secret)
controller=$((port + 1)) sasl=$((port + 2)) tls=$((port + 3)) sasl_tls=$((port + 4))
via=${KAFKA_VIA:+,VIA://127.0.0.1:}

fail() {
  echo "kafka.sh: $*" >&2
  exit 1
}

# The pid of this very broker (not of another process that got its number), or nothing.
pid() {
  local id
  id=$(cat "$data/pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$id/cmdline" | grep -qF "kafka.Kafka $data/server.properties" || return 1
  echo "$id"
}

fetch() {
  [ -f "$jars/complete" ] && return
  command -v mvn >/dev/null || fail "needs Maven: apt-get install maven"
  mkdir -p "$jars"
  # Several may start at once: one fetches, the others wait.
  (
    flock 9
    [ -f "$jars/complete" ] && exit
    mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$jars"
    touch "$jars/complete"
  ) 9>"$jars/lock"
}

kafka_java() {
  java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
    -Dlog4j2.configurationFile="$data/log4j2.properties" -cp "$jars/*" "$@"
}

certificates() {
  [ -f "$data/tls/server.pem" ] && return
  mkdir -p "$data/tls"
  cd "$data/tls"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=EventFlow development CA" \
      -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout broker.key -out broker.csr
    openssl x509 -req -in broker.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
      -extfile <(echo "subjectAltName=DNS:localhost,IP:127.0.0.1") -out broker.crt
    # Kafka takes key and chain as one PEM file; the key must be PKCS 8.
    { openssl pkcs8 -topk8 -nocrypt -in broker.key; cat broker.crt ca.pem; } >server.tmp
    mv server.tmp server.pem
  } 2>openssl.log || fail "cannot make certificates: $(cat openssl.log)"
  cd "$root"
}

configure() {
  mkdir -p "$data"
  certificates
  local plain_users="" entry
  for entry in "${users[@]}"; do plain_users+=" user_${entry%%:*}=\"${entry#*:}\""; done
  local login=org.apache.kafka.common.security
  {
    cat <<END
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAIN
listeners=PLAIN://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller,SASL://127.0.0.1:$sasl,TLS://127.0.0.1:$tls,SASLTLS://127.0.0.1:$sasl_tls${via:+$via$((port + 5))}
advertised.listeners=PLAIN://127.0.0.1:$port,SASL://127.0.0.1:$sasl,TLS://127.0.0.1:$tls,SASLTLS://127.0.0.1:$sasl_tls${via:+$via$KAFKA_VIA}
listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,SASLTLS:SASL_SSL,VIA:PLAINTEXT
log.dirs=$data/log
auto.create.topics.enable=false
num.partitions=3
num.network.threads=2
num.io.threads=4
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location=$data/tls/server.pem
END
    if [ "${KAFKA_ACL:-}" = 1 ]; then
      echo authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
      echo allow.everyone.if.no.acl.found=false
      # The broker itself too: it talks to itself by listeners without names.
      echo super.users=User:ANONYMOUS
    fi
    for entry in sasl sasltls; do
      echo "listener.name.$entry.plain.sasl.jaas.config=$login.plain.PlainLoginModule required$plain_users;"
      echo "listener.name.$entry.scram-sha-256.sasl.jaas.config=$login.scram.ScramLoginModule required;"
      echo "listener.name.$entry.scram-sha-512.sasl.jaas.config=$login.scram.ScramLoginModule required;"
    done
  } >"$data/server.properties"
  cat >"$data/log4j2.properties" <<END
rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
logger.ready.name=kafka.server.KafkaRaftServer
logger.ready.level=info
END
}

format() {
  [ -f "$data/log/meta.properties" ] && return
  local id entry scram=()
  for entry in "${users[@]}"; do
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
      scram+=(--add-scram "$mechanism=[name=${entry%%:*},password=${entry#*:}]")
    done
  done
  # The cluster's id only has to be unique: 16 bytes in URL-safe base64.
  id=$(openssl rand 16 | openssl base64 | tr '+/' 'ab' | tr -d '=')
  kafka_java kafka.tools.StorageTool format -t "$id" -c "$data/server.properties" "${scram[@]}" \
    >"$data/format.log" 2>&1 || fail "cannot format its storage: $(cat "$data/format.log")"
}

start() {
  local id
  if id=$(pid); then
    echo "already up: pid $id, 127.0.0.1:$port"
    return
  fi
  command -v java >/dev/null || fail "needs Java 17: apt-get install openjdk-17-jre-headless"
  command -v openssl >/dev/null || fail "needs OpenSSL: apt-get install openssl"
  fetch
  configure
  format
  setsid java "-Xmx${heap}m" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.awt.headless=true \
    -Dlog4j2.configurationFile="$data/log4j2.properties" -cp "$jars/*" \
    kafka.Kafka "$data/server.properties" >"$data/server.log" 2>&1 </dev/null &
  id=$!
  echo "$id" >"$data/pid"
  for _ in $(seq 1200); do
    if grep -q "Kafka Server started" "$data/server.log"; then
      echo "up: pid $id, 127.0.0.1:$port"
      return
    fi
    kill -0 "$id" 2>/dev/null || fail "it ended while it started: $(tail -n 20 "$data/server.log")"
    sleep 0.05
  done
  fail "it was not ready after 60 s: $(tail -n 20 "$data/server.log")"
}

# end <signal> <seconds>: sends the signal and waits until the process is gone.
end() {
  local id
  id=$(pid) || return 0
  kill "-$1" "$id"
  for _ in $(seq $(($2 * 20))); do
    pid >/dev/null || break
    sleep 0.05
  done
  if pid >/dev/null; then fail "it did not end within $2 s: pid $id"; fi
  rm -f "$data/pid"
}

case ${1:-} in
  fetch) fetch ;;
  start) start ;;
  stop) end TERM 30; echo down ;;
  kill) end KILL 10; echo down ;;
  restart) end TERM 30; start ;;
  status)
    if id=$(pid); then
      echo "up: pid $id, 127.0.0.1:$port, $(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$id/status") MiB"
    else
      echo down
      exit 1
    fi
    ;;
  wipe) end KILL 10; rm -rf "$data"; echo wiped ;;
  *) sed -n '2,/^set -/{/^set -/d;s/^# \{0,1\}//;p}' "$0"; exit 2 ;;
esac
