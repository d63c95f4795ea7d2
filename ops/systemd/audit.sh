#!/bin/bash
# Writes the audit events that the instances have logged since the last time: lines of JSON with a member "audit". Nobody can put one
# into a request: a quotation mark inside of a value has a backslash before it.
set -eu -o pipefail
journalctl --quiet --namespace=mcpx --identifier=mcpx --output=cat --cursor-file="$STATE_DIRECTORY/cursor" | { grep -a '[{,]"audit":' || true; }
