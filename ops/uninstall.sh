#!/bin/bash
# Takes MCPX off this machine, and leaves what cannot be had again: the data, the backups, the configuration, the certificate.
# shellcheck source-path=SCRIPTDIR
set -u -o pipefail
OPS=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=shell/output.sh
. "$OPS/shell/output.sh"
# shellcheck source=shell/machine.sh
. "$OPS/shell/machine.sh"
# shellcheck source=shell/instances.sh
. "$OPS/shell/instances.sh"

YES='' ROOT_FOLDER=''
HELP="Takes MCPX off this machine. Data, backups, configuration and certificate are left, and it is said where.

  sudo ops/uninstall.sh [--yes] [--root FOLDER]

  --yes          does not ask
  --root FOLDER  for a trial: everything below that folder, as with setup.sh
"
while (($# > 0)); do
  case $1 in
    --help | -h) printf '%s' "$HELP"; exit 0 ;;
    --yes | -y) YES=yes; shift ;;
    --root) ROOT_FOLDER=$(realpath -m "${2:?--root: its value is missing}"); shift 2 ;;
    *) fail "there is no option $1; --help explains" 2 ;;
  esac
done

at "$ROOT_FOLDER"
require_machine
if [[ -z $YES ]]; then
  [[ -t 0 ]] || fail 'it asks first, and there is no terminal to ask on; say --yes' 2
  read -rp 'Stop MCPX and take it off this machine? [y/N] ' answer
  [[ $answer =~ ^[yY] ]] || fail 'nothing was changed' 2
fi
only_one
open_log

nginx_site() {
  if [[ ! -e $SITE ]]; then outcome 'not there'; return; fi
  rm "$SITE"
  on_machine systemctl reload nginx || fail "nginx could not be told: $(last_words)"
  outcome "removed $SITE"
}

units() {
  local instances=() file
  mapfile -t instances < <(enabled_instances)
  on_machine systemctl disable --now mcpx-backup.timer mcpx-audit.timer mcpx-logs.timer "${instances[@]/#/mcpx@}" mcpx.target || fail "the instances could not be stopped: $(last_words); see $LOG"
  for file in "$UNITS"/mcpx@.service "$UNITS"/mcpx.target "$UNITS"/mcpx-backup.* "$UNITS"/mcpx-audit.* "$UNITS"/mcpx-logs.* "$UNITS"/mcpx-failed@.service; do rm -f "$file"; done
  # What an operator added with `systemctl edit` stays, as configuration does.
  rm -f "$UNITS/mcpx@.service.d/shutdown.conf" "$UNITS/mcpx@.service.d/resolver.conf" "$JOURNALS"/journald@mcpx.conf "$JOURNALS"/journald@mcpx-audit.conf "$UNITS/nginx.service.d/mcpx.conf"
  rmdir "$UNITS/mcpx@.service.d" "$UNITS/nginx.service.d" 2>/dev/null
  on_machine systemctl daemon-reload
  outcome "stopped ${instances[*]}"
}

programs() {
  rm -rf "$ROOT/opt/mcpx/releases" "$CURRENT" "$RUNNING" "$MCPX_COMMAND" "$ROOT/var/cache/mcpx"
  outcome "removed $ROOT/opt/mcpx"
}

# The site that answers the authority is gone, and the hook too: each renewal would fail, and certbot.service with it.
renewal() {
  local file=$ROOT/etc/letsencrypt/renewal/mcpx.conf
  if [[ ! -e $file ]]; then outcome 'not there'; return; fi
  grep -q '^autorenew' "$file" || sed -i 's/^\[renewalparams\]$/&\nautorenew = False/' "$file"
  outcome 'the certificate is not renewed any more'
}

STEPS=(nginx_site units renewal programs)
for each in "${STEPS[@]}"; do
  step "${each//_/ }" "${#STEPS[@]}"
  "$each"
done
rm -f "$ROOT/opt/mcpx/.lock"
rmdir "$ROOT/opt/mcpx" 2>/dev/null

cat <<END

Left are, in case you want them again:
  $DATA          users, grants, secrets
  $BACKUPS      backups of them
  $ROOT/etc/mcpx              configuration, with its secrets, and your tools
  $ROOT/etc/letsencrypt       the certificate, which setup.sh has renewed again
  /var/log/journal/*.mcpx*, /var/log/mcpx, /var/log/mcpx-*.log   what was logged, with addresses of people
  the packages nginx, certbot, and the user mcpx
  /etc/nginx/nginx.conf       worker_connections and worker_rlimit_nofile, which were raised

To remove them for good:
  certbot delete --cert-name mcpx
  rm -r $DATA $BACKUPS $ROOT/etc/mcpx $ACME
  deluser mcpx
END
