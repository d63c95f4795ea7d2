// What only the server itself can show.
import type { Finding } from './entry.ts'

export const machine = {
  'config-wrong': {
    level: 'problem',
    symptom: 'The server does not start, with exit code 78.',
    cause: 'A setting has a value that is not allowed.',
    fix: 'The line says which and what is allowed; docs/configuration.md has all of them.'
  },
  'config-unreadable': {
    level: 'problem',
    symptom: 'The doctor cannot say what is configured.',
    cause: 'The file of settings is not there or may not be read by this user.',
    fix: 'Run the doctor with sudo, and give the file with --env. Where ops/setup.sh was used, `sudo mcpx doctor` knows it.'
  },
  'config-exposed': {
    level: 'problem',
    symptom: 'Nothing: every user of the machine can read your keys.',
    cause: 'The file of settings can be read by others.',
    fix: '`chmod 600` it, and exchange the keys in it if others use the machine.'
  },
  'public-url-unset': {
    level: 'warning',
    symptom: 'Clients on other machines are sent to localhost.',
    cause: 'PUBLIC_URL is not set.',
    fix: 'Set it to the https address that clients use, and restart. For yourself on this machine, nothing is missing.'
  },
  'node-unsafe': {
    level: 'warning',
    symptom: 'Nothing. Services that answer in Brotli cannot be read: the server refuses that on such a Node.',
    cause: 'The Node that runs this has a decoder of Brotli through which an answer can run code (CVE-2026-111497).',
    fix: 'Upgrade MCPX, which brings its Node along. Where its packages have no newer one for this system, install Node yourself, and start `node server.ts` with it.'
  },
  'instance-down': {
    level: 'problem',
    symptom: 'Clients report 502, or the remaining instances carry everything.',
    cause: 'An instance does not answer on its port.',
    fix: '`systemctl status mcpx@PORT` and `journalctl --namespace=+mcpx -u mcpx@PORT -n 50` say why; `systemctl restart mcpx@PORT`.'
  },
  'instance-not-ready': {
    level: 'problem',
    symptom: 'The instance gets no requests, or answers them with errors.',
    cause: 'It runs, and says itself that something it needs is missing.',
    fix: 'The line has its reason; `journalctl --namespace=+mcpx -u mcpx@PORT -n 50` has more.'
  },
  'data-missing': {
    level: 'problem',
    symptom: 'Everybody has to sign in again after a restart, or the server does not start.',
    cause: 'The folder of AUTH_DB_PATH is not there.',
    fix: 'Start the server once, or correct AUTH_DB_PATH. A relative path starts at the folder that the server is started in.'
  },
  'data-exposed': {
    level: 'problem',
    symptom: 'Other users of the machine can read who may sign in, or the secret that signs tokens; the next start is refused with exit code 78.',
    cause: 'The database, the secret or the key can be read by others.',
    fix: '`chmod 700` the folder and `chmod 600` what is in it. If others use the machine, exchange the secret: docs/authentication.md.'
  },
  'database-unreachable': {
    level: 'problem',
    symptom: 'Nobody can sign in, and clients cannot refresh their tokens (503); a start fails, or waits.',
    cause: 'PostgreSQL cannot be reached, or does not let this server in.',
    fix: 'The line says why, and docs/scaling.md what to do. Calls with a token that an instance has seen go on meanwhile.'
  },
  'database-unencrypted': {
    level: 'warning',
    symptom: 'Nothing. Whoever listens on the network between reads hashes of passwords and tokens, and can change what is stored.',
    cause: 'The connection to PostgreSQL on another machine has no TLS.',
    fix: 'Put sslmode=verify-full into DATABASE_URL, with sslrootcert where its authority is your own; docs/scaling.md. In a network that is yours alone, as between containers of one machine, nothing is missing.'
  },
  'database-crowded': {
    level: 'warning',
    symptom: 'Requests are answered with 503 now and then, most of all while instances are replaced.',
    cause: 'Most of the connections that PostgreSQL allows are in use.',
    fix: 'Raise its max_connections, or lower DATABASE_POOL_MAX: instances × (DATABASE_POOL_MAX + 1) has to be below it.'
  },
  'tools-exposed': {
    level: 'problem',
    symptom: 'The server does not start, with exit code 78.',
    cause: 'A file that it loads, or a folder above, can be changed by others, who could have it run what they like.',
    fix: 'The line has the command. Look at what is in the folder before you start the server again.'
  },
  'tools-unreadable': {
    level: 'problem',
    symptom: 'The server does not start, with exit code 78, or lacks a tool.',
    cause: 'A tool of your own cannot be read by the user that the server runs as.',
    fix: '`sudo chmod -R a+rX /etc/mcpx/tools`, or the folder that TOOLS_DIR names; home directories are closed to the service.'
  },
  'disk-full': {
    level: 'problem',
    symptom: 'Sign-ins fail with 503, lines of the log are missing (how many, it says when there is room again), certificates are not renewed.',
    cause: 'There is hardly any space left where the data is.',
    fix: '`df -h`, `journalctl --vacuum-size=500M`, old backups and releases: docs/maintenance.md.'
  },
  'disk-low': {
    level: 'warning',
    symptom: 'Nothing yet.',
    cause: 'Space where the data is runs out.',
    fix: '`df -h`, `journalctl --vacuum-size=500M`, old backups and releases: docs/maintenance.md.'
  },
  'nginx-few-streams': {
    level: 'warning',
    symptom: 'New connections are refused while many clients listen on streams.',
    cause: 'nginx may have few connections, and a stream takes two of them.',
    fix: 'Run `sudo ops/setup.sh`, or set `worker_connections 8192;` and `worker_rlimit_nofile 20000;` in /etc/nginx/nginx.conf and reload nginx.'
  },
  'nginx-not-restarted': {
    level: 'warning',
    symptom: 'Nothing, until nginx dies: then the site is down until somebody notices.',
    cause: 'The unit of nginx, as Debian has it, leaves an nginx that died as it is.',
    fix: 'Run `sudo ops/setup.sh`, or install ops/systemd/nginx.conf as in docs/deployment.md.'
  },
  'certificate-not-served': {
    level: 'problem',
    symptom: 'The certificate was renewed, and clients are still shown the old one.',
    cause: 'nginx has not read the new certificate, or another site answers at the address.',
    fix: '`nginx -t && systemctl reload nginx`. `journalctl -u certbot` says whether the deploy hook failed.'
  },
  'backup-stale': {
    level: 'warning',
    symptom: 'Nothing, until a backup is needed.',
    cause: 'The nightly backup has not been made for days.',
    fix: '`systemctl list-timers mcpx-backup.timer`, `journalctl -u mcpx-backup`; `systemctl start mcpx-backup` makes one now.'
  },
  'renewal-not-scheduled': {
    level: 'problem',
    symptom: 'Nothing yet; the certificate will expire.',
    cause: 'certbot has a certificate, and nothing that runs it regularly.',
    fix: '`systemctl enable --now certbot.timer`.'
  },
  'renewal-stale': {
    level: 'warning',
    symptom: 'Nothing yet; the certificate will expire.',
    cause: 'certbot.timer has not run for days.',
    fix: '`systemctl list-timers certbot.timer`, `systemctl start certbot.service`, `journalctl -u certbot`.'
  },
  'renewal-failed': {
    level: 'problem',
    symptom: 'Nothing yet; the certificate will expire.',
    cause: 'The last run of certbot ended with an error.',
    fix: '`certbot renew --dry-run` shows it again. Most often port 80 is closed to the internet, or the name leads elsewhere by now.'
  }
} as const satisfies Record<string, Finding>
