#!/bin/bash
# From a bare Debian 12 or 13 server to MCPX at an https address. Can be run again: it changes what is not as it should be, and
# replaces the instances one at a time, so that no request fails.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
OPS=$(cd "$(dirname "$0")" && pwd)
umask 022
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

DOMAIN='' EMAIL='' PORTS='' DRY='' CERTIFICATE=yes SOURCE=$(dirname "$OPS") ROOT_FOLDER='' HTTPS_PORT='' RENDER='' AUTHORITY=()
HELP="Sets up MCPX on this machine, or brings it up to date.

  sudo ops/setup.sh --domain NAME --email ADDRESS

  --domain NAME     name that clients use; its DNS entry must point to this machine
  --email ADDRESS   where Let's Encrypt writes to about the certificate
  --instances N     processes, on ports 8001, 8002 …; 2, or as many as there are
  --dry-run         says what it would do, and changes nothing
  --no-certificate  keeps the certificate that is there, at first a self-signed one
  --staging         a certificate for a trial: Let's Encrypt allows more of them, browsers refuse them
  --acme-server URL another certificate authority
  --from FOLDER     another checkout than the one this script is in
  --ports LIST      8001,8002: the ports of the instances
  --http-port N     another port than 80, and --https-port N another than 443
  --address IP      one address to listen on, not all of them
  --root FOLDER     for a trial: everything below that folder. Commands that change the machine are those in its
                    usr/local/sbin; where there is none, the step is left out
"

while (($# > 0)); do
  case $1 in
    --help | -h) printf '%s' "$HELP"; exit 0 ;;
    --dry-run) DRY=yes; shift; continue ;;
    --no-certificate) CERTIFICATE=''; shift; continue ;;
    --staging) AUTHORITY=(--staging); shift; continue ;;
  esac
  (($# > 1)) || fail "$1: its value is missing, or there is no such option; --help explains" 2
  case $1 in
    --domain) DOMAIN=$2 ;;
    --email) EMAIL=$2 ;;
    --instances) [[ $2 =~ ^[1-9]$|^[1-5][0-9]$ ]] || fail "--instances: \"$2\" is not a number from 1 to 59" 2
      PORTS=$(seq 8001 $((8000 + $2)) | paste -sd ,) ;;
    --ports) PORTS=$2 ;;
    --http-port) RENDER+=" --http-port $2" ;;
    --https-port) HTTPS_PORT=:$2 ;;
    --address) RENDER+=" --address $2" ;;
    --acme-server) AUTHORITY=(--server "$2") ;;
    --from) SOURCE=$2 ;;
    --root) ROOT_FOLDER=$(realpath -m "$2") ;;
    *) fail "there is no option $1; --help explains" 2 ;;
  esac
  shift 2
done

at "$ROOT_FOLDER"
require_machine
if [[ -n $DRY ]]; then LOG=/dev/null; else only_one; open_log; fi

GIVEN_URL=$(setting PUBLIC_URL)
if [[ -z $GIVEN_URL ]]; then
  [[ $DOMAIN =~ ^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$ ]] || fail "--domain: \"$DOMAIN\" is not a name such as mcp.example.com" 2
  URL=https://$DOMAIN$HTTPS_PORT
else
  URL=$GIVEN_URL
  [[ -z $DOMAIN || $URL == "https://$DOMAIN"* ]] || fail "--domain: $CONFIGURATION has PUBLIC_URL=$URL; change it there, then run this without --domain" 2
