// Deployments in which clients do not get as far as a call: each is wrong in one way, which the doctor names, and nothing else.
import t from 'tap'
import { look, needsNginx, type SetUp, startBehind, startProxy, startSite } from './site.ts'

const page = (file: string, status: number) => `location ${file} { default_type text/html; return ${status} '<!doctype html><title>App</title>'; }`

const cases: [name: string, expected: string[], setUp: SetUp][] = [
  ['PUBLIC_URL is another address', ['challenge-elsewhere', 'endpoints-elsewhere', 'issuer-differs', 'resource-mismatch'], { env: { PUBLIC_URL: 'https://localhost:8443' } }],
  ['the endpoint is at another path', ['endpoint-missing'], { env: { MCP_PATH: '/elsewhere' } }],
  ['nobody is behind the proxy', ['upstream-down'], { upstreams: [1] }],
  ['a page answers well-known addresses that do not exist', ['well-known-html'], { site: page('~ ^/.well-known/mcpx', 200) }],
  ['a page answers all well-known addresses', ['metadata-not-json', 'well-known-html'], { site: page('/.well-known/', 200) }],
  ['well-known addresses stay in the proxy', ['resource-metadata-missing', 'server-metadata-missing', 'well-known-not-forwarded'], { site: page('/.well-known/', 404) }],
  ['a page answers at the endpoint', ['endpoint-not-mcp'], { site: page('= /mcp', 200) }],
  ['the endpoint redirects', ['endpoint-redirects'], { site: 'location = /mcp { return 301 /mcp/; }' }],
  ['metadata repeats the host of a request', ['metadata-follows-host'], { site: 'location = /.well-known/oauth-authorization-server { proxy_pass http://mcpx; proxy_set_header X-Forwarded-Proto https; proxy_set_header Host $server_name; sub_filter_types application/json; sub_filter https://localhost https://$host; sub_filter_once off; }' }],
  ['nobody may register', ['registration-failing'], { site: 'location = /oauth/register { return 403; }' }],
  ['the sign-in page is behind another page', ['sign-in-page-failing'], { site: 'location = /oauth/authorize { return 302 https://login.example.com/; }' }],
  ['calls fail', ['call-failed', 'stream-refused'], { location: 'if ($http_authorization) { return 500; }' }],
  ['streams are compressed', ['stream-compressed'], { location: 'gzip on; gzip_proxied any; gzip_min_length 0; gzip_types text/event-stream;' }],
  ['405 before 401', ['challenge-405'], { location: 'if ($request_method = GET) { set $refuse G; } if ($uri = /mcp) { set $refuse "${refuse}M"; } if ($refuse = GM) { return 405; }' }],
  ['the proxy asks for a password of its own', ['challenge-malformed'], { site: `location = /mcp { auth_basic x; auth_basic_user_file /dev/null; }` }],
  ['the challenge is taken away', ['challenge-missing'], { location: 'proxy_hide_header WWW-Authenticate;' }]
]

const site = needsNginx.skip === false ? await startBehind(t, t) : undefined

for (const [name, expected, setUp] of cases) {
  t.test(name, needsNginx, async test => {
    if (site !== undefined && setUp.env === undefined) await startProxy(test, t, site, setUp)
    const { found, results } = await look(setUp.env === undefined && site !== undefined ? site : await startSite(test, t, setUp), { register: true })
    test.same(found, expected, results.flatMap(({ finding, detail }) => finding === undefined ? [] : `${finding}: ${detail}`).join('; '))
  })
}

t.test('the server lets everybody in, against its configuration', needsNginx, async test => {
  const site = await startSite(test, t, { env: { AUTH_MODE: 'noauth' } })
  const { found } = await look(site, { config: { ...site.app.config, AUTH_MODE: 'oauth' } })
  test.same(found, ['mode-differs'])
})
