// What people see in their clients, and what it comes from: for docs/troubleshooting.md. Ids are findings that the doctor names.
import type { FindingId } from './catalogue.ts'

export interface ClientSymptom {
  readonly client: string
  readonly symptom: string
  readonly cause: string
  readonly fix: string
  /** Findings that show as this. */
  readonly findings?: readonly FindingId[]
}

export const clientSymptoms: readonly ClientSymptom[] = [
  {
    client: 'Any',
    symptom: 'It never opens a browser to sign in.',
    cause: 'The first request was not answered with 401 and a WWW-Authenticate that begins with `Bearer` and the address of the metadata.',
    fix: '`curl -i -X POST https://NAME/mcp` shows what was answered.',
    findings: ['challenge-missing', 'challenge-malformed', 'challenge-405', 'endpoint-not-mcp', 'cors-exposed-missing']
  },
  {
    client: 'Any',
    symptom: 'No authorization server is found, or the resource does not match.',
    cause: 'The client was given another URL than PUBLIC_URL with the path of the endpoint: http for https, another host, or, where PUBLIC_URL is set, `localhost` for `127.0.0.1`.',
    fix: 'Give it the URL that /.well-known/oauth-protected-resource shows as `resource`, or correct PUBLIC_URL and restart.',
    findings: ['resource-mismatch', 'resource-metadata-missing', 'server-metadata-missing', 'issuer-differs', 'well-known-html']
  },
  {
    client: 'Any',
    symptom: 'It reports an error about SSE, or GET with 404 or 405, although the server speaks streamable HTTP.',
    cause: 'The first POST was refused with a 4xx other than 401 and 403, and the client went on to try the transport of before 2025.',
    fix: 'Find the POST before that in the log of the server: its status is the actual problem.',
    findings: ['endpoint-missing', 'endpoint-redirects', 'challenge-405', 'body-limit-low']
  },
  {
    client: 'Any',
    symptom: 'After a while people have to sign in again, several times a day.',
    cause: 'The client used a refresh token twice, further apart than the grace time; hosted clients refresh from two machines at once. Or the data folder does not survive a restart.',
    fix: 'Look for `refresh_replayed` in the log. If it is there, raise OAUTH_REFRESH_GRACE_SECONDS. Otherwise make sure that AUTH_DB_PATH is on a disk that survives a restart.',
    findings: ['data-missing', 'clock-skewed']
  },
  {
    client: 'Any',
    symptom: 'A page says: This server does not know the app.',
    cause: 'The client kept an id from before: it was removed here, or this is another database.',
    fix: 'Remove the server in the client and add it again. mcp-remote: delete ~/.mcp-auth.'
  },
  {
    client: 'Any',
    symptom: 'A page says: This server cannot reach those who make the app.',
    cause: 'The client is known by a document that it publishes, as Claude Code, Codex and VS Code are, and this server has no way out to fetch it: no name service, a firewall, a proxy that is not set.',
    fix: 'Connect once more: with OAUTH_METADATA_DOCUMENTS=auto the client registers itself then. /health says what is in the way under `metadata_documents`. Where there is a proxy, set HTTPS_PROXY; where there is to be no way out, OAUTH_METADATA_DOCUMENTS=off.'
  },
  {
    client: 'Any',
    symptom: 'It says: state is required.',
    cause: 'The client sends no `state`, which this server asks for by default.',
    fix: 'OAUTH_STATE=optional lets such clients in. They have PKCE, as every client must.'
  },
  {
    client: 'Any',
    symptom: 'Long calls break off after 60 to 125 seconds.',
    cause: 'A proxy or a CDN cuts silent connections.',
    fix: 'The server sends a comment every KEEP_ALIVE_SECONDS on streams: keep that below the time limit of the proxy, and make sure that streams are not buffered. For calls that are answered with JSON, `proxy_read_timeout` has to be longer than the time limit of the tool.',
    findings: ['stream-buffered', 'stream-compressed']
  },
  {
    client: 'Claude (web, desktop)',
    symptom: 'The connector cannot be added, while curl from your machine works.',
    cause: 'It calls from data centres: the address has to be reachable from the internet, with a publicly trusted certificate and its full chain.',
    fix: 'Run the doctor from another network. Do not block by country or by bot rules.',
    findings: ['name-private', 'port-silent', 'address-dead', 'tls-self-signed', 'tls-chain-incomplete', 'tls-untrusted']
  },
  {
    client: 'Claude (web, desktop)',
    symptom: 'Connecting fails after about ten seconds.',
    cause: 'It waits that long for each OAuth request.',
    fix: 'Look at `ms` in the log lines of /oauth/. If the times are short, the delay is on the way there: one of the addresses of the name does not answer.',
    findings: ['address-dead']
  },
  {
    client: 'Claude (web, desktop), ChatGPT',
    symptom: 'Registration or sign-in is refused with 429.',
    cause: 'All their users come from a few addresses.',
    fix: 'Raise OAUTH_REGISTRATION_LIMIT and OAUTH_RATE_LIMIT_MAX. If every address in the log is the same internal one, the proxy does not pass the real ones on.',
    findings: ['forwarded-for-missing']
  },
  {
    client: 'Claude (web, desktop), ChatGPT',
    symptom: 'get_source_ip shows an address in a data centre.',
    cause: 'That is where the call comes from: the client\'s maker, not the person.',
    fix: 'Nothing is wrong.'
  },
  {
    client: 'ChatGPT',
    symptom: 'It refuses the server after the sign-in.',
    cause: 'It compares the issuer character by character, in the metadata and in the answer.',
    fix: 'The same PUBLIC_URL on all instances, and with a path only if clients use it.',
    findings: ['issuer-differs']
  },
  {
    client: 'Claude Code, Cursor, VS Code',
    symptom: 'The browser says after the sign-in that it cannot reach localhost.',
    cause: 'The client runs on another machine than the browser (SSH, container, WSL), and waits for the browser there.',
    fix: 'Forward the port that the page shows to the machine of the client, or sign in from a client on your own machine.'
  },
  {
    client: 'VS Code',
    symptom: 'It asks for a client id.',
    cause: 'OAUTH_REGISTRATION=off, or the registration endpoint cannot be reached.',
    fix: 'Turn registration on, or add a client with `./mcpx client add`.',
    findings: ['registration-failing']
  },
  {
    client: 'Cursor',
    symptom: 'The button to allow the client does nothing.',
    cause: 'The way back leads to cursor://, and a Content-Security-Policy that the proxy adds does not let the form go there.',
    fix: 'Remove `add_header Content-Security-Policy` from nginx; the pages bring a policy that fits.',
    findings: ['sign-in-form-dead']
  },
  {
    client: 'mcp-remote',
    symptom: 'It says `HTTP 405` or falls back to SSE.',
    cause: 'It begins with a GET without a token, which has to be answered with 401.',
    fix: 'Remove rules about methods from the proxy.',
    findings: ['challenge-405']
  },
  {
    client: 'MCP Inspector, web applications',
    symptom: 'Failed to fetch, or a CORS error in the console of the browser.',
    cause: 'The proxy answers OPTIONS itself, or changes the Access-Control headers; or ALLOWED_ORIGINS does not have the origin of the page.',
    fix: 'Leave CORS to the server. With AUTH_MODE=noauth only loopback pages and PUBLIC_URL may call, unless ALLOWED_ORIGINS says otherwise.',
    findings: ['cors-preflight-refused', 'cors-origin-missing', 'cors-headers-missing', 'cors-duplicated']
  },
  {
    client: 'Node, Python and other SDKs',
    symptom: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE, or: unable to get local issuer certificate. Browsers connect.',
    cause: 'nginx does not send the intermediate certificate.',
    fix: 'ssl_certificate has to be fullchain.pem.',
    findings: ['tls-chain-incomplete']
  },
  {
    client: 'Clients of 2025 revisions',
    symptom: 'One call works, the next is answered with 404.',
    cause: 'Its session is in another instance, or the server was restarted. Good clients begin a new one by themselves.',
    fix: 'With several instances nginx has to keep a session with its instance.',
    findings: ['session-lost']
  }
]
