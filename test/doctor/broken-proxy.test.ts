// Deployments in which clients connect, and something is lost on the way: each is wrong in one way, which the doctor names, and
// nothing else.
import t from 'tap'
import { startServer } from '../server.ts'
import { FORWARDED, look, needsFaketime, needsNginx, type SetUp, startBehind, startProxy, startSite } from './site.ts'

const cases: [name: string, expected: string[], setUp: SetUp][] = [
  ['connections with a token are cut off', ['call-failed', 'check-failed'], { location: 'if ($http_authorization) { return 444; }' }],
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

t.test('port 80 is closed', needsNginx, async test => {
  test.same((await look(await startSite(test, t), { httpPort: 1 })).found, ['http-closed'])
})

t.test('a clock that is wrong', needsFaketime, async test => {
  const { found, results } = await look(await startSite(test, t, { clock: '-10m' }))
  test.same(found, ['clock-skewed'])
  test.match(results.find(({ finding }) => finding === 'clock-skewed')?.detail, /^the clock of the server is (59\d|60\d) s behind the one here$/)
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
