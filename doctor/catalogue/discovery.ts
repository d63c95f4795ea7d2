// How a client that knows only the URL finds out how to sign in.
import type { Finding } from './entry.ts'

export const discovery = {
  'endpoint-silent': {
    level: 'problem',
    symptom: 'Clients connect, wait, and give up.',
    cause: 'The connection comes about, and the first request gets no answer: the process hangs, the proxy waits for it, or something on the way swallows requests.',
    fix: "`journalctl --namespace=mcpx -n 50` and the error log of nginx; `curl -m 5 http://127.0.0.1:8001/health/live` on the server says whether the process answers. `systemctl restart mcpx@8001` if it does not."
  },
  'endpoint-missing': {
    level: 'problem',
    symptom: 'Clients report 404, or try the old SSE transport and fail.',
    cause: 'There is no MCP endpoint at this path.',
    fix: 'The URL for clients is PUBLIC_URL followed by MCP_PATH, by default https://NAME/mcp. In nginx, `proxy_pass` must not rewrite the path: no slash after the address.'
  },
  'endpoint-not-mcp': {
    level: 'problem',
    symptom: 'Clients report an unexpected answer, or HTML where JSON should be.',
    cause: 'Something else answers at the address: the default page of nginx, another site, a page of a CDN that checks for browsers.',
    fix: 'Compare server_name with the host of the URL. Switch off pages that check for browsers, at least for MCP_PATH, /.well-known/ and /oauth/.'
  },
  'endpoint-redirects': {
    level: 'problem',
    symptom: 'Clients fail at the first request, although a browser gets somewhere.',
    cause: 'The endpoint answers with a redirect. Many clients do not follow one with a POST, or lose the token on the way.',
    fix: 'Give clients the final address, and set PUBLIC_URL to it. Remove rules that add or remove a slash or www.'
  },
  'upstream-down': {
    level: 'problem',
    symptom: 'Clients report 502, 503 or 504.',
    cause: 'The proxy runs; the server behind it does not, is not ready yet, or listens on another port.',
    fix: "`systemctl status 'mcpx@*'`, `journalctl --namespace=mcpx -n 50`. Compare the sockets in nginx's upstream with those that `ss -Hlx | grep mcpx` shows."
  },
  'host-refused': {
    level: 'problem',
    symptom: '403, and a message about the Host.',
    cause: 'The server does not answer to the name: PUBLIC_URL is not set or another one, or the proxy does not pass Host on.',
    fix: 'Set PUBLIC_URL to the address that clients use, further names in ALLOWED_HOSTS, and in nginx `proxy_set_header Host $host;`.'
  },
  'endpoint-open': {
    level: 'warning',
    symptom: 'Nothing: everybody who knows the address calls every tool, with your API keys.',
    cause: 'AUTH_MODE=noauth.',
    fix: 'In a closed network this may be what you want. Otherwise set AUTH_MODE=oauth and restart.'
  },
  'mode-differs': {
    level: 'problem',
    symptom: 'The server behaves as if a setting had not been made.',
    cause: 'What answers at the address has another AUTH_MODE than the configuration that was read here: it runs with another configuration, was not restarted, or is another server.',
    fix: 'Restart the server. If that does not help, look which process answers: the x-request-id of an answer is in its log.'
  },
  'challenge-405': {
    level: 'problem',
    symptom: 'mcp-remote and others fall back to the old SSE transport and fail, instead of opening a browser.',
    cause: 'A GET without a token is answered with 405 before anybody asked for a token. The server does not do that; a rule of the proxy about methods does.',
    fix: 'Remove it: `limit_except`, `if ($request_method …)` and the like. GET, POST, DELETE and OPTIONS all have to reach the server.'
  },
  'challenge-missing': {
    level: 'problem',
    symptom: 'The client says that authentication failed, and never opens a browser.',
    cause: 'The 401 has no WWW-Authenticate header; or the status is not 401. Something in front of the server answers, or takes the header away.',
    fix: 'Look for `auth_request`, `auth_basic`, `proxy_hide_header` and `error_page 401` in nginx, and for an access product in front of it.'
  },
  'challenge-malformed': {
    level: 'problem',
    symptom: 'The client never opens a browser, or asks for a user name and a password itself.',
    cause: 'WWW-Authenticate does not begin with `Bearer` and the address of the metadata (RFC 9728 section 5.1): the proxy puts its own in, often Basic.',
    fix: 'Remove `auth_basic` from the site: sign-in is what the server does itself.'
  },
  'challenge-elsewhere': {
    level: 'problem',
    symptom: 'The client looks for the metadata at an address that does not exist or that it may not use.',
    cause: 'The address in the challenge is not below the URL that clients use: PUBLIC_URL is another one.',
    fix: 'Set PUBLIC_URL to the address that clients use, without MCP_PATH, and restart.'
  },
  'resource-metadata-missing': {
    level: 'problem',
    symptom: 'The client says that it found no authorization server.',
    cause: '/.well-known/oauth-protected-resource with the path of the endpoint is not answered by the server: nginx keeps /.well-known/ for itself, or the path is another one.',
    fix: 'Pass everything to the server but /.well-known/acme-challenge/. Compare MCP_PATH with the path of the URL.'
  },
  'resource-mismatch': {
    level: 'problem',
    symptom: 'The client says that the protected resource does not match, right after it connected.',
    cause: '`resource` in the metadata is another URL than the client was given (RFC 9728 section 3.3): another host, localhost for 127.0.0.1, http for https, another path.',
    fix: 'Set PUBLIC_URL to the address that clients use and restart, or give clients the URL that the metadata shows.'
  },
  'server-metadata-missing': {
    level: 'problem',
    symptom: 'The client says that it found no authorization server, or guesses addresses such as /authorize.',
    cause: '/.well-known/oauth-authorization-server is not answered by the server.',
    fix: 'Pass everything to the server but /.well-known/acme-challenge/.'
  },
  'issuer-differs': {
    level: 'problem',
    symptom: 'The client refuses the metadata, or the answer at the end of the sign-in.',
    cause: 'The issuer is not the same string everywhere, or is not the address that clients use (RFC 8414 section 3.3, RFC 9207).',
    fix: 'Set PUBLIC_URL to the address that clients use and restart every instance. Nothing in front may rewrite or cache these documents: look for `sub_filter` and `proxy_cache`.'
  },
  'endpoints-elsewhere': {
    level: 'problem',
    symptom: 'The browser opens an internal address, or http, when somebody wants to sign in.',
    cause: 'The endpoints in the metadata are not https addresses below the issuer.',
    fix: 'Set PUBLIC_URL to the https address. Nothing in front may rewrite these documents.'
  },
  'pkce-missing': {
    level: 'problem',
    symptom: 'The client says that the server does not support PKCE, and stops.',
    cause: 'code_challenge_methods_supported does not have S256: this is not the metadata of MCPX, or an altered copy.',
    fix: 'Find out what answers: the x-request-id of an answer is in the log of the server, or is not.'
  },
  'metadata-not-json': {
    level: 'problem',
    symptom: 'The client reports a syntax error, or an unexpected token <.',
    cause: 'A metadata document is answered with something that is no JSON, such as the page of a single-page application.',
    fix: 'Pass /.well-known/ to the server: no `try_files … /index.html` for it.'
  },
  'well-known-html': {
    level: 'problem',
    symptom: 'Clients stop during discovery, with a syntax error or without a word.',
    cause: 'Well-known addresses that do not exist are answered with 200 instead of 404. Clients try several, and take the first that is there.',
    fix: 'Pass /.well-known/ to the server, which answers 404: no `try_files … /index.html`, no `error_page 404 =200`.'
  },
  'well-known-failing': {
    level: 'problem',
    symptom: 'Clients stop during discovery.',
    cause: 'A well-known address is answered with a redirect, a refusal or an error of the server instead of a document or 404.',
    fix: 'Pass /.well-known/ to the server, without rules of its own. With 5xx, look into the log of the server.'
  },
  'well-known-not-forwarded': {
    level: 'warning',
    symptom: 'Nothing yet: a client that looks for a document the proxy does not know will not find it.',
    cause: 'Well-known addresses that the proxy does not list are answered by the proxy itself.',
    fix: 'Pass all of /.well-known/ to the server but acme-challenge/.'
  },
  'registration-failing': {
    level: 'problem',
    symptom: 'Cursor, mcp-remote and the Inspector say that registration failed.',
    cause: 'The registration endpoint that the metadata names does not answer as RFC 7591 has it: a rule of the proxy about methods, bodies or addresses is in the way.',
    fix: 'Let POST /oauth/register through. If clients shall not register themselves, OAUTH_REGISTRATION=off says so to them.'
  },
  'sign-in-page-failing': {
    level: 'problem',
    symptom: 'The browser shows an error where the sign-in page should be.',
    cause: 'GET /oauth/authorize does not lead to a page of the server.',
    fix: 'Pass /oauth/ to the server. With 5xx, the log of the server has the cause under the x-request-id.'
  },
  'sign-in-page-unprotected': {
    level: 'problem',
    symptom: 'Nothing: another site could frame the sign-in page.',
    cause: 'The page came without its Content-Security-Policy: the proxy takes it away.',
    fix: 'Look for `proxy_hide_header` in nginx.'
  },
  'sign-in-form-dead': {
    level: 'problem',
    symptom: 'The button on the sign-in page does nothing.',
    cause: "The Content-Security-Policy does not allow the form to be sent to the server: the proxy adds a policy of its own, or replaces the server's.",
    fix: 'Remove `add_header Content-Security-Policy` for these pages: they bring their own.'
  }
} as const satisfies Record<string, Finding>
