#!/usr/bin/env bash
# A real rsyslog and a real syslog-ng, from Debian's packages, read a file of event XML and relay it over TCP and over UDP:
# every event must arrive, and the alerts must be those of samples/expected.
#
#   tests/relays.sh [COLLECTOR]     default: target/debug/wefwatch, which is built when it is absent
#
# Needs root, for the packages. rsyslog is installed; syslog-ng, which Debian makes a rival of it, is unpacked into a folder of
# this run and started from there. Everything speaks over loopback, and what is started here is ended here.
set -euo pipefail
cd "$(dirname "$0")/.."

collector=${1:-target/debug/wefwatch}
[ -x "$collector" ] || cargo build
collector=$(realpath "$collector")
work=$(mktemp -d)
running=()

finish() {
    local pid
    for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${running[@]}"; do wait "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap finish EXIT

fail() { echo "relays: $*" >&2; exit 1; }

# --- what is needed ---------------------------------------------------------------------------------------------------

install() {
    local missing=()
    command -v rsyslogd >/dev/null || missing+=(rsyslog)
    command -v jq >/dev/null || missing+=(jq)
    command -v curl >/dev/null || missing+=(curl)
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update
    [ ${#missing[@]} -eq 0 ] || apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
    mkdir -p "$work/packages" "$work/root"
    # _apt, as whom apt fetches, may not enter a folder of root's.
    chmod 755 "$work" "$work/packages"
    (
        cd "$work/packages"
        apt-get -qq -o APT::Sandbox::User=root download \
            syslog-ng-core $(apt-cache depends syslog-ng-core |
                sed -nE 's/^ +Depends: (libivykis[^ ]*|libnet1[^ ]*|libpcre[^ ]*|libwrap0|libjson-c[^ ]*|libevtlog[^ ]*)$/\1/p')
        for package in *.deb; do dpkg -x "$package" "$work/root"; done
    )
}

# --- what is relayed --------------------------------------------------------------------------------------------------

# The samples that hold one event a line and nothing damaged; no two share a record id.
samples=(demo attack_both_ends near_misses noise out_of_order)

prepare() {
    local name
    for name in "${samples[@]}"; do grep -v '^$' "samples/$name.xml"; done >"$work/events.xml"
    expected_events=$(wc -l <"$work/events.xml")
    for name in "${samples[@]}"; do
        jq -r '.alerts[] | "\(.rule) \(.computer) \(.evidence | map(tostring) | join(","))"' "samples/expected/$name.json"
    done | sort >"$work/expected"
}

# --- the collector ----------------------------------------------------------------------------------------------------

# start_collector SCHEME: sets $port, $metrics and $collector_pid.
start_collector() {
    # Empty before the start, so that no port of the last collector is read.
    : >"$work/log"
    "$collector" run --headless --store none --listen "$1://127.0.0.1:0" --metrics 127.0.0.1:0 \
        >"$work/alerts" 2>"$work/log" &
    collector_pid=$!
    running+=("$collector_pid")
    local _
    for _ in $(seq 100); do
        port=$(sed -nE 's/.*listening (tcp|udp):\/\/127\.0\.0\.1:([0-9]+).*/\2/p' "$work/log" | head -n 1)
        metrics=$(sed -nE 's/.*listening http:\/\/([0-9.:]+).*/\1/p' "$work/log" | head -n 1)
        if [ -n "$port" ] && [ -n "$metrics" ]; then return; fi
        sleep 0.1
    done
    fail "the collector does not listen: $(cat "$work/log")"
}

# Waits until every event has arrived, then ends the collector and looks at what it wrote.
check() {
    local count=0 _
    for _ in $(seq 300); do
        count=$(curl -fsS "http://$metrics/metrics" | awk '/^wefwatch_frames_total/ { sum += $2 } END { print sum + 0 }')
        [ "$count" -lt "$expected_events" ] || break
        sleep 0.2
    done
    kill -TERM "$collector_pid"
    wait "$collector_pid" || fail "$1: the collector ended with $?"
    jq -s -r 'group_by(.event.id)[] | last
        | "\(.rule.id) \(.wefwatch.evidence | last | .computer) \(.wefwatch.evidence | map(.record_id | tostring) | join(","))"' \
        "$work/alerts" | sort >"$work/found"
    diff -u "$work/expected" "$work/found" || fail "$1: other alerts than expected"
    sed -n 's/^summary //p' "$work/log" | jq -e --argjson events "$expected_events" '
        def total(name): [.[name] | .. | numbers] | add // 0;
        total("wefwatch_frames_total") == $events and total("wefwatch_events_total") == $events
        and total("wefwatch_rejected_total") == 0 and total("wefwatch_shed_total") == 0' >/dev/null ||
        fail "$1: not every event arrived once: $(sed -n 's/^summary //p' "$work/log")"
    echo "relays: $1: $expected_events events, $(wc -l <"$work/found") alerts, as expected"
}

end() {
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
}

# --- the relays -------------------------------------------------------------------------------------------------------

# relay_rsyslog SCHEME: the forwarding of README.md; the delay spares a UDP receiver whose kernel buffers little.
relay_rsyslog() {
    mkdir -p "$work/rsyslog"
    rm -f "$work/rsyslog"/*
    local transport='protocol="tcp" TCP_Framing="octet-counted"'
    [ "$1" = tcp ] || transport='protocol="udp" udp.sendDelay="300"'
    cat >"$work/rsyslog/conf" <<CONF
global(workDirectory="$work/rsyslog" maxMessageSize="256k")
module(load="imfile")
input(type="imfile" file="$work/events.xml" tag="windows:" readMode="0" freshStartTail="off")
action(type="omfwd" target="127.0.0.1" port="$port" $transport template="RSYSLOG_ForwardFormat"
       queue.type="LinkedList" queue.size="20000" action.resumeRetryCount="-1")
CONF
    rsyslogd -n -f "$work/rsyslog/conf" -i "$work/rsyslog/pid" >"$work/rsyslog/log" 2>&1 &
    relay_pid=$!
}

relay_syslog_ng() {
    mkdir -p "$work/syslog-ng"
    rm -f "$work/syslog-ng"/*
    local root=$work/root modules version destination
    modules=$(find "$root/usr/lib/syslog-ng" -maxdepth 1 -mindepth 1 -type d -name '[0-9]*' | head -n 1)
    version=$(basename "$modules")
    destination="syslog(\"127.0.0.1\" transport(\"tcp\") port($port))"
    [ "$1" = tcp ] || destination="network(\"127.0.0.1\" transport(\"udp\") port($port) throttle(3000))"
    cat >"$work/syslog-ng/conf" <<CONF
@version: $version
options { log-msg-size(262144); stats-freq(0); keep-hostname(yes); };
source events { file("$work/events.xml" flags(no-parse) follow-freq(1) log-iw-size(10000)); };
destination collector { $destination; };
log { source(events); destination(collector); };
CONF
    LD_LIBRARY_PATH=$root/usr/lib/syslog-ng:$(dirname "$(find "$root" -name 'libivykis.so*' | head -n 1)"):$(find "$root/lib" \
        -maxdepth 1 -type d -name '*-linux-gnu' 2>/dev/null | head -n 1) \
        "$root/usr/sbin/syslog-ng" -F --no-caps --module-path="$modules" -f "$work/syslog-ng/conf" \
        --persist-file="$work/syslog-ng/persist" --pidfile="$work/syslog-ng/pid" --control="$work/syslog-ng/control" \
        >"$work/syslog-ng/log" 2>&1 &
    relay_pid=$!
}

install
prepare
for scheme in tcp udp; do
    for relay in rsyslog syslog_ng; do
        start_collector "$scheme"
        "relay_$relay" "$scheme"
        running+=("$relay_pid")
        check "$relay over $scheme"
        end "$relay_pid"
        running=()
    done
done
