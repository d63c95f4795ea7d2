// What the server learns of a request from the proxy in front.
import type { Finding } from './entry.ts'

export const proxy = {
  'forwarded-for-spoofable': {
    level: 'problem',
    symptom: 'Limits by address do not hold, and get_source_ip and the log show whatever a caller claims.',
    cause: 'The proxy adds to the X-Forwarded-For that the caller sent instead of replacing it.',
    fix: '`proxy_set_header X-Forwarded-For $remote_addr;`, not $proxy_add_x_forwarded_for. A `proxy_set_header` in a location drops all those outside of it. Behind a CDN, take the address from its header with the realip module first.'
  },
  'forwarded-for-missing': {
    level: 'problem',
    symptom: 'All callers share one limit, and get_source_ip shows an internal address.',
    cause: 'The proxy does not say where a request comes from, or TRUST_PROXY does not name its address.',
    fix: '`proxy_set_header X-Forwarded-For $remote_addr;` in nginx; a proxy on another machine needs its address in TRUST_PROXY.'
  },
  'forwarded-proto-missing': {
    level: 'problem',
    symptom: 'The sign-in page says: This endpoint is served over https only.',
    cause: 'The server does not learn that the request came over https: the proxy does not send X-Forwarded-Proto, or TRUST_PROXY does not name its address.',
    fix: '`proxy_set_header X-Forwarded-Proto $scheme;` in nginx; a proxy on another machine needs its address in TRUST_PROXY. Behind a CDN, it has to speak https to nginx too.'
  },
  'host-unchecked': {
    level: 'warning',
    symptom: 'Nothing for clients. The guard against DNS rebinding does not work.',
    cause: 'A request for a foreign host name was answered as if it were ours: the proxy replaces Host with a fixed name and has no site that refuses others.',
    fix: '`proxy_set_header Host $host;`, and a default site that refuses: `listen 443 ssl default_server; ssl_reject_handshake on;`.'
  },
  'metadata-follows-host': {
    level: 'problem',
    symptom: 'Anybody can have metadata made that sends clients elsewhere; a cache in front would serve it to others.',
    cause: 'The documents repeat the Host of the request. MCPX does not do that; something in front rewrites them.',
    fix: 'Look for `sub_filter` in nginx, or find out which server answers.'
  },
  'body-limit-low': {
    level: 'problem',
    symptom: 'Calls with long arguments fail with 413.',
    cause: 'The proxy takes smaller bodies than MAX_BODY_BYTES says.',
    fix: '`client_max_body_size` in nginx has to be MAX_BODY_BYTES at least.'
  },
  'body-limit-broken': {
    level: 'warning',
    symptom: 'A call that is too large ends with a broken connection or an error of the server instead of 413.',
    cause: 'Neither the proxy nor the server refuses the size of the body, or the proxy passes the refusal on badly.',
    fix: '`client_max_body_size` in nginx, equal to MAX_BODY_BYTES.'
  },
  'clock-skewed': {
    level: 'problem',
    symptom: 'Tokens are refused as expired or not valid yet; certificates, too.',
    cause: 'The clock of the server and that of the machine that ran the doctor differ.',
    fix: '`timedatectl` on both says which is wrong; `timedatectl set-ntp true` keeps it right.'
  },
  'check-failed': {
    level: 'warning',
    symptom: 'The doctor says that a check could not be finished.',
    cause: 'The connection broke or no answer came in time, where one came for other checks. Under load, or behind a rule that stops what looks odd.',
    fix: 'Run it again. If it stays, look into the log of the proxy at that time.'
  }
} as const satisfies Record<string, Finding>
