import t from 'tap'
import { reachOf, reachOfHost } from '../../lib/reach.ts'
import { noauthProblem, readConfig } from '../../plugins/config.ts'

const HOSTS = {
  machine: ['localhost', 'LOCALHOST', 'localhost.', 'app.localhost', '127.0.0.1', '127.9.9.9', '127.1', '::1', '[::1]', '::ffff:127.0.0.1', '0x7f.1'],
  network: [
    '0.0.0.0', '0', '::', '[::]', '::0', '0:0:0:0:0:0:0:0', '::ffff:0.0.0.0',
    '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.1.1', '100.64.0.1', '100.127.255.255', '::ffff:192.168.1.1', 'fd00::1', 'fc00::1', 'fe80::1', 'fe80::1%eth0', '[fd12::1]',
    'nas', 'NAS.', 'nas.local', 'nas.lan', 'mcpx.internal', 'host.docker.internal', 'mcpx.default.svc.cluster.local', 'mcpx.home.arpa', 'a.corp', 'a.home', 'a.test'
  ],
  internet: [
    'mcp.example.com', 'example.com.', 'local.example.com', 'localhost.example.com', '10.0.0.1.nip.io', 'notlocal', 'box.tail1234.ts.net', 'arpa', 'x.arpa', '8.8.8.8', '172.15.0.1', '172.32.0.1', '100.63.0.1', '100.128.0.1', '192.169.0.1', '11.0.0.1',
    '2606:4700::1111', '2001:db8::1', '::ffff:8.8.8.8', 'fec0::1', 'xn--lcal-5qa.com', 'mylan', 'alan.com', 'my-local.com'
  ].filter(host => host.includes('.') || host.includes(':'))
} as const

for (const [reach, hosts] of Object.entries(HOSTS)) {
  t.test(`reached from the ${reach}`, async t => {
    for (const host of hosts) t.equal(reachOfHost(host), reach, host)
  })
}

t.test('the widest of listening address, PUBLIC_URL and proxies counts, and is named', async t => {
  const of = (env: NodeJS.ProcessEnv) => {
    const { reach, because } = readConfig(env, '/nonexistent').reachable
    return `${reach}: ${because.split(' ')[0]}`
  }
  t.equal(of({}), 'machine: MCP_SERVER_HOST')
  t.equal(of({ MCP_SERVER_HOST: '0.0.0.0' }), 'network: MCP_SERVER_HOST', 'without PUBLIC_URL, as in a container')
  t.equal(of({ MCP_SERVER_HOST: '0.0.0.0', PUBLIC_URL: 'http://localhost:8000' }), 'network: MCP_SERVER_HOST')
  t.equal(of({ PUBLIC_URL: 'https://mcp.example.com' }), 'internet: PUBLIC_URL', 'behind a proxy on this machine')
  t.equal(of({ PUBLIC_URL: 'https://localhost:8443' }), 'machine: MCP_SERVER_HOST')
  t.equal(of({ PUBLIC_URL: 'https://192.168.1.5' }), 'network: PUBLIC_URL')
  t.equal(of({ MCP_SERVER_HOST: '0.0.0.0', PUBLIC_URL: 'https://mcp.example.com' }), 'internet: PUBLIC_URL')
  t.equal(of({ MCP_SERVER_HOST: '8.8.8.8' }), 'internet: MCP_SERVER_HOST')
  for (const proxies of ['none', 'loopback', '127.0.0.1', '::1,127.0.0.0/8']) t.equal(of({ TRUST_PROXY: proxies }), 'machine: MCP_SERVER_HOST', proxies)
  for (const proxies of ['uniquelocal', '10.0.0.0/8', 'loopback,192.168.1.1']) t.equal(of({ TRUST_PROXY: proxies }), 'network: TRUST_PROXY', proxies)
  t.equal(reachOf(readConfig({}, '/nonexistent')).reach, 'machine')
})

t.test('noauth is for loopback and private addresses, unless it is said that all may call', async t => {
  const problem = (env: NodeJS.ProcessEnv) => noauthProblem(readConfig({ AUTH_MODE: 'noauth', ...env }, '/nonexistent'))
  for (const env of [{}, { MCP_SERVER_HOST: '0.0.0.0' }, { PUBLIC_URL: 'https://nas.local' }, { PUBLIC_URL: 'https://10.0.0.7' }]) t.equal(problem(env), undefined)
  for (const env of [{ PUBLIC_URL: 'https://mcp.example.com' }, { PUBLIC_URL: 'https://8.8.8.8' }, { PUBLIC_URL: 'https://box.tail1234.ts.net' }, { MCP_SERVER_HOST: '2606:4700::1111' }]) {
    t.match(problem(env), /^AUTH_MODE: .*ALLOW_NOAUTH=true/, JSON.stringify(env))
    t.equal(problem({ ...env, ALLOW_NOAUTH: 'true' }), undefined)
    t.equal(problem({ ...env, AUTH_MODE: 'oauth' }), undefined, 'with sign-in there is nothing to refuse')
  }
})
