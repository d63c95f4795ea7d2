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
# shellcheck source=shell/difference.sh
. "$OPS/shell/difference.sh"

FROM='' REF='' SIGNERS='' ROOT_FOLDER='' BACK='' CHECK=''
HELP="Replaces MCPX by another release, without a failed request where there are two instances or more.

  sudo ops/upgrade.sh                          the checkout that this script is in
  sudo ops/upgrade.sh --from FOLDER            another one
  sudo ops/upgrade.sh --from URL [--ref NAME]  a git repository, at a tag or branch
  sudo ops/upgrade.sh --back                   the release that was in use before

  --check            says what would change, and changes nothing: steps of the database, settings, the changelog

  --verify-tag FILE  only if the tag that --ref names is signed by one of the keys in this file: public keys of OpenPGP, or
                     lines of ADDRESS KEY-TYPE KEY for keys of SSH (allowed signers of ssh-keygen)
  --root FOLDER  for a trial: everything below that folder, as with setup.sh

The database is backed up first. If the new release does not get ready, the former one is back in use.
The last $KEEP_RELEASES releases are kept.
"

while (($# > 0)); do
  case $1 in
    --help | -h) printf '%s' "$HELP"; exit 0 ;;
    --back) BACK=yes; shift; continue ;;
    --check) CHECK=yes; shift; continue ;;
  esac
  (($# > 1)) || fail "$1: its value is missing, or there is no such option; --help explains" 2
  case $1 in
    --from) FROM=$2 ;;
    --ref) REF=$2 ;;
    --verify-tag) SIGNERS=$2 ;;
    --root) ROOT_FOLDER=$(realpath -m "$2") ;;
    *) fail "there is no option $1; --help explains" 2 ;;
  esac
  shift 2
done

if [[ -n $SIGNERS ]]; then
  [[ -n $REF ]] || fail '--verify-tag: say which tag, with --ref' 2
  [[ -f $SIGNERS ]] || fail "--verify-tag: there is no file $SIGNERS; it takes the keys of those who may sign a release" 2
  SIGNERS=$(realpath "$SIGNERS")
fi

at "$ROOT_FOLDER"
require_machine
FORMER=$(in_use)
[[ -n $FORMER ]] || fail "there is no release in use: run setup.sh first"
if [[ -n $CHECK ]]; then LOG=/dev/null; else only_one; open_log; fi
CHECKOUT=''
trap 'rm -rf "$RENDERED" "$CHECKOUT"' EXIT
mapfile -t INSTANCES < <(enabled_instances)
((${#INSTANCES[@]} > 0)) || fail 'no instance is enabled: run setup.sh first'

# verify_tag SOURCE: ends the script unless what was fetched is what one of the keys has signed under this name. The name is part of
# what is signed, and git looks at it no more than at a branch that is called like the tag. Signatures of another kind than that of the
# keys are refused: git would take them for keys that are known elsewhere on the machine.
verify_tag() {
  local tag=refs/tags/$REF said home not="the tag $REF of $1 is not signed by a key in $SIGNERS"
  said=$(git -C "$CHECKOUT" cat-file tag "$tag" 2>/dev/null | sed -n '/^$/q; s/^tag //p')
  [[ -n $said ]] || fail "$not: it is no tag with a signature; nothing was changed"
  [[ $said == "$REF" ]] || fail "$not: it is that of $said; nothing was changed"
  [[ $(git -C "$CHECKOUT" rev-parse HEAD) == "$(git -C "$CHECKOUT" rev-parse "$tag^{commit}")" ]] || fail "the tag $REF of $1 is not what was fetched: a branch has the same name; nothing was changed"
  if grep -q '^-----BEGIN PGP PUBLIC KEY BLOCK-----' "$SIGNERS"; then
    home=$(mktemp -d) # with these keys alone
    { GNUPGHOME=$home logged gpg --batch --quiet --import "$SIGNERS" && GNUPGHOME=$home logged git -C "$CHECKOUT" -c gpg.program=gpg -c gpg.ssh.program=false -c gpg.x509.program=false verify-tag "$REF"; }
    said=$?
    GNUPGHOME=$home gpgconf --kill all 2>/dev/null
    rm -rf "$home"
  else
    logged git -C "$CHECKOUT" -c "gpg.ssh.allowedSignersFile=$SIGNERS" -c gpg.ssh.program=ssh-keygen -c gpg.program=false -c gpg.x509.program=false verify-tag "$REF"
    said=$?
  fi
  ((said == 0)) || fail "$not: $(last_words); nothing was changed"
}

release() {
  if [[ -n $BACK ]]; then
    RELEASE=$(cat "$RUNNING/former" 2>/dev/null)
    if [[ -z $RELEASE ]] || ! is_installed "$RELEASE"; then fail 'there is no release to go back to'; fi
    outcome "$RELEASE: there already"
    return
  fi
  fetch_source
  if is_installed "$RELEASE"; then outcome "$RELEASE: there already"; return; fi
  install_release "$SOURCE"
  outcome "installed $RELEASE"
}

# fetch_source: sets SOURCE to the folder of the checkout, and RELEASE to its name.
fetch_source() {
  SOURCE=${FROM:-$(dirname "$OPS")}
  if [[ -n $REF || $SOURCE == *://* || $SOURCE == *@*:* ]]; then
    command -v git >/dev/null || fail 'git is not installed, which fetches the release: apt-get install git'
    CHECKOUT=$(mktemp -d)
    logged git clone --quiet --depth 1 ${REF:+--branch "$REF"} "$SOURCE" "$CHECKOUT" || fail "$SOURCE${REF:+ at $REF} could not be fetched: $(last_words)"
    if [[ -n $SIGNERS ]]; then verify_tag "$SOURCE"; fi
    SOURCE=$CHECKOUT
  fi
  name_release "$SOURCE"
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
  start_timers
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

if [[ -n $CHECK ]]; then
  if [[ -n $BACK ]]; then RELEASE=$(cat "$RUNNING/former" 2>/dev/null) SOURCE=$RELEASES/$RELEASE; else fetch_source; fi
  show_difference "$SOURCE" "$CURRENT"
  exit 0
fi
STEPS=(release configuration backup units instances nginx_site releases)
for each in "${STEPS[@]}"; do
  step "${each//_/ }" "${#STEPS[@]}"
  "$each"
done
if [[ $FORMER == "$RELEASE" ]]; then exit 0; fi
printf '\nRelease %s is in use. Back to %s: sudo ops/upgrade.sh --back\n' "$RELEASE" "$FORMER"
