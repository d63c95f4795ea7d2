# shellcheck shell=bash
# What a script says: a line for each step, and one line when it cannot go on.

SCRIPT=$(basename "$0" .sh)
STEP=0 STEP_OPEN='' STEP_STARTED=0

# step NAME OF: begins a step of so many; `outcome` ends its line.
step() {
  STEP=$((STEP + 1)) STEP_OPEN=yes STEP_STARTED=$SECONDS
  printf '%2d/%d  %-14s' "$STEP" "$2" "$1"
}

# outcome TEXT: what came of the step.
outcome() {
  local took=$((SECONDS - STEP_STARTED))
  if ((took > 1)); then printf '%s (%d s)\n' "$1" "$took"; else printf '%s\n' "$1"; fi
  STEP_OPEN=''
}

# fail TEXT: one line that says what is wrong and how to fix it.
fail() {
  if [[ -n $STEP_OPEN ]]; then printf 'failed\n'; fi
  printf '%s: %s\n' "$SCRIPT" "$1" >&2
  exit "${2:-1}"
}

# logged COMMAND…: what a command says goes to the log, for those who look for the cause.
logged() {
  { printf '\n$ %s\n' "$*" && "$@"; } </dev/null >>"$LOG" 2>&1 8>&- 9>&-
}

# last_words: what the log ends with, on one line.
last_words() {
  tail -n 1 "$LOG" | tr -d '\r' | cut -c1-300
}
