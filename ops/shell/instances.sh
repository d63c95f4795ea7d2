# shellcheck shell=bash
# Instances: one process a port. They are replaced one at a time, each after the one before it is ready.

# A machine that has much else to do may need longer: sudo READY_SECONDS=300 ops/upgrade.sh
READY_SECONDS=${READY_SECONDS:-60}
MOST_RESTARTS=3

# enabled_instances: the ports, one a line.
enabled_instances() {
  local link
  for link in "$UNITS"/mcpx.target.wants/mcpx@*.service; do
    if [[ -L $link ]]; then basename "$link" | sed 's/^mcpx@\(.*\)\.service$/\1/'; fi
  done | sort -n
}

# is_ready PORT: whether the instance wants requests.
is_ready() (
  exec 3<>"/dev/tcp/127.0.0.1/$1" || exit 1
  printf 'GET /health/ready HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  IFS= read -r -t 5 status <&3
  [[ $status == *' 200 '* ]]
) 2>/dev/null

# wait_ready PORT: false when it gives up, or is started anew again and again, or takes too long.
wait_ready() {
  local end=$((SECONDS + READY_SECONDS)) before
  before=$(restarts "$1")
  until is_ready "$1"; do
    if ((SECONDS >= end)) || has_failed "$1" || (($(restarts "$1") - before >= MOST_RESTARTS)); then return 1; fi
    sleep 0.2
  done
}

# restarts PORT: how often systemd has started the instance anew by itself.
restarts() {
  local count
  count=$(ask_machine systemctl show --property=NRestarts --value "mcpx@$1.service")
  echo $((count))
}

has_failed() { ask_machine systemctl is-failed --quiet "mcpx@$1.service"; }

# why PORT: what an instance said since it was started last: of its configuration before it gave up, or the error that ended it.
why() {
  local said line
  said=$(ask_machine journalctl --namespace=mcpx --unit="mcpx@$1.service" --since="@${STARTED_AT:-0}" --lines=200 --output=cat)
  line=$(grep -a '^mcpx: ' <<<"$said" | tail -n 1 | cut -c1-300)
  if [[ -z $line ]]; then
    line="it was not ready within $READY_SECONDS s"
    if (($(restarts "$1") >= MOST_RESTARTS)); then line="it ends again and again"; fi
    said=$(grep -aE '(^|[^A-Za-z])[A-Za-z]*Error\b.*:' <<<"$said" | tail -n 1 | cut -c1-300)
    line+="${said:+: $said}, see journalctl --namespace=+mcpx -u mcpx@$1"
  fi
  echo "$line"
}

# replace PORT: ends the instance and starts it with the release in use; when it is ready, notes what it runs with.
replace() {
  rm -f "$RUNNING/$1"
  STARTED_AT=$EPOCHSECONDS
  on_machine systemctl restart "mcpx@$1.service" && wait_ready "$1" || return 1
  mkdir -p "$RUNNING"
  what_runs >"$RUNNING/$1"
}

# what_runs: what an instance that is started now runs with. It is restarted when that has changed.
what_runs() { { in_use && cat "$CONFIGURATION" "$UNITS/mcpx@.service" "$UNITS"/mcpx@.service.d/*.conf 2>/dev/null; own_tools; } | sha256sum; }

# own_tools: the files of the operator's tools as one stream; of packages that they have, a lock file beside them speaks.
own_tools() (
  folder=$(setting TOOLS_DIR)
  [[ -n $folder ]] && cd "$DATA" && cd "$folder" && tar -cf - --dereference --sort=name --mtime=@0 --exclude=node_modules --exclude=.git .
) 2>/dev/null

# is_current PORT
is_current() { [[ -f $RUNNING/$1 && $(cat "$RUNNING/$1") == "$(what_runs)" ]] && is_ready "$1"; }

# roll_out RELEASE PORT…: has the instances run with a release, one after the other. If one does not get ready, it goes back to the
# former release, and the others stay as they are. Sets REPLACED to how many were.
roll_out() {
  local release=$1 former port reason
  shift
  former=$(in_use) REPLACED=0
  use_release "$release"
  for port in "$@"; do
    if is_current "$port"; then continue; fi
    if ! replace "$port"; then
      reason=$(why "$port")
      roll_back "$former" "$release" "$@" || fail "release $release does not start: $reason; $former does not start again either, see: journalctl --namespace=+mcpx -u mcpx@$port"
      fail "release $release does not start: $reason; $([[ -n $former && $former != "$release" ]] && echo "release $former is in use as before" || echo "correct that and run it again")"
    fi
    REPLACED=$((REPLACED + 1))
  done
}

# roll_back FORMER FAILED PORT…: again one after the other, those that had been replaced.
roll_back() {
  local former=$1 failed=$2 port
  shift 2
  if [[ -z $former || $former == "$failed" ]]; then return; fi
  use_release "$former"
  write_units "$former"
  for port in "$@"; do
    if ! is_current "$port"; then replace "$port" || return 1; fi
  done
}
