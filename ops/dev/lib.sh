# Shared by the scripts of this folder; source it from bash. Needs Linux (/proc, setsid).
#
# Processes are remembered as "pid start-time" in a file, so that a number which the system has given to another
# program since is never signalled.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RESYNC_STARTED_AT=${RESYNC_STARTED_AT:-$SECONDS}

# Where processes keep their data, logs and pids unless --state says otherwise.
default_state() { printf '%s\n' "$ROOT/.resync"; }

# A line of progress with the seconds since the script started.
say() { printf '[%4d s] %s\n' "$((SECONDS - RESYNC_STARTED_AT))" "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# Says whether something accepts connections at 127.0.0.1:$1.
port_in_use() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# A port nothing listens on, below the range the kernel gives to outgoing connections.
free_port() {
  local port attempt
  for attempt in $(seq 200); do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    port_in_use "$port" || { printf '%s\n' "$port"; return 0; }
  done
  die "no free port between 20000 and 31999 was found"
}

# The start time of process $1 in clock ticks since boot; nothing if it does not run.
process_start_time() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The second field is the name in parentheses and may hold spaces; the start time is the 20th after it.
  stat=${stat##*) }
  # A zombie has ended; it only waits to be collected.
  [ "${stat%% *}" != Z ] || return 1
  set -- $stat
  printf '%s\n' "${20}"
}

# remember_process FILE PID
remember_process() { printf '%s %s\n' "$2" "$(process_start_time "$2")" >"$1"; }

# Prints the pid in FILE if that very process still runs.
remembered_pid() {
  local pid started
  read -r pid started 2>/dev/null <"$1" || return 1
  [ -n "$started" ] && [ "$(process_start_time "$pid")" = "$started" ] || return 1
  printf '%s\n' "$pid"
}

# wait_for SECONDS COMMAND…: until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.1
  done
}

process_ended() { ! remembered_pid "$1" >/dev/null; }

# end_process FILE SECONDS: TERM, then KILL after so many seconds.
end_process() {
  local pid
  pid=$(remembered_pid "$1") || { rm -f "$1"; return 0; }
  kill -TERM "$pid" 2>/dev/null
  if ! wait_for "$2" process_ended "$1"; then
    say "process $pid ($(basename "$1" .pid)) did not stop within $2 s and is killed"
    kill -KILL "$pid" 2>/dev/null
    wait_for 5 process_ended "$1"
  fi
  rm -f "$1"
}

# claim_state FOLDER: fails if another script that still runs has claimed it; two of them would stop each other's servers.
claim_state() {
  local owner
  mkdir -p "$1"
  if owner=$(remembered_pid "$1/owner") && [ "$owner" != "$$" ]; then
    die "process $owner uses $1; wait until it has ended, or choose another folder with --state"
  fi
  remember_process "$1/owner" "$$"
}

# use_state FOLDER: where start_service keeps pids and logs. Ends what a killed script has left there.
use_state() {
  STATE=$1
  claim_state "$STATE"
  mkdir -p "$STATE/run" "$STATE/log"
  stop_all
}

# start_service NAME COMMAND…: a background process with the log file $STATE/log/NAME.log. It leaves the terminal's
# process group, so that Ctrl-C reaches this script alone, which then stops services in order; and it gets TERM from the
# kernel should this script be killed.
start_service() {
  local name=$1
  shift
  [ -n "${STATE:-}" ] || die "start_service needs use_state first"
  remembered_pid "$STATE/run/$name.pid" >/dev/null && die "$name runs already (see $STATE/run/$name.pid)"
  # A log of its own for each start: the port in it is this process's.
  [ ! -e "$STATE/log/$name.log" ] || mv "$STATE/log/$name.log" "$STATE/log/$name.previous.log"
  setsid setpriv --pdeathsig TERM "$@" >"$STATE/log/$name.log" 2>&1 </dev/null &
  remember_process "$STATE/run/$name.pid" "$!"
  # Else bash reports each service that is killed.
  disown "$!"
}

# Says whether the service runs.
service_runs() { remembered_pid "$STATE/run/$1.pid" >/dev/null; }

# stop_service NAME [SECONDS]
stop_service() { end_process "$STATE/run/$1.pid" "${2:-10}"; }

# Sends KILL to a service, as a crash would end it.
kill_service() {
  local pid
  pid=$(remembered_pid "$STATE/run/$1.pid") || return 0
  kill -KILL "$pid"
  wait_for 5 process_ended "$STATE/run/$1.pid"
  rm -f "$STATE/run/$1.pid"
}

# stop_all: TERM to all services at once, KILL to those that still run after 10 seconds.
stop_all() {
  local file pid
  [ -n "${STATE:-}" ] || return 0
  for file in "$STATE"/run/*.pid; do
    [ -e "$file" ] || continue
    pid=$(remembered_pid "$file") && kill -TERM "$pid" 2>/dev/null
  done
  for file in "$STATE"/run/*.pid; do
    [ -e "$file" ] && end_process "$file" 10
  done
  return 0
}

# http_get URL-PATH PORT: the answer's body if its status is 200.
http_get() {
  local line status
  exec 3<>"/dev/tcp/127.0.0.1/$2" || return 1
  printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$1" >&3
  read -r -t 5 line status _ <&3 || { exec 3>&-; return 1; }
  while read -r -t 5 line <&3 && [ "$line" != $'\r' ]; do :; done
  cat <&3
  exec 3>&-
  [ "$status" = 200 ]
} 2>/dev/null

# The port of a service's health endpoint, from its log (a port in use is stepped over).
service_port() {
  sed -n 's|.*health and metrics on http://[^ "]*:\([0-9]*\).*|\1|p' "$STATE/log/$1.log" 2>/dev/null | tail -n 1
}

service_is_ready() {
  local port
  port=$(service_port "$1")
  [ -n "$port" ] && http_get /health/ready "$port" >/dev/null
}

# wait_ready NAME [SECONDS]: until the service says it is ready; fails at once, with the end of its log, if it ends.
wait_ready() {
  local deadline=$((SECONDS + ${2:-60}))
  until service_is_ready "$1"; do
    if ! service_runs "$1"; then
      tail -n 20 "$STATE/log/$1.log" >&2
      die "$1 ended before it was ready; its log is $STATE/log/$1.log"
    fi
    [ "$SECONDS" -lt "$deadline" ] || die "$1 was not ready within ${2:-60} s; its log is $STATE/log/$1.log"
    sleep 0.2
  done
}

# run_cleanup_on_exit FUNCTION: calls it once however the script ends; the exit status stays what it was, 130 after
# Ctrl-C and 143 after TERM.
run_cleanup_on_exit() {
  RESYNC_CLEANUP=$1
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  trap 'RESYNC_STATUS=$?; trap "" INT TERM HUP; "$RESYNC_CLEANUP" || true; exit $RESYNC_STATUS' EXIT
}

# parse_state_option "$@": sets ACTION and STATE_FOLDER from `ACTION [--state DIR] [--fresh]`.
parse_state_option() {
  ACTION=${1:-}
  STATE_FOLDER=$(default_state)
  FRESH=false
  [ $# -gt 0 ] && shift
  while [ $# -gt 0 ]; do
    case $1 in
      --state) [ $# -ge 2 ] || die "--state needs a folder"; STATE_FOLDER=$2; shift 2 ;;
      --fresh) FRESH=true; shift ;;
      *) die "unknown argument '$1'; see --help" ;;
    esac
  done
}
