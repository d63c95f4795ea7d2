#!/bin/sh
# Installs a certificate that certbot has got, and has nginx use it:
#   certbot certonly --cert-name mcpx --deploy-hook /opt/mcpx/current/ops/certbot/deploy-hook.sh ...
# Whatever goes wrong, the certificate from before stays in use, and the one that is installed is the one that is served:
# so the expiry in the metrics is that of the latter, and a hook that fails is noticed there.
# MCPX_ROOT stands for / in a trial, NGINX_COMMAND is how nginx is called there (NGINX would be a variable of its own).
set -eu

lineage=${RENEWED_LINEAGE:?certbot sets RENEWED_LINEAGE}
root=${MCPX_ROOT:-}
tls=$root/etc/mcpx/tls
nginx=${NGINX_COMMAND:-nginx}

# Among certbot's own hooks this runs for every certificate of the machine.
if [ "$(basename "$lineage")" != mcpx ]; then
  echo "not a certificate of MCPX: $lineage"
  exit 0
fi

fail () {
  echo "deploy-hook: $1; the certificate from before stays in use" >&2
  exit 1
}

[ "$(openssl x509 -in "$lineage/fullchain.pem" -noout -pubkey)" = "$(openssl pkey -in "$lineage/privkey.pem" -pubout)" ] ||
  fail "certificate and key in $lineage do not belong together"
serial=$(openssl x509 -in "$lineage/fullchain.pem" -noout -serial | cut -d= -f2)

# Readable by the service, which tells its expiry; the key is for root only, as whom nginx reads it.
mkdir -p "$tls/$serial.new"
chmod 755 "$tls/$serial.new"
install -m 644 "$lineage/fullchain.pem" "$tls/$serial.new/fullchain.pem"
install -m 600 "$lineage/privkey.pem" "$tls/$serial.new/privkey.pem"
rm -rf "${tls:?}/$serial"
mv "$tls/$serial.new" "$tls/$serial"

# A link is replaced by renaming another over it: there is no moment without.
point () {
  ln -sfn "$1" "$tls/current.new"
  mv -T "$tls/current.new" "$tls/current"
}
before=$(readlink "$tls/current" || true)
point "$serial"
ln -sfn current/fullchain.pem "$tls/fullchain.pem"
ln -sfn current/privkey.pem "$tls/privkey.pem"

go_back () {
  [ -z "$before" ] || point "$before"
  fail "$1"
}
# Not quoted: it may have arguments.
$nginx -t -q || go_back 'nginx does not accept its configuration'
$nginx -s reload || go_back 'nginx could not be told to reload'

# The one from before stays for as long as it takes to look back.
for folder in "$tls"/*/; do
  case $(basename "$folder") in
    current | "$serial" | "$before") ;;
    *) rm -rf "$folder" ;;
  esac
done
echo "installed the certificate with the serial number $serial"
