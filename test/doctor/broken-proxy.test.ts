// Deployments that are wrong in one way each, as one meets them: the doctor names that, and nothing else.
import t from 'tap'
import { startServer } from '../server.ts'
import { FORWARDED, look, needsFaketime, needsNginx, type SetUp, startBehind, startProxy, startSite } from './site.ts'

const page = (file: string, status: number) => `location ${file} { default_type text/html; return ${status} '<!doctype html><title>App</title>'; }`

const cases: [name: string, expected: string[], setUp: SetUp][] = [
  ['PUBLIC_URL is another address', ['challenge-elsewhere', 'endpoints-elsewhere', 'issuer-differs', 'resource-mismatch'], { env: { PUBLIC_URL: 'https://localhost:8443' } }],
  ['the endpoint is at another path', ['endpoint-missing'], { env: { MCP_PATH: '/elsewhere' } }],
  ['nobody is behind the proxy', ['upstream-down'], { upstreams: [1] }],
  ['a page answers well-known addresses that do not exist', ['well-known-html'], { site: page('~ ^/.well-known/mcpx', 200) }],
  ['a page answers all well-known addresses', ['metadata-not-json', 'well-known-html'], { site: page('/.well-known/', 200) }],
  ['well-known addresses stay in the proxy', ['resource-metadata-missing', 'server-metadata-missing', 'well-known-not-forwarded'], { site: page('/.well-known/', 404) }],
  ['405 before 401', ['challenge-405'], { location: 'if ($request_method = GET) { set $refuse G; } if ($uri = /mcp) { set $refuse "${refuse}M"; } if ($refuse = GM) { return 405; }' }],
  ['the proxy asks for a password of its own', ['challenge-malformed'], { site: `location = /mcp { auth_basic x; auth_basic_user_file /dev/null; }` }],
  ['the challenge is taken away', ['challenge-missing'], { location: 'proxy_hide_header WWW-Authenticate;' }],
  ['preflights are refused', ['cors-preflight-refused'], { location: 'if ($request_method = OPTIONS) { return 405; }' }],
  ['CORS headers are taken away', ['cors-origin-missing'], { location: 'proxy_hide_header Access-Control-Allow-Origin;' }],
  ['CORS headers are added once more', ['cors-duplicated'], { location: 'add_header Access-Control-Allow-Origin * always;' }],
  ['CORS is answered by the proxy, with half of it', ['cors-headers-missing'], { location: 'if ($request_method = OPTIONS) { add_header Access-Control-Allow-Origin *; add_header Access-Control-Allow-Headers "*, authorization"; add_header Access-Control-Allow-Methods "GET, POST"; return 204; }' }],
  ['pages may read nothing', ['cors-exposed-missing'], { location: 'proxy_hide_header Access-Control-Expose-Headers;' }],
  ['streams are kept back', ['stream-buffered'], { location: 'proxy_ignore_headers X-Accel-Buffering; proxy_buffering on;' }],
  ['the token is not passed on', ['token-refused'], { location: 'proxy_set_header Authorization "";', forwarded: FORWARDED }],
  ['the session is not passed on', ['session-lost'], { location: 'proxy_hide_header Mcp-Session-Id;' }],
  ['the address of the caller is added to what it claims', ['forwarded-for-spoofable'], { forwarded: FORWARDED.replace('$remote_addr', '$proxy_add_x_forwarded_for') }],
  ['the address of the caller is not passed on', ['forwarded-for-missing'], { forwarded: FORWARDED.replace('$remote_addr', '""'), location: 'proxy_set_header X-Real-IP "";' }],
  ['the server does not learn of https', ['forwarded-proto-missing'], { forwarded: FORWARDED.replace('$scheme', '""') }],
  ['the server is told a fixed host', ['host-unchecked'], { forwarded: FORWARDED.replace('$http_host', 'localhost') }],
  ['the server is told another host', ['host-refused'], { forwarded: FORWARDED.replace('$http_host', 'upstream.internal') }],
  ['bodies may be small only', ['body-limit-low'], { location: 'client_max_body_size 100k;' }],
  ['the policy of the sign-in page is taken away', ['sign-in-page-unprotected'], { location: 'proxy_hide_header Content-Security-Policy;' }],
  ['a second policy stops the sign-in form', ['sign-in-form-dead'], { location: `add_header Content-Security-Policy "form-action 'none'" always;` }],
  ['HSTS is taken away', ['hsts-missing'], { location: 'proxy_hide_header Strict-Transport-Security;' }],
  ['http is served', ['acme-blocked', 'http-served'], { http: () => ' location / { return 200 "hello"; }' }],
  ['http is not redirected', ['redirect-missing'], { http: () => ' location / { return 404; }' }],
  ['the redirect loses the path', ['redirect-loses-path'], { http: port => ` location / { return 301 https://localhost:${port}/; }` }],
  ['the redirect leads elsewhere', ['redirect-elsewhere'], { http: () => ' location / { return 308 https://localhost:8443$request_uri; }' }],
  ['the certificate authority is turned away', ['acme-blocked'], { http: port => ` location /.well-known/acme-challenge/ { return 403; } location / { return 308 https://localhost:${port}$request_uri; }` }]
]

const site = needsNginx.skip === false ? await startBehind(t, t) : undefined

for (const [name, expected, setUp] of cases) {
  t.test(name, needsNginx, async test => {
    if (site !== undefined && setUp.env === undefined) await startProxy(test, t, site, setUp)
    const { found, results } = await look(setUp.env === undefined && site !== undefined ? site : await startSite(test, t, setUp), { register: true })
    test.same(found, expected, results.flatMap(({ finding, detail }) => finding === undefined ? [] : `${finding}: ${detail}`).join('; '))
  })
}

t.test('a clock that is wrong', needsFaketime, async test => {
  const { found, results } = await look(await startSite(test, t, { clock: '-10m' }))
  test.same(found, ['clock-skewed'])
  test.match(results.find(({ finding }) => finding === 'clock-skewed')?.detail, /^the clock of the server is (59\d|60\d) s behind the one here$/)
})

t.test('the server lets everybody in, against its configuration', needsNginx, async test => {
  const site = await startSite(test, t, { env: { AUTH_MODE: 'noauth' } })
  const { found } = await look(site, { config: { ...site.app.config, AUTH_MODE: 'oauth' } })
  test.same(found, ['mode-differs'])
})

t.test('requests of a session are spread over two instances', needsNginx, async test => {
  const one = await startBehind(test, t)
  const { AUTH_DB_PATH, PUBLIC_URL } = one.app.config
  const two = await startServer(test, { AUTH_MODE: 'oauth', PUBLIC_URL, AUTH_DB_PATH })
  await startProxy(test, t, one, { upstreams: [one.port, Number(new URL(two.origin).port)] })
  const { found, results } = await look(one)
  test.same(found, ['session-lost'])
  test.match(results.find(({ finding }) => finding === 'session-lost')?.detail, /^request \d of the session is answered with 404/)
})