fi
DOMAIN=${URL#https://} DOMAIN=${DOMAIN%%[:/]*}
EMAIL=${EMAIL:-$(setting CERTBOT_EMAIL)}
if [[ -n $CERTIFICATE ]]; then
  [[ $EMAIL =~ ^[^@\ ]+@[^@\ ]+$ ]] || fail "--email: \"$EMAIL\" is not an address; Let's Encrypt writes there when a certificate runs out (--no-certificate does without)" 2
fi
PORTS=${PORTS:-$(enabled_instances | paste -sd ,)}
PORTS=${PORTS:-8001,8002}
IFS=, read -ra INSTANCES <<<"$PORTS"

# would TEXT: on a dry run, says what the step would do, and is true.
would() { [[ -n $DRY ]] && outcome "would $1"; }
# owned FOLDER MODE: a folder of the service's user.
owned() { if [[ -n $ROOT ]]; then install -d -m "$2" "$1"; else install -d -m "$2" -o mcpx -g mcpx "$1"; fi; }

packages() {
  local missing=() command
  for command in nginx certbot openssl logrotate; do
    if [[ $command == certbot && -z $CERTIFICATE ]] || command -v "$command" >/dev/null; then continue; fi
    missing+=("$command")
  done
  # ops/pnpm fetches the package manager with it, and that one the Node that MCPX runs on.
  if ! command -v curl >/dev/null && ! command -v wget >/dev/null; then missing+=(curl ca-certificates); fi
  # A library that the Node of MCPX is linked with, and that a bare Debian lacks.
  [[ $(ldconfig -p) == *libatomic.so.1* ]] || missing+=(libatomic1)
  if ((${#missing[@]} == 0)); then outcome 'there already'; return; fi
  if would "install ${missing[*]}"; then return; fi
  export DEBIAN_FRONTEND=noninteractive
  { on_machine apt-get update -q && on_machine apt-get install -y -q --no-install-recommends "${missing[@]}"; } ||
    fail "${missing[*]} could not be installed: $(last_words); see $LOG, and whether another installation is running"
  outcome "installed ${missing[*]}"
}

user() {
  if [[ -n $ROOT ]] || id -u mcpx >/dev/null 2>&1; then outcome "$([[ -n $ROOT ]] && id -un || echo mcpx): there already"; return; fi
  if would 'add mcpx, which nobody can sign in as'; then return; fi
  on_machine useradd --system --user-group --home-dir /var/lib/mcpx --no-create-home --shell /usr/sbin/nologin mcpx || fail "the user mcpx could not be added: $(last_words)"
  outcome 'added mcpx, which nobody can sign in as'
}

folders() {
  if would "make /opt/mcpx, /etc/mcpx, /var/lib/mcpx, /var/backups/mcpx where missing"; then return; fi
  if ! { install -d -m 755 "$ROOT/opt/mcpx" "$RELEASES" "$ROOT/etc/mcpx" "$TOOLS" "$TLS" "$ACME" "$UNITS" && install -d -m 700 "$RUNNING" && owned "$DATA" 700 && owned "$BACKUPS" 700; }; then
    fail 'its folders could not be made; are /opt, /etc and /var writable?'
  fi
  outcome 'there'
}

release() {
  name_release "$SOURCE"
  if is_installed "$RELEASE"; then outcome "$RELEASE: there already"; return; fi
  if would "install $RELEASE from $SOURCE"; then return; fi
  install_release "$SOURCE"
  outcome "installed $RELEASE"
}

configuration() {
  if [[ -n $GIVEN_URL ]]; then
    local said="$CONFIGURATION: there already"
    # One from before there was a place for tools. Whoever has set another, or none, is left alone.
    if [[ -z $DRY ]] && ! grep -Eq '^ *(export +)?TOOLS_DIR *=' "$CONFIGURATION"; then
      { cat "$CONFIGURATION" && printf '\n# Your own tools.\nTOOLS_DIR=%s\n' "$TOOLS"; } | put "$CONFIGURATION" 600
      said+=", now with TOOLS_DIR=$TOOLS"
    fi
    outcome "$said"
    return
  fi
  if would "write $CONFIGURATION"; then return; fi
  put "$CONFIGURATION" 600 <<END
# Settings of MCPX: NAME=value. docs/configuration.md explains them all. After a change: $OPS/setup.sh
PUBLIC_URL=$URL
${EMAIL:+CERTBOT_EMAIL=$EMAIL}
AUTH_DB_PATH=$DATA/auth.db
TLS_CERTIFICATE_PATH=$TLS/fullchain.pem
# Your own tools. After a change there, too: $OPS/setup.sh
TOOLS_DIR=$TOOLS
# Whoever has it can read /metrics at the port of each instance.
METRICS_TOKEN=$(head -c 24 /dev/urandom | base64 | tr '+/' '-_')
END
  outcome "wrote $CONFIGURATION"
}

placeholder() {
  if [[ -n $RENDER && -z $DRY ]]; then echo "$RENDER" | put "$RENDER_OPTIONS" 644; fi
  local made=made
  if [[ $(readlink "$TLS/current") == placeholder ]] && ! openssl x509 -in "$TLS/fullchain.pem" -noout -checkend 3600 >/dev/null 2>&1; then
    made='made anew'
  elif [[ -e $TLS/fullchain.pem && -e $TLS/privkey.pem ]]; then
    outcome 'not needed: there is a certificate'
    return
  fi
  if would 'make a self-signed certificate, which nginx starts with'; then return; fi
  if [[ $made != made ]]; then rm "$TLS/current"; fi
  MCPX_ROOT=$ROOT logged "$RELEASES/$RELEASE/ops/certbot/placeholder.sh" "$DOMAIN" || fail "openssl could not make a certificate: $(last_words); see $LOG"
  outcome "$made, self-signed: nginx starts with it"
}

units() {
  if would 'write the units of systemd where they differ'; then return; fi
  check_configuration "$RELEASE" "$PORTS"
  ((${#INSTANCES[@]} == 1)) || [[ -z $(setting METRICS_PORT) ]] || fail "$CONFIGURATION: METRICS_PORT can be opened by one instance only; take it out: METRICS_TOKEN puts /metrics on the port of each" 78
  write_units "$RELEASE"
  link_command
  outcome "$( ((UNITS_CHANGED > 0)) && echo "wrote $UNITS_CHANGED files" || echo unchanged)"
}

# The first user is made here, not by the server: so the password is shown once, and is written nowhere.
PASSWORD=''
first_user() {
  if [[ $(setting AUTH_MODE) == noauth || -n $(setting AUTH_DEFAULT_PASSWORD) ]]; then outcome 'as the configuration says'; return; fi
  if would 'add mcpuser with a password that is shown once, if there is no user yet'; then return; fi
  local users
  USERNAME=$(setting AUTH_DEFAULT_USERNAME) USERNAME=${USERNAME:-mcpuser}
  users=$(mcpx "$RELEASES/$RELEASE" cli/user.ts list --create 2>>"$LOG") || fail "the database could not be opened: $(last_words); see $LOG"
  if [[ $users != '[]' ]]; then outcome 'there already'; return; fi
  PASSWORD=$(mcpx "$RELEASES/$RELEASE" cli/user.ts add "$USERNAME" --generate --create 2>>"$LOG") || fail "the first user could not be added: $(last_words)"
  outcome "added $USERNAME"
}

instances() {
  if would "start on ports $PORTS, or replace those that run with something else, one at a time"; then return; fi
  if [[ -n $(in_use) && $(in_use) != "$RELEASE" ]]; then back_up; fi
  FORMER=$(in_use)
  if nothing_runs; then
    use_release "$RELEASE"
    outcome "left out: there is no systemctl below $ROOT"
    return
  fi
  on_machine systemctl enable mcpx.target "${INSTANCES[@]/#/mcpx@}" || fail "the instances could not be enabled: $(last_words); see $LOG"
  roll_out "$RELEASE" "${INSTANCES[@]}"
  start_timers
  on_machine systemctl start mcpx.target # they run already: so that stopping it stops them
  remove_old_releases "$FORMER"
  outcome "$( ((REPLACED > 0)) && echo "$REPLACED started" || echo "${#INSTANCES[@]} running, unchanged"), ready on $PORTS"
}

nginx_site() {
  if would "write $SITE if it differs, and have nginx load it"; then return; fi
  write_site
  outcome "$([[ -n $PUT ]] && echo 'wrote the site and loaded it' || echo unchanged)"
}

# Only now, that nginx knows the others.
surplus() {
  local port stopped=()
  for port in $(enabled_instances); do
    if [[ ,$PORTS, != *,$port,* ]]; then stopped+=("$port"); fi
  done
  if ((${#stopped[@]} == 0)); then outcome none; return; fi
  if would "stop ${stopped[*]}"; then return; fi
  on_machine systemctl disable --now "${stopped[@]/#/mcpx@}" || fail "${stopped[*]} could not be stopped: $(last_words)"
  (cd "$RUNNING" && rm -f "${stopped[@]}")
  outcome "stopped ${stopped[*]}"
}

LETS_ENCRYPT=https://acme-v02.api.letsencrypt.org/directory

# other_authority: the address of the one that the certificate is from, as certbot has noted it; empty where browsers trust it.
other_authority() { sed -n 's/^server = //p' "$ROOT/etc/letsencrypt/renewal/mcpx.conf" 2>/dev/null | tail -n 1 | grep -vxF "$LETS_ENCRYPT"; }

certificate() {
  if [[ -z $CERTIFICATE ]]; then outcome 'left as it is'; return; fi
  local from="Let's Encrypt"
  if ((${#AUTHORITY[@]} > 1)); then from=${AUTHORITY[1]}; fi
  if would "get one for $DOMAIN from $from, unless there is one, and have it renewed"; then return; fi
  local lineage=$ROOT/etc/letsencrypt/live/mcpx hook=$CURRENT/ops/certbot/deploy-hook.sh said='there already' other
  other=$(other_authority)
  if [[ $other == *://acme-staging* && ${#AUTHORITY[@]} -eq 0 ]]; then AUTHORITY=(--server "$LETS_ENCRYPT" --force-renewal); fi # what was for a trial
  if [[ ! -e $lineage/fullchain.pem || ${AUTHORITY[2]:-} == --force-renewal ]]; then
    on_machine certbot certonly --webroot --webroot-path "$ACME" --domain "$DOMAIN" --cert-name mcpx --email "$EMAIL" --agree-tos --non-interactive --deploy-hook "$hook" \
      "${AUTHORITY[@]}" ${ROOT:+--config-dir "$ROOT/etc/letsencrypt" --work-dir "$ROOT/var/lib/letsencrypt" --logs-dir "$ROOT/var/log/letsencrypt"} ||
      fail "no certificate for $DOMAIN: $( (grep -a 'Detail:' "$LOG" || last_words) | tail -n 1 | sed 's/^ *Detail: *//'). Does the name point to this machine, and is port 80 open? MCPX runs meanwhile; run this again"
    said=issued
    if [[ ${AUTHORITY[2]:-} == --force-renewal ]]; then said='issued in place of that for a trial'; fi
  elif [[ -n $other ]]; then
    said="there already, from $other"
  fi
  # As uninstall.sh leaves it.
  if [[ -e $ROOT/etc/letsencrypt/renewal/mcpx.conf ]]; then sed -i '/^autorenew = False$/d' "$ROOT/etc/letsencrypt/renewal/mcpx.conf"; fi
  # One from before the placeholder: certbot hands over what it has just been given only.
  if [[ -e $lineage/fullchain.pem ]] && ! cmp -s "$TLS/fullchain.pem" "$lineage/fullchain.pem"; then
    MCPX_ROOT=$ROOT NGINX_COMMAND=${ROOT:+$ROOT/usr/local/sbin/}nginx RENEWED_LINEAGE=$lineage logged "$hook" || fail "nginx was not given the certificate: $(last_words); see $LOG"
  fi
  on_machine systemctl enable --now certbot.timer || fail "renewal could not be enabled: $(last_words)"
  outcome "$said; certbot.timer renews it"
}

backups() {
  if would 'have the database backed up every night'; then return; fi
  on_machine systemctl enable --now mcpx-backup.timer || fail "the nightly backup could not be enabled: $(last_words)"
  outcome 'every night'
}

check() {
  if would "call $URL as a client would"; then return; fi
  if nothing_runs; then outcome 'left out: nothing runs'; return; fi
  # Only a browser's own authority will do, except where another one was asked for.
  local trust=()
  if [[ -z $CERTIFICATE || -n $(other_authority) ]]; then trust=(--trust "$TLS/fullchain.pem"); fi
  local said
  said=$(mcpx "$CURRENT" ops/check.ts "${trust[@]}" 2>&1) || fail "$(tail -n 1 <<<"$said"); see $ROOT/var/log/mcpx/mcpx-error.log and journalctl --namespace=mcpx"
  outcome "$said"
}

# Whatever ends the script, also in the middle of a command whose output goes to the log: the password goes where the operator looks.
exec 8>&1
at_end() {
  rm -rf "$RENDERED"
  if [[ -n $PASSWORD ]]; then printf '\nSign in as %s with the password %s\nIt is shown this once. Another one: sudo mcpx user passwd %s --generate\n' "$USERNAME" "$PASSWORD" "$USERNAME" >&8; fi
}

printf 'MCPX at %s, on ports %s%s\n\n' "$URL" "$PORTS" "${ROOT:+, below $ROOT}"
trap at_end EXIT
# In order; a step fails the whole, and the next run takes it up again.
STEPS=(packages user folders release configuration placeholder units first_user instances nginx_site surplus certificate backups check)
for each in "${STEPS[@]}"; do
  step "${each//_/ }" "${#STEPS[@]}"
  "$each"
done

if [[ -n $DRY ]]; then printf '\nNothing was changed.\n'; exit 0; fi
printf '\nMCPX serves %s%s\n' "$URL" "$(setting MCP_PATH | grep . || echo /mcp)"
printf '\n  sudo mcpx user add NAME      lets somebody in\n  journalctl --namespace=mcpx -f  shows what happens\n  %-28s replaces it by another release\n' "sudo ops/upgrade.sh"
