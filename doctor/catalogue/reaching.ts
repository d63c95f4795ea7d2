// From the name to an encrypted connection.
import type { Finding } from './entry.ts'

export const reaching = {
  'name-unknown': {
    level: 'problem',
    symptom: 'Clients say that the host cannot be found.',
    cause: 'The name has no A or AAAA record, or the one that was just made has not spread yet.',
    fix: 'Make an A record (and an AAAA record if the server has IPv6) at the provider of the domain. `dig +short NAME` shows what there is. Correct PUBLIC_URL if the name is misspelt there.'
  },
  'name-not-resolved': {
    level: 'problem',
    symptom: 'Names are found sometimes, or not at all.',
    cause: 'The resolver of the machine that ran the doctor did not answer.',
    fix: 'Look at /etc/resolv.conf there, and try `dig NAME @1.1.1.1`. If that works, the resolver is at fault and not the domain.'
  },
  'name-private': {
    level: 'warning',
    symptom: 'Your own machine connects; Claude and ChatGPT do not.',
    cause: 'The name leads to an address that only your own network or machine can reach.',
    fix: 'For hosted clients, point the record at the public address of the server. In a closed network this is as it should be. Look at /etc/hosts too, if the record is right.'
  },
  'port-closed': {
    level: 'problem',
    symptom: 'Connection refused.',
    cause: 'Nothing listens at that address and port: nginx, or without one the server, is not running, or listens elsewhere.',
    fix: 'On the server: `ss -Hltnp | sort -u` shows what listens. `systemctl status nginx` and `nginx -t` say why nginx does not. Without nginx, start the server: `./mcpx start`.'
  },
  'port-silent': {
    level: 'problem',
    symptom: 'Clients wait, then say that it timed out.',
    cause: 'A firewall drops the packets, often the security group of the hoster, or the address is not that of the server.',
    fix: 'Let TCP 80 and 443 in, both in the firewall of the machine (`nft list ruleset`, `ufw status`) and in that of the hoster. Compare the address with `ip -brief address` on the server.'
  },
  'address-dead': {
    level: 'problem',
    symptom: 'Some clients connect and others do not, or each only sometimes.',
    cause: 'The name has several addresses, and the server does not answer at one of them. Often the AAAA record is left over, or nginx does not listen on IPv6.',
    fix: 'Remove the record of the address that does not answer, or let nginx listen there: `listen [::]:443 ssl;`.'
  },
  'tls-missing': {
    level: 'problem',
    symptom: 'Clients report a wrong version number, or that the secure connection failed.',
    cause: 'The port speaks plain HTTP, or something that is no TLS at all.',
    fix: 'In nginx the port needs `listen 443 ssl;`. The server itself speaks plain HTTP and has to stay behind the proxy.'
  },
  'tls-refused': {
    level: 'problem',
    symptom: 'The secure connection is refused before a certificate is shown.',
    cause: 'nginx has no site with that name, and turns away names it does not know; or the two sides have no protocol in common.',
    fix: 'server_name in the nginx site has to be the host of PUBLIC_URL, and ssl_protocols has to have TLSv1.2 and TLSv1.3. `nginx -T | grep -E "server_name|ssl_protocols"` shows them.'
  },
  'tls-expired': {
    level: 'problem',
    symptom: 'Every client refuses to connect since a certain day.',
    cause: 'The certificate has expired: it was not renewed, or nginx was not reloaded afterwards.',
    fix: '`certbot renew` renews it and says what is in the way; `systemctl reload nginx` makes nginx read it. Then look why this did not happen by itself: `systemctl list-timers certbot.timer`.'
  },
  'tls-not-yet-valid': {
    level: 'problem',
    symptom: 'Clients say that the certificate is not valid yet.',
    cause: 'Nearly always a clock: that of the machine that made the certificate, or that of the one that looks.',
    fix: '`timedatectl` on both machines; `timedatectl set-ntp true` keeps the time right.'
  },
  'tls-wrong-name': {
    level: 'problem',
    symptom: 'Clients say that the certificate is for another host.',
    cause: 'The certificate does not have the name in it, or nginx shows the one of another site.',
    fix: 'Get one for the name: docs/deployment.md, the step about the certificate. If there is one, server_name in nginx does not match the name, so that another site answers.'
  },
  'tls-self-signed': {
    level: 'problem',
    symptom: 'curl works with -k only; no hosted client connects.',
    cause: 'The certificate is signed by itself: the placeholder with which nginx starts, because none was issued yet.',
    fix: 'Get a certificate: `sudo ops/setup.sh --email ADDRESS`, or by hand: docs/deployment.md, the step about the certificate.'
  },
  'tls-chain-incomplete': {
    level: 'problem',
    symptom: 'Browsers connect; Node, Python and most MCP clients do not.',
    cause: 'The server shows its own certificate without the intermediate one. Browsers fetch it or know it, other programs do not.',
    fix: 'ssl_certificate has to be fullchain.pem, not cert.pem. Reload nginx.'
  },
  'tls-untrusted': {
    level: 'problem',
    symptom: 'Clients say that the issuer of the certificate is unknown.',
    cause: "The certificate is from an authority that is not in the usual list: one of a company, or Let's Encrypt's staging one.",
    fix: 'Get one without `--staging` or `--test-cert`. With an authority of your own, hosted clients cannot connect; for the doctor and for clients in Node, set NODE_EXTRA_CA_CERTS to its certificate.'
  },
  'tls-expires-soon': {
    level: 'problem',
    symptom: 'Nothing yet; in days every client will refuse to connect.',
    cause: 'The renewal has failed for weeks.',
    fix: '`certbot renew` now; its output and /var/log/letsencrypt/letsencrypt.log say why. Port 80 has to be reachable from the internet.'
  },
  'tls-renewal-overdue': {
    level: 'warning',
    symptom: 'Nothing yet.',
    cause: 'The certificate should have been renewed by now: certbot does when a third of its time is left.',
    fix: '`systemctl list-timers certbot.timer` has to show a next run, `certbot renew --dry-run` has to succeed. If a newer certificate is on disk, nginx was not reloaded: `systemctl reload nginx`.'
  },
  'tls-old-protocol': {
    level: 'warning',
    symptom: 'Security scanners complain.',
    cause: 'The proxy still accepts TLS 1.0 or 1.1, which are obsolete (RFC 8996).',
    fix: '`ssl_protocols TLSv1.2 TLSv1.3;` in nginx, in the first site of the port too: that one decides.'
  },
  'hsts-missing': {
    level: 'warning',
    symptom: 'Nothing for clients. A browser may be led to http:// by whoever controls the network.',
    cause: 'The answer has no Strict-Transport-Security. The server sends it when PUBLIC_URL is https, so the proxy takes it away or PUBLIC_URL is not set.',
    fix: 'Set PUBLIC_URL; look for `proxy_hide_header` in nginx.'
  },
  'http-closed': {
    level: 'warning',
    symptom: 'Whoever types the address without https gets nothing, and renewing the certificate may fail.',
    cause: 'Port 80 does not answer.',
    fix: "Let nginx listen on it, and let TCP 80 in: Let's Encrypt checks the name over it."
  },
  'http-served': {
    level: 'problem',
    symptom: 'Requests work over http, so that tokens may travel in the clear.',
    cause: 'Port 80 passes requests on instead of sending clients to https.',
    fix: 'On port 80, nginx should have nothing but `return 308 https://$host$request_uri;` and the location of /.well-known/acme-challenge/.'
  },
  'redirect-missing': {
    level: 'warning',
    symptom: 'Whoever types the address without https gets an error page.',
    cause: 'Port 80 answers, but does not send clients to https.',
    fix: '`return 308 https://$host$request_uri;` in the site on port 80. If the page is a stranger\'s, server_name does not match and another site answers.'
  },
  'redirect-loses-path': {
    level: 'problem',
    symptom: 'A client that was given http:// ends on the home page, or finds no MCP server.',
    cause: 'The redirect to https does not keep path and query.',
    fix: '`return 308 https://$host$request_uri;`: $request_uri is the part that is missing.'
  },
  'redirect-elsewhere': {
    level: 'problem',
    symptom: 'A client that was given http:// ends at another site.',
    cause: 'The redirect leads to another host or port, or not to https.',
    fix: '`return 308 https://$host$request_uri;`, with the port of PUBLIC_URL if it has one.'
  },
  'acme-blocked': {
    level: 'warning',
    symptom: 'Nothing yet; the certificate will not be renewed.',
    cause: "Over port 80, /.well-known/acme-challenge/ is answered with a refusal or an error, so that Let's Encrypt cannot check the name.",
    fix: 'The site on port 80 needs `location /.well-known/acme-challenge/ { root /var/www/mcpx-acme; }`, and no password or address rule in front of it.'
  }
} as const satisfies Record<string, Finding>
