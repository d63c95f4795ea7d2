# shellcheck shell=bash
# How Node is started by root: as the service's user, or with nothing that this user could have written.
# The caller has set SERVICE_USER (empty in a trial: nobody is changed to), CONFIGURATION and DATA.

# What a command reads first: the configuration, from descriptor 3, as `node --env-file` reads a file. Only root can open the file,
# and by now nobody is root any more. Inline, as the release that it is for may be another one than that of this script.
CONFIGURE='data:text/javascript,import fs from "node:fs"; import { parseEnv } from "node:util";
  for (const [name, value] of Object.entries(parseEnv(fs.readFileSync(3, "utf8")))) process.env[name] ??= value; fs.closeSync(3)'

# A compile cache holds code. No such folder of the caller's environment is read, whoever could write to it.
NO_CACHE=(env -u NODE_COMPILE_CACHE NODE_DISABLE_COMPILE_CACHE=1)

# as_service RELEASE SCRIPT ARGUMENT…: a command of a release with the service's configuration. The rights of root are gone for
# good before the first line of Node runs: what the service's user has written, code or links, does no more than this user could.
as_service() (
  local release=$1 script=$2 become=()
  if [[ -n $SERVICE_USER ]]; then
    become=(setpriv --reuid="$SERVICE_USER" --regid="$(id -g "$SERVICE_USER")" --init-groups --inh-caps=-all --ambient-caps=-all --bounding-set=-all --no-new-privs)
  fi
  exec 3<"$CONFIGURATION" && cd "$DATA" || exit 1
  exec "${become[@]}" "${NO_CACHE[@]}" "$release/node_modules/.bin/node" --import="$CONFIGURE" "$release/$script" "${@:3}"
)

# as_root RELEASE SCRIPT ARGUMENT…: a script that needs root, from a folder that is root's; it touches nothing of the service's user.
as_root() (
  cd / && exec "${NO_CACHE[@]}" "$1/node_modules/.bin/node" "$1/$2" "${@:3}"
)
