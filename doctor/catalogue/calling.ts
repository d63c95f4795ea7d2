// Calls, and the streams that answer them.
import type { Finding } from './entry.ts'

export const calling = {
  'token-refused': {
    level: 'problem',
    symptom: 'Every call is answered with 401, although the client signed in.',
    cause: 'The token has expired or was revoked, is for another address, or was signed with another secret. Behind a proxy: it does not pass Authorization on.',
    fix: 'Sign in again for a new one. If that does not help, look for `proxy_set_header Authorization` in nginx, and whether all instances have the same secret and the same AUTH_DB_PATH.'
  },
  'call-failed': {
    level: 'problem',
    symptom: 'Clients connect, and list or call no tools.',
    cause: 'A request as clients of one protocol era send it is not answered as it should be.',
    fix: 'The line says what came back. Look into the log of the server for its x-request-id; if it is not there, the proxy answered.'
  },
  'session-lost': {
    level: 'problem',
    symptom: 'Clients work for one call, then report 404 or ask to connect again.',
    cause: 'Requests of one session reach different instances, or the proxy takes Mcp-Session-Id away: a session of a 2025-era client lives in one process.',
    fix: 'With several instances, nginx has to send a session to the one that opened it; the site that ops/render.ts writes does.'
  },
  'stream-buffered': {
    level: 'problem',
    symptom: 'Calls that report progress hang and then come all at once; clients time out; changes of lists never arrive.',
    cause: 'The proxy collects the answer before it passes it on.',
    fix: '`proxy_buffering off;` in the location, or let nginx heed the X-Accel-Buffering of the server: no `proxy_ignore_headers X-Accel-Buffering`, no `gzip` for text/event-stream. A CDN in front needs streaming switched on.'
  },
  'stream-compressed': {
    level: 'warning',
    symptom: 'Events come late, or in bundles.',
    cause: 'The proxy compresses event streams.',
    fix: '`gzip off;` in the location, or text/event-stream taken out of gzip_types.'
  },
  'stream-refused': {
    level: 'problem',
    symptom: 'Clients hear of no changes.',
    cause: 'A request to listen is not answered with an event stream.',
    fix: 'The line says what came back. Look for rules of the proxy about Accept, and into the log of the server.'
  },
  'cors-preflight-refused': {
    level: 'problem',
    symptom: 'Clients in a browser (Inspector in direct mode, web applications) report a CORS error; all others work.',
    cause: 'OPTIONS is not answered by the server: a rule of the proxy about methods, or one that asks for a token first. A browser sends none with it.',
    fix: 'Pass OPTIONS to the server.'
  },
  'cors-origin-missing': {
    level: 'problem',
    symptom: 'Clients in a browser report a CORS error; all others work.',
    cause: 'Access-Control-Allow-Origin is missing or does not have the origin of the page: the proxy takes it away or sets its own.',
    fix: 'Leave CORS to the server: no `add_header Access-Control-…`, no `proxy_hide_header`. Which origins may call is ALLOWED_ORIGINS.'
  },
  'cors-headers-missing': {
    level: 'problem',
    symptom: 'Clients in a browser report that a request header is not allowed.',
    cause: 'The answer to the preflight does not allow all headers or methods that MCP needs: the proxy answers OPTIONS itself.',
    fix: 'Pass OPTIONS to the server, which allows what is asked for.'
  },
  'cors-exposed-missing': {
    level: 'problem',
    symptom: 'Clients in a browser connect, but never open the sign-in page, or lose their session.',
    cause: 'Access-Control-Expose-Headers does not have WWW-Authenticate and Mcp-Session-Id, so that pages cannot read them.',
    fix: 'Leave CORS to the server: no `add_header Access-Control-…`, no `proxy_hide_header`.'
  },
  'cors-duplicated': {
    level: 'problem',
    symptom: 'Clients in a browser report that Access-Control-Allow-Origin contains multiple values.',
    cause: 'Both the server and the proxy set it.',
    fix: 'Remove `add_header Access-Control-…` from nginx.'
  }
} as const satisfies Record<string, Finding>
