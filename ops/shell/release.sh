# shellcheck shell=bash
# Releases: a checkout with its packages in a folder of its own, named by version and content. One of them is in use.

KEEP_RELEASES=3
# What a checkout holds and a release does not: history, packages, and what belongs to the place where it was tried.
NOT_RELEASED=(--exclude=.git --exclude=node_modules --exclude=.tap --exclude=./data --exclude=./.env --exclude=./coverage)

# pack SOURCE: the files of a checkout as one stream, the same for the same files wherever they come from.
pack() {
  tar -C "$1" -cf - --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode='u=rwX,go=rX' "${NOT_RELEASED[@]}" .
}

# name_release SOURCE: sets RELEASE to the id that the files of a checkout have.
name_release() {
  [[ -f $1/server.ts && -f $1/pnpm-lock.yaml ]] || fail "$1 is no checkout of MCPX: it has no server.ts; say --from FOLDER"
  local version
  version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$1/package.json")
  RELEASE=$version-$(pack "$1" | sha256sum | cut -c1-12)
}

is_installed() { [[ -e $RELEASES/$1/.installed ]]; }

# install_release SOURCE: brings RELEASE to its folder, with the packages that it runs on.
install_release() {
  local folder=$RELEASES/$RELEASE
  if is_installed "$RELEASE"; then return; fi
  rm -rf "$folder" # what an interrupted installation left
  mkdir -p "$folder"
  pack "$1" | tar -C "$folder" -xf - --no-same-owner || fail "$folder cannot be written; free some space on its disk"
  local pnpm=$folder/ops/pnpm
  [[ -x $pnpm ]] || pnpm=$OPS/pnpm # an earlier release
  # CI: pnpm asks nothing. What the lock file pins is unpacked, and nothing of it is run: there may be no Node yet to run it.
  (umask 022 && cd "$folder" && CI=true logged "$pnpm" install --prod --frozen-lockfile --prefer-offline --ignore-pnpmfile --ignore-scripts) 9>&- ||
    fail "the packages could not be installed: $(last_words); see $LOG, and whether registry.npmjs.org can be reached"
  logged "$folder/node_modules/.bin/node" --version || fail "its Node does not run on this machine: $(last_words); see $LOG"
  touch "$folder/.installed"
}

# in_use: the id of the release in use; empty when there is none.
in_use() { basename "$(readlink "$CURRENT" 2>/dev/null)" 2>/dev/null; }

# use_release ID: swaps the link in one step. Relative, so that the whole folder may be moved.
use_release() {
  if [[ $(in_use) == "$1" ]]; then return; fi
  ln -sfn "releases/$1" "$CURRENT.new" && mv -T "$CURRENT.new" "$CURRENT"
}

# remove_old_releases FORMER: keeps the one in use, the one before it, and the newest others.
remove_old_releases() {
  local id others=0
  while read -r id; do
    if [[ $id == "$(in_use)" || $id == "${1:-}" ]]; then continue; fi
    others=$((others + 1))
    if ((others > KEEP_RELEASES - 2)); then rm -rf "${RELEASES:?}/$id"; fi
  done < <(ls -t "$RELEASES")
}
