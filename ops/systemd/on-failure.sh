#!/bin/sh
# Called with the name of a unit that failed. /etc/mcpx/on-failure, if it is there and executable, is called with it too:
# the place to send a message from.
set -eu
unit=${1:?the name of a unit is missing}
echo "$unit failed and is not tried again: journalctl --namespace=+mcpx -u $unit -n 30 shows why; afterwards: systemctl restart $unit"
if [ -x /etc/mcpx/on-failure ]; then exec /etc/mcpx/on-failure "$unit"; fi
