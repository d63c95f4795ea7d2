# shellcheck shell=bash
# Steps that setup and upgrade have in common. Each leaves alone what is as it should be.

RENDERED='' # removed at the end of the script

# check_configuration RELEASE PORTS: sets RENDERED to a folder with what the release makes of the configuration.
check_configuration() {
  local options=()
  if [[ -f $RENDER_OPTIONS ]]; then read -ra options <"$RENDER_OPTIONS"; fi
  RENDERED=$(mktemp -d)
  local problems status
  problems=$(as_root "$RELEASES/$1" ops/render.ts --out "$RENDERED" --env "$CONFIGURATION" --instances "$2" --root "${ROOT:-/}" "${options[@]}" 2>&1 >>"$LOG")
  status=$?
  problems=$(sed 's/^render: //' <<<"$problems" | paste -sd ';' | cut -c1-1000)
  case $status in
    0) ;;
    78) fail "$CONFIGURATION: $problems; correct that and run it again" 78 ;;
    *) fail "the files of nginx and systemd could not be written: $problems; see $LOG" ;;
  esac
}

# write_units RELEASE: sets UNITS_CHANGED to how many were.
write_units() {
  local from=$RELEASES/$1/ops/systemd file
  UNITS_CHANGED=0
  for file in "$from"/*.service "$from"/*.timer "$from"/*.target; do
    put "$UNITS/$(basename "$file")" 644 <"$file"
    if [[ -n $PUT ]]; then UNITS_CHANGED=$((UNITS_CHANGED + 1)); fi
  done
  put "$UNITS/mcpx@.service.d/shutdown.conf" 644 <"$RENDERED/systemd/mcpx@.service.d/shutdown.conf"
  if [[ -n $PUT ]]; then UNITS_CHANGED=$((UNITS_CHANGED + 1)); fi
  if [[ -e $from/nginx.conf ]]; then put "$UNITS/nginx.service.d/mcpx.conf" 644 <"$from/nginx.conf"; fi
  if [[ -n $PUT ]]; then UNITS_CHANGED=$((UNITS_CHANGED + 1)); fi
  put_resolver
  if ((UNITS_CHANGED > 0)); then on_machine systemctl daemon-reload || fail "systemd does not take the units: $(last_words); see $LOG"; fi
  local namespace
  for file in "$from"/journald@*.conf; do
    [[ -e $file ]] || continue # a release from before there were any
    put "$JOURNALS/$(basename "$file")" 644 <"$file"
    namespace=$(basename "$file" .conf)
    if [[ -n $PUT ]]; then on_machine systemctl try-restart "systemd-$namespace.service" || fail "the journal does not start: $(last_words); see $LOG"; fi
  done
  # Former releases set limits for the journal of the whole machine.
  if [[ -e $JOURNALS/journald.conf.d/mcpx.conf ]]; then
    rm "$JOURNALS/journald.conf.d/mcpx.conf"
    on_machine systemctl restart systemd-journald || fail "the journal does not start: $(last_words); see $LOG"
  fi
}

# put_resolver: the instances may not reach 169.254.0.0/16, where clouds have their secrets; in some, names are looked up there too.
put_resolver() {
  local file=$UNITS/mcpx@.service.d/resolver.conf addresses
  addresses=$(sed -n 's/^nameserver  *\(169\.254\.[0-9.]*\|100\.100\.100\.200\) *$/\1/p' "$ROOT/etc/resolv.conf" 2>/dev/null | paste -sd ' ')
  PUT=''
  if [[ -n $addresses ]]; then
    put "$file" 644 <<<"# Written by setup: this machine looks names up there.
[Service]
IPAddressAllow=$addresses"
  elif [[ -e $file ]]; then
    rm "$file" && PUT=yes
  fi
  if [[ -n $PUT ]]; then UNITS_CHANGED=$((UNITS_CHANGED + 1)); fi
}

# A stream takes two connections of nginx, and Debian's nginx.conf gives a process 768: a few addresses could have them all.
NGINX_CONNECTIONS=8192 NGINX_FILES=20000

# raise_limits: has the main file of nginx allow for that many, unless it allows for more. The file is Debian's, so nothing else of
# it is touched. Sets PUT to yes if it was.
raise_limits() {
  local file=$ROOT/etc/nginx/nginx.conf connections
  PUT=''
  [[ -f $file ]] || return 0
  connections=$(sed -n 's/^[^#]*\bworker_connections  *\([0-9]*\) *;.*/\1/p' "$file" | head -n 1)
  put "$file" 644 < <(
    grep -q '^[^#]*\bworker_rlimit_nofile\b' "$file" || printf 'worker_rlimit_nofile %s; # a connection is a file; added by MCPX\n' $NGINX_FILES
    if [[ -n $connections ]] && ((connections < NGINX_CONNECTIONS)); then sed "s/\(^[^#]*\bworker_connections  *\)$connections *;/\1$NGINX_CONNECTIONS;/" "$file"; else cat "$file"; fi
  )
}

# start_timers: of the logs; a release from before there were some has none.
start_timers() {
  if [[ -e $UNITS/mcpx-audit.timer ]]; then on_machine systemctl enable --now mcpx-audit.timer || fail "the audit events could not be kept apart: $(last_words); see $LOG"; fi
  if [[ -e $UNITS/mcpx-logs.timer ]]; then on_machine systemctl enable --now mcpx-logs.timer || fail "the logs of nginx could not be kept small: $(last_words); see $LOG"; fi
}

# close_logs: nginx itself would make them so that all may read them, until they are first rotated; they hold addresses of people.
close_logs() {
  local folder=$ROOT/var/log/mcpx file
  if [[ -n $ROOT ]]; then install -d -m 755 "$folder"; else install -d -m 750 -g adm "$folder"; fi
  for file in "$folder"/mcpx-{access,error}.log; do
    if [[ -e $file ]]; then chmod 640 "$file"; elif [[ -n $ROOT ]]; then install -m 640 /dev/null "$file"; else install -m 640 -g adm /dev/null "$file"; fi
  done
}

# write_site: sets PUT to yes if nginx was given another site file. A file that nginx refuses is taken back.
write_site() {
  local former main=$ROOT/etc/nginx/nginx.conf raised
  former=$(mktemp -d)
  cp "$SITE" "$former/site" 2>/dev/null
  cp -p "$main" "$former/main" 2>/dev/null
  close_logs
  raise_limits
  raised=$PUT
  put "$SITE" 644 <"$RENDERED/nginx/mcpx.conf"
  PUT=${PUT:-$raised}
  if [[ -z $PUT ]]; then
    rm -r "$former"
  elif ! on_machine nginx -t; then
    if [[ -s $former/site ]]; then mv "$former/site" "$SITE"; else rm -f "$SITE"; fi
    if [[ -n $raised ]]; then mv "$former/main" "$main"; fi
    rm -r "$former"
    fail "nginx does not take $SITE: $(grep -a 'emerg' "$LOG" | tail -n 1); see $LOG"
  else
    rm -r "$former"
    on_machine systemctl reload-or-restart nginx || fail "nginx does not start: $(last_words); see journalctl -u nginx"
  fi
}

# back_up: before a release that may bring the database further.
back_up() {
  if [[ ! -e $DATA/auth.db ]]; then return; fi
  logged mcpx "$CURRENT" cli/backup.ts || fail "the database could not be backed up: $(last_words); nothing was changed"
}
