// What nginx does to requests and answers on their way: as little as possible, and the same in both versions of HTTP.
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { missing } from './daemon.ts'
import { deploy, noNginx, startNginx } from './nginx.ts'
import { ask, call, connect, type Reply, resultOf, rpc, stream, versions } from './proxied.ts'

const HSTS = 'max-age=31536000'
const TOKEN = 'a-token-for-metrics'
const LIMIT = 4096

t.test('nginx in front of two instances', { skip: noNginx }, async t => {
  const deployment = await deploy(t, { AUTH_MODE: 'noauth', TOOLS_DIR: path.join(import.meta.dirname, 'tools'), MAX_BODY_BYTES: String(LIMIT), METRICS_TOKEN: TOKEN, KEEP_ALIVE_SECONDS: '1', LOG_FORMAT: 'json' })
  const { origin, instances, accessLog } = deployment
  const serverLog = () => instances.flatMap(({ process }) => process.log())

  for (const version of versions) {
    t.test(`over ${version}`, async t => {
      const get = async (path: string, headers = {}) => await ask(version, origin, path, { headers })

      t.test('a tool can be called', async t => {
        const answered = await ask(version, origin, '/mcp', call('echo', { message: 'hello' }))
        t.equal(answered.status, 200)
        t.match(resultOf(answered), { content: [{ text: 'hello' }] })
      })

      t.test('HSTS is there exactly once, whoever answers', async t => {
        const answers: Record<string, Reply> = {
          'the server': await ask(version, origin, '/mcp', call('echo', { message: 'x' })),
          'the server, with a page': await get('/'),
          'the server, with 404': await get('/nowhere'),
          'nginx, with 404': await get('/metrics'),
          'nginx, with 413': await ask(version, origin, '/mcp', { method: 'POST', body: Buffer.alloc(LIMIT + 1) })
        }
        for (const [who, { headers }] of Object.entries(answers)) t.equal(headers['strict-transport-security'], HSTS, who)
      })

      t.test('the source address is the one that is connected from, whatever a client claims', async t => {
        const claims = { 'x-forwarded-for': '203.0.113.9', 'x-real-ip': '203.0.113.9', forwarded: 'for=203.0.113.9', 'x-forwarded-proto': 'http', 'x-forwarded-host': 'other.example' }
        const found = await ask(version, origin, '/mcp', { ...call('get_source_ip', {}, claims), from: '127.0.0.2' })
        t.match(resultOf(found)?.structuredContent, { address: '127.0.0.2', reported_by: 'X-Forwarded-For', behind_proxy: true, proxy: '127.0.0.1' })
        const info = await ask(version, origin, '/mcp', call('get_request_info', {}, claims))
        t.match(info.body, 'X-Forwarded-For: 127.0.0.1', 'so that it would be seen there')
        for (const claimed of ['203.0.113.9', 'other.example']) t.notMatch(info.body, claimed)
      })

      t.test('a request has one id in both logs: the client\'s, if the server would accept it', async t => {
        const [good, bad] = [`from-the-client.${version.replace('/', '-')}`, 'with spaces"in it']
        const [kept, replaced] = [await get('/', { 'x-request-id': good }), await get('/', { 'x-request-id': bad })]
        t.equal(kept.headers['x-request-id'], good)
        const id = replaced.headers['x-request-id'] ?? ''
        t.match(id, /^[0-9a-f]{32}$/)
        await sleep(500) // the server writes its log a few times a second
        for (const expected of [good, id]) {
          t.equal(accessLog().filter(line => line.request_id === expected).length, 1)
          t.equal(serverLog().filter(line => line.reqId === expected).length, 1)
        }
      })

      t.test('events arrive when they are sent, not when the call ends', async t => {
        const answered = await ask(version, origin, '/mcp', call('slowly', { times: 20, everyMs: 50 }, {}, { progressToken: 1 }))
        const lags = answered.chunks.flatMap(({ at, text }) => [...text.matchAll(/"message":"(\d{13})"/g)].map(match => at - Number(match[1])))
        t.equal(lags.length, 20)
        t.comment(`lag of 20 events over ${version}: ${Math.min(...lags)} to ${Math.max(...lags)} ms`)
        const [first, last] = [answered.chunks.find(({ text }) => text.includes('"progress":1,'))?.at ?? Infinity, answered.chunks.at(-1)?.at ?? 0]
        t.ok(last - first > 500, `the first came ${last - first} ms before the end of a call of 1000 ms`)
        t.ok((lags.sort((a, b) => a - b)[10] ?? Infinity) < 200, 'and most of them at once')
      })

      t.test('an idle stream carries the comments that keep it open', async t => {
        const listening = rpc('subscriptions/listen', {}, { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'subscriptions/listen' })
        const body = JSON.stringify({ ...JSON.parse(String(listening.body)), params: { notifications: { toolsListChanged: true }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientInfo': { name: 't', version: '1' }, 'io.modelcontextprotocol/clientCapabilities': {} } } })
        const session = connect(origin)
        t.teardown(() => session.destroy())
        const request = session.request({ ':method': 'POST', ':path': '/mcp', ...listening.headers })
        request.end(body)
        let text = ''
        for await (const chunk of request.setEncoding('utf8')) {
          text += chunk
          if (text.split(': keepalive').length > 2) break
        }
        t.equal(text.split(': keepalive').length, 3, 'two in two seconds')
      })

      t.test('a body at the limit is served, one beyond it is refused before the server sees it', async t => {
        const json = (length: number) => Buffer.from(String(call('echo', { message: 'x' }).body).padEnd(length))
        const { headers } = call('echo')
        const sent = async (path: string, body: Buffer, chunked = false) => await ask(version, origin, path, { method: 'POST', headers: { ...headers, 'x-request-id': `${body.length}-bytes` }, body, chunked })
        const seen = (id: string) => serverLog().some(line => line.reqId === id)
        t.equal((await sent('/mcp', json(LIMIT))).status, 200)
        for (const chunked of [false, true]) {
          const refused = await sent('/mcp', json(LIMIT + 1), chunked)
          t.equal(refused.status, 413)
          t.equal(refused.headers['content-type'], 'application/json')
          t.same(refused.json, { jsonrpc: '2.0', error: { code: -32000, message: `Request body too large: the limit is ${LIMIT} bytes` }, id: null }, 'in the words of the server')
        }
        t.match((await sent('/oauth/token', json(LIMIT + 1))).json, { error: 'invalid_request', error_description: /limit is 4096 bytes/ })
        t.match((await sent('/', json(LIMIT + 1))).json, { error: 'bad_request', message: /limit is 4096 bytes/ })
        await sleep(500)
        t.ok(seen(`${LIMIT}-bytes`))
        t.notOk(seen(`${LIMIT + 1}-bytes`))
      })

      t.test('metrics and the details of health are not to be had, however they are asked for', async t => {
        const inside = await fetch(`${instances[0]?.process.origin}/metrics`, { headers: { authorization: `Bearer ${TOKEN}` } })
        t.match(await inside.text(), 'mcpx_build_info', 'so that there would be something to see')
        for (const path of ['/metrics', '/metrics/', '/metrics?x', '//metrics', '/%6detrics', '/x/../metrics', '/./metrics', '/health', '/health/ready', '/health/', '//health']) {
          const { status, body } = await get(path, { authorization: `Bearer ${TOKEN}` })
          t.equal(status, 404, path)
          t.notMatch(body, /mcpx_|uptime|checks/, path)
        }
        t.same((await get('/health/live')).json, { status: 'ok' }, 'only that it answers')
      })
    })
  }

  t.test('connections to the instances are kept', async t => {
    const before = closed()
    for (let i = 0; i < 20; i++) await ask('h2', origin, '/mcp', call('echo', { message: 'x' }))
    t.ok(closed() - before < 5, `${closed() - before} connections were closed after 20 requests`)

    // What the kernel remembers of closed connections for a minute, at the ports of the instances.
    function closed (): number {
      const ports = instances.map(({ name }) => Number(name).toString(16).toUpperCase().padStart(4, '0'))
      return readFileSync('/proc/net/tcp', 'utf8').split('\n').map(line => line.trim().split(/\s+/)).filter(([, local = '', remote = '', state]) => state === '06' && ports.some(port => local.endsWith(`:${port}`) || remote.endsWith(`:${port}`))).length
    }
  })

  t.test('one address cannot have all of the connections, and others are not bothered by it', async t => {
    const sessions = Array.from({ length: 3 }, () => connect(origin, '127.0.0.3'))
    t.teardown(() => { for (const session of sessions) session.destroy() })
    const opened = await Promise.all(Array.from({ length: 130 }, async (_, index) => {
      const request = sessions[index % 3]?.request({ ':method': 'POST', ':path': '/mcp', ...call('x').headers })
      request?.end(call('slowly', { times: 2, everyMs: 30_000 }, {}, { progressToken: 1 }).body)
      return await new Promise<number>((resolve, reject) => request?.on('response', headers => resolve(Number(headers[':status']))).on('error', reject))
    }))
    t.equal(opened.filter(status => status === 200).length, 128)
    t.equal(opened.filter(status => status === 429).length, 2)
    const again = connect(origin, '127.0.0.3')
    const refused = await stream(again, '/mcp', call('echo', { message: 'x' }))
    t.match(refused, { status: 429, headers: { 'retry-after': '5', 'strict-transport-security': HSTS } })
    t.match(refused.json, { jsonrpc: '2.0', error: { code: -32000, message: /Too many connections/ }, id: null })
    again.close()
    t.equal((await ask('h2', origin, '/mcp', { ...call('echo', { message: 'x' }), from: '127.0.0.4' })).status, 200)
  })

  t.test('no query is logged: what an authorization request carries is nobody else\'s', async t => {
    await ask('h2', origin, '/?state=hunter2')
    await sleep(50)
    t.ok(accessLog().some(line => line.path === '/'))
    t.notMatch(JSON.stringify(accessLog()), 'hunter2')
  })
})

t.test('nginx in front of instances that are not there', { skip: noNginx }, async t => {
  const { origin, root, accessLog } = await startNginx(t, [String(await freePort())], { PUBLIC_URL: `https://localhost:${await freePort()}`, OAUTH_RATE_LIMIT_MAX: '6' })
  const statuses = async (path: string, from: string, times: number) => await Promise.all(Array.from({ length: times }, async () => await ask('HTTP/1.1', origin, path, { from })))

  await t.test('a failure is in the error log, and the query of a sign-in is in no log', async t => {
    const errors = () => readFileSync(`${root}/var/log/mcpx/mcpx-error.log`, 'utf8')
    for (const path of ['/oauth/authorize?state=hunter2', '/oauth/authorize?state=hunter2', '/nowhere?failed=here']) t.equal((await ask('h2', origin, path, { method: 'POST', body: path })).status, 503)
    t.match(errors(), 'failed=here')
    t.notMatch(errors() + JSON.stringify(accessLog()), 'hunter2')
    t.match(accessLog().find(line => line.path === '/oauth/authorize'), { status: 503, upstream: /127\.0\.0\.1/ })
  })

  await t.test('a log that has grown is put aside, closed to others as before, and nginx writes on in a new one', { skip: missing('logrotate') }, async t => {
    const folder = path.join(root, 'var/log/mcpx')
    const configuration = path.join(temporaryFolder(t), 'logrotate.conf')
    const text = readFileSync(path.join(import.meta.dirname, '../../ops/nginx/logrotate.conf'), 'utf8')
    writeFileSync(configuration, text.replace('/var/log/mcpx', folder).replaceAll('/run/nginx.pid', path.join(root, '../nginx.pid')).replace('maxsize 100M', 'maxsize 1k').replace('create 0640 root adm', process.getuid?.() === 0 ? '$&' : 'create 0640'), { mode: 0o644 })
    const rotate = (): void => { execFileSync('/usr/sbin/logrotate', ['--state', path.join(path.dirname(configuration), 'status'), configuration]) }
    while (statSync(path.join(folder, 'mcpx-access.log')).size < 2000) await ask('h2', origin, '/before')
    rotate()
    t.equal(readdirSync(folder).filter(name => name.startsWith('mcpx-access.log-')).length, 1)
    t.equal(statSync(path.join(folder, 'mcpx-access.log')).mode & 0o777, 0o640)
    while (accessLog().every(line => line.path !== '/after')) await ask('h2', origin, '/after') // once its workers have been told
    t.ok(accessLog().length < 5, 'a small one stays as it is')
    rotate()
    t.equal(readdirSync(folder).filter(name => name.startsWith('mcpx-access.log-')).length, 1)
  })

  await t.test('one address may not ask the sign-in without end, and others are not bothered by it', async t => {
    const answers = await statuses('/oauth/token', '127.0.0.5', 30)
    t.same(new Set(answers.map(({ status }) => status)), new Set([429, 503]))
    const refused = answers.filter(({ status }) => status === 429)
    t.ok(refused.length >= 15, `${refused.length} of 30: 13 at once, and one each second`)
    t.match(refused[0], { headers: { 'retry-after': '5' }, json: { error: 'temporarily_unavailable', error_description: 'Too many requests from this address; try again in 5 seconds' } })
    t.match(await statuses('/oauth/token', '127.0.0.6', 1), [{ status: 503 }])
    t.notOk((await statuses('/mcp', '127.0.0.5', 30)).some(({ status }) => status === 429), 'and only the sign-in')
  })
})
