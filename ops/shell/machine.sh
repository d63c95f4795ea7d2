# shellcheck shell=bash
# Where things are, and the commands that change the machine. With --root, every path is below that folder, and such a command
# is run only if it lies in its usr/local/sbin: a trial leaves the real machine alone.

# shellcheck source=node.sh
. "$OPS/shell/node.sh"

# at ROOT: sets the paths.
at() {
  ROOT=${1%/}
  RELEASES=$ROOT/opt/mcpx/releases
  CURRENT=$ROOT/opt/mcpx/current
  RUNNING=$ROOT/opt/mcpx/running
  RENDER_OPTIONS=$ROOT/etc/mcpx/render-options
  CONFIGURATION=$ROOT/etc/mcpx/mcpx.env
  TLS=$ROOT/etc/mcpx/tls
  TOOLS=$ROOT/etc/mcpx/tools
  DATA=$ROOT/var/lib/mcpx
  SERVICE_USER=$([[ -n $ROOT ]] || echo mcpx)
  BACKUPS=$ROOT/var/backups/mcpx
  ACME=$ROOT/var/www/mcpx-acme
  UNITS=$ROOT/etc/systemd/system
  JOURNALS=$ROOT/etc/systemd
  SITE=$ROOT/etc/nginx/conf.d/mcpx.conf
  MCPX_COMMAND=$ROOT/usr/local/bin/mcpx
  LOG=$ROOT/var/log/mcpx-$SCRIPT.log
  PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

# on_machine COMMAND…: runs a command that changes the machine.
on_machine() {
  if [[ -z $ROOT ]]; then
    logged "$@"
  elif [[ -x $ROOT/usr/local/sbin/$1 ]]; then
    MCPX_ROOT=$ROOT NGINX_COMMAND=$ROOT/usr/local/sbin/nginx logged "$ROOT/usr/local/sbin/$1" "${@:2}"
  else
    printf 'not run below %s: %s\n' "$ROOT" "$*" >>"$LOG"
  fi
}

# ask_machine COMMAND…: the same for a question, whose answer is for the caller.
ask_machine() {
  if [[ -z $ROOT ]]; then
    "$@"
  elif [[ -x $ROOT/usr/local/sbin/$1 ]]; then
    MCPX_ROOT=$ROOT "$ROOT/usr/local/sbin/$1" "${@:2}"
  else
    return 1
  fi
} </dev/null 2>/dev/null 9>&-

# require_machine: the rights and the system that the scripts need. A dry run only says that they are missing.
require_machine() {
  if [[ -n $ROOT ]]; then return; fi
  ((EUID == 0)) || refuse "it changes the machine, which takes root: sudo $0 …"
  [[ -d /run/systemd/system ]] || refuse 'this machine was not started by systemd, which runs MCPX; use a Debian 12 or 13 server, or ops/container'
}
refuse() { if [[ -n ${DRY:-} ]]; then printf 'Without --dry-run, it would refuse: %s\n' "$1"; else fail "$1" 2; fi; }

# nothing_runs: whether this is a trial without a systemctl of its own, in which no process is started.
nothing_runs() { [[ -n $ROOT && ! -x $ROOT/usr/local/sbin/systemctl ]]; }

# open_log: an empty log that only root can read.
open_log() {
  mkdir -p "$(dirname "$LOG")"
  (umask 077 && : >"$LOG")
}

# only_one: two of these scripts at once would undo each other's work.
only_one() {
  mkdir -p "$ROOT/opt/mcpx"
  exec 9>>"$ROOT/opt/mcpx/.lock"
  flock --nonblock 9 || fail 'another setup, upgrade or uninstall is at work; wait until it has ended'
}

# put FILE MODE: writes a file from standard input, whole or not at all. Sets PUT to yes if it was another before.
PUT=''
put() {
  local draft="$1.new"
  mkdir -p "$(dirname "$1")"
  (umask 077 && cat >"$draft")
  chmod "$2" "$draft"
  PUT=''
  if cmp -s "$draft" "$1"; then rm "$draft"; else mv "$draft" "$1"; PUT=yes; fi
}

# setting NAME: its value in the configuration; empty when it has none.
setting() {
  sed -n "s/^ *$1 *= *//p" "$CONFIGURATION" 2>/dev/null | tail -n 1 | sed "s/^[\"']//; s/[\"'] *\$//"
}

# mcpx RELEASE SCRIPT ARGUMENT…: a command of MCPX, with the configuration, as the user that the service runs as.
mcpx() {
  BACKUP_DIR=$BACKUPS as_service "$@" 8>&- 9>&-
}

# link_command: `mcpx` is always that of the release in use.
link_command() {
  local to=../../../opt/mcpx/current/ops/mcpx
  if [[ $(readlink "$MCPX_COMMAND") == "$to" ]]; then return; fi
  mkdir -p "$(dirname "$MCPX_COMMAND")"
  ln -sfn "$to" "$MCPX_COMMAND"
}
