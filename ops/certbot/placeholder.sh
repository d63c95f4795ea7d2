#!/bin/sh
# A certificate that nginx can start with before there is a real one: placeholder.sh NAME
# Self-signed and for a day, so that nobody takes it for more; the metrics call it overdue when that day is over.
# MCPX_ROOT stands for / in a trial.
set -eu

name=${1:?usage: placeholder.sh NAME}
tls=${MCPX_ROOT:-}/etc/mcpx/tls

mkdir -p "$tls"
chmod 755 "$tls"
if [ -e "$tls/current/fullchain.pem" ]; then
  echo "there is a certificate in $tls already"
  exit 0
fi

mkdir -p "$tls/placeholder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 1 \
  -subj "/CN=$name" -addext "subjectAltName=DNS:$name" \
  -keyout "$tls/placeholder/privkey.pem" -out "$tls/placeholder/fullchain.pem" 2>/dev/null
chmod 644 "$tls/placeholder/fullchain.pem"
chmod 600 "$tls/placeholder/privkey.pem"

# One link decides, so that certificate and key change together.
ln -sfn placeholder "$tls/current"
ln -sfn current/fullchain.pem "$tls/fullchain.pem"
ln -sfn current/privkey.pem "$tls/privkey.pem"
echo "nginx can start with the placeholder in $tls"
