#!/bin/bash
# Another release, without a failed request: installed beside the one in use, then the instances one at a time. If one does not get
# ready, the former release is back in use.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
umask 022
OPS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=shell/output.sh
. "$OPS/shell/output.sh"
# shellcheck source=shell/machine.sh
. "$OPS/shell/machine.sh"
# shellcheck source=shell/release.sh
. "$OPS/shell/release.sh"
# shellcheck source=shell/instances.sh
. "$OPS/shell/instances.sh"
# shellcheck source=shell/steps.sh
. "$OPS/shell/steps.sh"

FROM='' REF='' ROOT_FOLDER='' BACK=''
HELP="Replaces MCPX by another release, without a failed request where there are two instances or more.

  sudo ops/upgrade.sh                          the checkout that this script is in
  sudo ops/upgrade.sh --from FOLDER            another one
  sudo ops/upgrade.sh --from URL [--ref NAME]  a git repository, at a tag or branch
  sudo ops/upgrade.sh --back                   the release that was in use before

  --root FOLDER  for a trial: everything below that folder, as with setup.sh

The database is backed up first. If the new release does not get ready, the former one is back in use.
The last $KEEP_RELEASES releases are kept.
"

while (($# > 0)); do
  case $1 in
    --help | -h) printf '%s' "$HELP"; exit 0 ;;
    --back) BACK=yes; shift; continue ;;
  esac
  (($# > 1)) || fail "$1: its value is missing, or there is no such option; --help explains" 2
  case $1 in
    --from) FROM=$2 ;;
    --ref) REF=$2 ;;
    --root) ROOT_FOLDER=$(realpath -m "$2") ;;
    *) fail "there is no option $1; --help explains" 2 ;;
  esac
  shift 2
done

at "$ROOT_FOLDER"
require_machine
FORMER=$(in_use)
[[ -n $FORMER ]] || fail "there is no release in use: run setup.sh first"
only_one
open_log
CHECKOUT=''
trap 'rm -rf "$RENDERED" "$CHECKOUT"' EXIT
mapfile -t INSTANCES < <(enabled_instances)
((${#INSTANCES[@]} > 0)) || fail 'no instance is enabled: run setup.sh first'

release() {
  if [[ -n $BACK ]]; then
    RELEASE=$(cat "$RUNNING/former" 2>/dev/null)
    if [[ -z $RELEASE ]] || ! is_installed "$RELEASE"; then fail 'there is no release to go back to'; fi
    outcome "$RELEASE: there already"
    return
  fi
  local source=${FROM:-$(dirname "$OPS")}
  if [[ -n $REF || $source == *://* || $source == *@*:* ]]; then
    command -v git >/dev/null || fail 'git is not installed, which fetches the release: apt-get install git'
    CHECKOUT=$(mktemp -d)
    logged git clone --quiet --depth 1 ${REF:+--branch "$REF"} "$source" "$CHECKOUT" || fail "$source${REF:+ at $REF} could not be fetched: $(last_words)"
    source=$CHECKOUT
  fi
  name_release "$source"
  if is_installed "$RELEASE"; then outcome "$RELEASE: there already"; return; fi
  install_release "$source"
  outcome "installed $RELEASE"
}

configuration() {
  check_configuration "$RELEASE" "$(IFS=,; echo "${INSTANCES[*]}")"
  outcome 'the release takes it'
}

backup() {
  if [[ $RELEASE == "$FORMER" ]]; then outcome 'not needed: the release is in use already'; return; fi
  back_up
  outcome "in $BACKUPS"
}

units() {
  write_units "$RELEASE"
  link_command
  outcome "$( ((UNITS_CHANGED > 0)) && echo "wrote $UNITS_CHANGED files" || echo unchanged)"
}

instances() {
  roll_out "$RELEASE" "${INSTANCES[@]}"
  if [[ -e $UNITS/mcpx-audit.timer ]]; then on_machine systemctl enable --now mcpx-audit.timer || fail "the audit events could not be kept apart: $(last_words); see $LOG"; fi
  if [[ $FORMER != "$RELEASE" ]]; then echo "$FORMER" >"$RUNNING/former"; fi
  outcome "$REPLACED replaced, ready on ${INSTANCES[*]}"
}

nginx_site() {
  write_site
  outcome "$([[ -n $PUT ]] && echo 'wrote the site and loaded it' || echo unchanged)"
}

releases() {
  remove_old_releases "$(cat "$RUNNING/former" 2>/dev/null)"
  outcome "$(find "$RELEASES" -mindepth 1 -maxdepth 1 | wc -l) kept"
}

STEPS=(release configuration backup units instances nginx_site releases)
for each in "${STEPS[@]}"; do
  step "${each//_/ }" "${#STEPS[@]}"
  "$each"
done
if [[ $FORMER == "$RELEASE" ]]; then exit 0; fi
printf '\nRelease %s is in use. Back to %s: sudo ops/upgrade.sh --back\n' "$RELEASE" "$FORMER"
